//! Why a turn ends, and why the processing of one event stops before its end.

use std::time::Duration;

use tailrace_core::{
    codes::LetterCode,
    ports::{plugins::PluginError, store::StoreError},
};

/// Why a turn ended.
#[derive(Debug)]
pub enum TurnEnd {
    /// The queue is empty.
    Drained,
    /// The batch is full.
    Full,
    /// The time slice is over; there is more to do.
    SliceOver,
    /// The first event of the queue is to be tried again after this pause.
    Retry(Duration),
    /// There is no room for the first event of the queue, under a limit, for so long.
    Throttled(Duration),
    /// Call after call was stopped: the partition backs off so long before the next event.
    Backoff(Duration),
    /// A step's policy pauses the pipeline at the first event of the queue.
    Pause(String),
    /// The plugin cannot be instantiated any more.
    Plugin(PluginError),
    /// Ours: the partition starts again from what is committed.
    Failed(String),
}

/// Why the processing of an event stops before its end.
pub(crate) enum Halt {
    /// The turn ends; the event stays in the queue.
    Turn(TurnEnd),
    /// The event causes more than a batch can hold, or a message that the broker cannot take.
    TooMuch { code: LetterCode, reason: String },
}

impl From<StoreError> for Halt {
    fn from(cause: StoreError) -> Self {
        Self::Turn(TurnEnd::Failed(cause.to_string()))
    }
}
