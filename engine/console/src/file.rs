//! A file that `make console` has built, with its encodings made beforehand: the engine compresses nothing.

/// A built file.
#[derive(Debug)]
pub(crate) struct File {
    /// Below `/console/`.
    pub(crate) path: &'static str,
    pub(crate) media_type: &'static str,
    /// SHA-256 of its bytes, in hex.
    pub(crate) digest: &'static str,
    /// Whether its name holds a hash of its content, so that it never changes.
    pub(crate) hashed: bool,
    pub(crate) plain: &'static [u8],
    pub(crate) brotli: Option<&'static [u8]>,
    pub(crate) gzip: Option<&'static [u8]>,
}

/// What was built; empty where `make console` did not run.
pub(crate) const BUILT: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The page that every view of the console begins with.
pub(crate) const INDEX: &str = "index.html";

/// The file of a path below `/console/`.
pub(crate) fn find<'a>(files: &'a [File], path: &str) -> Option<&'a File> {
    files.iter().find(|file| file.path == path)
}
