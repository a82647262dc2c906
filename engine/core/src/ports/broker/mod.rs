//! The broker, as the engine sees it: input streams, the stream of a pipeline's own, dead letters.
//! Implemented by `engine/nats`.
//!
//! What an implementation promises:
//! - a [`Subscription`] gives every message of its subjects from its start in stream order, each
//!   once, for ever: a lost consumer is rebuilt behind it, with backoff; only what a rebuild cannot
//!   mend ([`InputError`]) comes out;
//! - [`CommitLog::commit`] stores all messages or none, and only if the last message of the commit
//!   subject is the expected one. When it cannot know, it says [`CommitError::Unknown`].

mod commits;
mod dead_letters;
mod denied;
mod error;
mod input;
mod own;
mod snapshots;
mod streams;

pub use self::{
    commits::{
        BatchOutput, BatchOutputs, BrokerCounts, CommitBatch, CommitError, CommitLog, Output, StoredPart,
    },
    dead_letters::{DeadLetters, StoredDeadLetter},
    denied::{Denied, DeniedAct},
    error::BrokerError,
    input::{Incoming, Input, InputError, Standing, SubscribeRequest, Subscription},
    own::{OwnError, OwnStream, own_stream},
    snapshots::Snapshots,
    streams::{CopiedStream, Follower, StreamFacts, StreamPage, Streams, check_own, has_lost_its_life},
};

/// The smallest `max_payload` of the broker that an engine works with: a message bears the engine's own headers, and
/// those of the atomic batch, beside what an event brings.
pub const LEAST_MAX_PAYLOAD: usize = 16 * 1024;

/// What is wrong with a broker that takes messages of no more than these bytes, and the way out.
pub fn too_small_a_limit(max_payload: usize) -> Option<String> {
    (max_payload < LEAST_MAX_PAYLOAD).then(|| {
        format!(
            "the broker takes messages of at most {max_payload} bytes, and the engine needs {LEAST_MAX_PAYLOAD} for its own part of them; raise max_payload in the configuration of the NATS server and reload it (operator); it goes on by itself"
        )
    })
}
