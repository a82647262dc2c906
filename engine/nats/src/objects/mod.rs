//! Object stores, in the form that every NATS client reads and writes, and without consumers: those of the
//! client library stay on the bucket for half a minute after each look, and a bucket has room for only so
//! many.
//!
//! - An object's metadata is the last message of `$O.<bucket>.M.<name>`. The leader is asked for it, so a
//!   writer finds what it has stored.
//! - Its chunks are the messages of `$O.<bucket>.C.<name>.<upload>`, where the last token is of one upload.
//!   They come by direct gets, at most [`reading`]`::MAX_BYTES` at once, and from the leader where the bucket does
//!   not allow direct gets or the replica that answered lags behind.
//! - An object counts only whole: its size and its SHA-256 must be what its metadata say.
//! - The subject of a chunk says which object it is for, so what an upload that was cut off has left is listed
//!   under its name, and is deleted with it.
//! - A writer compares and sets the metadata, so of two uploads of a name one is stored, and the chunks of the
//!   other go.
//! - A bucket is made when something is first stored in it.

mod info;
pub(crate) mod reading;
mod writing;

use crate::connect::NatsBroker;

/// A bucket of objects.
pub(crate) struct Objects<'a> {
    broker: &'a NatsBroker,
    bucket: &'static str,
}

impl NatsBroker {
    /// A bucket by its name.
    pub(crate) fn objects(&self, bucket: &'static str) -> Objects<'_> {
        Objects { broker: self, bucket }
    }
}

impl Objects<'_> {
    /// The stream that the bucket is.
    fn stream(&self) -> String {
        format!("OBJ_{}", self.bucket)
    }
}
