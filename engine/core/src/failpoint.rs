//! Named points of an event's walk at which a test ends the process, as `kill -9` would: so that a
//! crash between any two acts can be had at will. They do nothing in release builds.

use std::{
    fmt,
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// A point, in the order of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A partition has been brought up to what is committed.
    PartitionRecovered,
    /// An event was taken through the steps.
    EventProcessed,
    /// A batch was taken out for its commit; nothing was sent.
    CommitSealed,
    /// The broker has said that the batch is stored; it is not in the state store.
    CommitStored,
    /// Some of a batch's writes are in the state store.
    CommitHalfApplied,
    /// The batch is in the state store; the position was not shown to anybody.
    CommitApplied,
    /// The position was shown; the input is not acknowledged.
    PositionShown,
    /// A snapshot was stored; what it replaces is still there.
    SnapshotStored,
    /// What a snapshot replaces was purged.
    SnapshotPurged,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::PartitionRecovered,
        Self::EventProcessed,
        Self::CommitSealed,
        Self::CommitStored,
        Self::CommitHalfApplied,
        Self::CommitApplied,
        Self::PositionShown,
        Self::SnapshotStored,
        Self::SnapshotPurged,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::PartitionRecovered => "partition-recovered",
            Self::EventProcessed => "event-processed",
            Self::CommitSealed => "commit-sealed",
            Self::CommitStored => "commit-stored",
            Self::CommitHalfApplied => "commit-half-applied",
            Self::CommitApplied => "commit-applied",
            Self::PositionShown => "position-shown",
            Self::SnapshotStored => "snapshot-stored",
            Self::SnapshotPurged => "snapshot-purged",
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A point that does not exist, or a build without points.
#[derive(Debug, thiserror::Error)]
pub enum FailpointError {
    /// Not `<point>:<n>`.
    #[error("{given:?} is no failpoint: write <point>:<n>, with one of {known}")]
    Unknown {
        /// What was given.
        given: String,
        /// All points.
        known: String,
    },
    /// A release build.
    #[error("failpoints are compiled into debug builds only")]
    Release,
}

/// A point and how often it is passed before the process ends there.
struct Armed {
    point: Point,
    left: AtomicU64,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Arms a point: `commit-stored:3` ends the process when it is passed for the third time.
pub fn arm(text: &str) -> Result<(), FailpointError> {
    if !cfg!(debug_assertions) {
        return Err(FailpointError::Release);
    }
    let (point, times) = parse(text).ok_or_else(|| FailpointError::Unknown {
        given: text.chars().take(64).collect(),
        known: Point::ALL.map(Point::name).join(", "),
    })?;
    ARMED.get_or_init(|| Armed {
        point,
        left: AtomicU64::new(times),
    });
    Ok(())
}

fn parse(text: &str) -> Option<(Point, u64)> {
    let (name, times) = text.split_once(':')?;
    let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
    let times = u64::from_str(times).ok().filter(|times| *times > 0)?;
    Some((point, times))
}

/// Passes a point.
pub fn pass(point: Point) {
    if !cfg!(debug_assertions) {
        return;
    }
    let Some(armed) = ARMED.get().filter(|armed| armed.point == point) else {
        return;
    };
    if armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
        tracing::error!(%point, "the failpoint ends the process");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_named_with_a_count() {
        assert_eq!(parse("commit-stored:3"), Some((Point::CommitStored, 3)));
        for wrong in [
            "commit-stored",
            "commit-stored:0",
            "commit-stored:x",
            "nowhere:1",
            "",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
