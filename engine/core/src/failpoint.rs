//! Named points of an event's walk, and of the changes of several places, at which a test ends the process as
//! `kill -9` would, or stops it as `kill -STOP` does. So a fault between any two acts can be had at will. They do
//! nothing in release builds.

use std::{
    fmt,
    process::Command,
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A point, in the order of the walk and of each change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point {
            $($(#[$doc])* $point,)*
        }

        impl Point {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

points! {
    /// A partition has been brought up to what is committed.
    PartitionRecovered = "partition-recovered",
    /// An event was taken through the steps.
    EventProcessed = "event-processed",
    /// A batch was taken out for its commit; nothing was sent.
    CommitSealed = "commit-sealed",
    /// The broker has said that the batch is stored; it is not in the state store.
    CommitStored = "commit-stored",
    /// Some of a batch's writes are in the state store.
    CommitHalfApplied = "commit-half-applied",
    /// The batch is in the state store; the position was not shown to anybody.
    CommitApplied = "commit-applied",
    /// The position was shown; the input is not acknowledged.
    PositionShown = "position-shown",
    /// A snapshot was stored; what it replaces is still there.
    SnapshotStored = "snapshot-stored",
    /// What a snapshot replaces was purged.
    SnapshotPurged = "snapshot-purged",
    /// A pipeline's entry says that it is to be made; nothing is.
    CreateBegun = "create-begun",
    /// It has its place among its tenant's others.
    CreatePlaced = "create-placed",
    /// Its own stream is there, and empty.
    CreateStreamMade = "create-stream-made",
    /// Each of its partitions has the record that it begins with.
    CreatePartitionsBegun = "create-partitions-begun",
    /// What earlier lives of its name have left is gone.
    CreateNameCleared = "create-name-cleared",
    /// Its first revision is kept; its entry does not say yet that it is there.
    CreateRevisionKept = "create-revision-kept",
    /// Its entry says that it is there; nobody was told.
    CreateDone = "create-done",
    /// A pipeline's entry says that it is to go; everything is there.
    DeleteBegun = "delete-begun",
    /// No engine runs it any more.
    DeleteLetGo = "delete-let-go",
    /// Its consumers are gone.
    DeleteConsumersGone = "delete-consumers-gone",
    /// Its own stream is gone.
    DeleteStreamGone = "delete-stream-gone",
    /// Its snapshots are gone.
    DeleteSnapshotsGone = "delete-snapshots-gone",
    /// What its alarms remember is gone.
    DeleteAlarmsGone = "delete-alarms-gone",
    /// Its revisions are gone, and only its entry is there.
    DeleteRevisionsGone = "delete-revisions-gone",
    /// Its entry is gone; nobody was told.
    DeleteDone = "delete-done",
    /// A tenant's entry says that it is to go; everything of it is there.
    TenantBegun = "tenant-begun",
    /// It has no pipelines.
    TenantPipelinesGone = "tenant-pipelines-gone",
    /// It has no tokens.
    TenantTokensGone = "tenant-tokens-gone",
    /// It has no plugin versions; their bytes are there.
    TenantVersionsGone = "tenant-versions-gone",
    /// The bytes of its plugins are gone, and only its entry is there.
    TenantComponentsGone = "tenant-components-gone",
    /// Its entry is gone; nobody was told.
    TenantDone = "tenant-done",
    /// A dead letter was sent again, and lies among the dead letters still.
    RedriveSent = "redrive-sent",
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What becomes of the process at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It ends.
    Abort,
    /// It stops, until somebody sends it SIGCONT.
    Stop,
}

/// A point that does not exist, or a build without points.
#[derive(Debug, thiserror::Error)]
pub enum FailpointError {
    /// Not `<point>:<n>`.
    #[error("{given:?} is no failpoint: write <point>:<n> or <point>:<n>:stop, with one of {known}")]
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

/// A point, how often it is passed before the process meets its fate there, and which.
#[derive(Debug)]
struct Armed {
    point: Point,
    left: AtomicU64,
    fate: Fate,
}

static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

/// Arms points, parted by commas: `commit-stored:3` ends the process when it is passed for the third time,
/// `commit-stored:3:stop` stops it there.
pub fn arm(text: &str) -> Result<(), FailpointError> {
    if !cfg!(debug_assertions) {
        return Err(FailpointError::Release);
    }
    let armed = text.split(',').map(|given| {
        let (point, times, fate) = parse(given).ok_or_else(|| FailpointError::Unknown {
            given: given.chars().take(64).collect(),
            known: known(),
        })?;
        let left = AtomicU64::new(times);
        Ok(Armed { point, left, fate })
    });
    let armed = armed.collect::<Result<_, FailpointError>>()?;
    ARMED.get_or_init(|| armed);
    Ok(())
}

fn known() -> String {
    let names: Vec<_> = Point::ALL.iter().map(|point| point.name()).collect();
    names.join(", ")
}

fn parse(text: &str) -> Option<(Point, u64, Fate)> {
    let (name, rest) = text.split_once(':')?;
    let point = Point::ALL.iter().find(|point| point.name() == name)?;
    let (times, fate) = match rest.strip_suffix(":stop") {
        Some(times) => (times, Fate::Stop),
        None => (rest, Fate::Abort),
    };
    let times = u64::from_str(times).ok().filter(|times| *times > 0)?;
    Some((*point, times, fate))
}

/// Passes a point.
pub fn pass(point: Point) {
    if !cfg!(debug_assertions) {
        return;
    }
    let armed = ARMED.get().into_iter().flatten();
    for armed in armed.filter(|armed| armed.point == point) {
        if armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            meet(point, armed.fate);
        }
    }
}

fn meet(point: Point, fate: Fate) {
    match fate {
        Fate::Abort => {
            tracing::error!(%point, "the failpoint ends the process");
            std::process::abort();
        }
        Fate::Stop => {
            tracing::error!(%point, "the failpoint stops the process");
            stop();
        }
    }
}

/// By way of `kill`, for the standard library sends no signals and this project writes no `unsafe`. The process
/// stands still before that command is reaped.
fn stop() {
    let me = std::process::id().to_string();
    if let Err(cause) = Command::new("kill").args(["-STOP", &me]).status() {
        tracing::error!(%cause, "the process cannot be stopped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_named_with_a_count_and_a_fate() {
        assert_eq!(
            parse("commit-stored:3"),
            Some((Point::CommitStored, 3, Fate::Abort))
        );
        assert_eq!(
            parse("delete-let-go:1:stop"),
            Some((Point::DeleteLetGo, 1, Fate::Stop))
        );
        for wrong in [
            "commit-stored",
            "commit-stored:0",
            "commit-stored:x",
            "commit-stored:1:sleep",
            "nowhere:1",
            "",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let unknown = arm("commit-stored:1,nowhere:1").unwrap_err().to_string();
        assert!(
            unknown.contains("nowhere:1") && unknown.contains("delete-let-go"),
            "{unknown}"
        );
    }

    #[test]
    fn no_two_points_share_a_name() {
        let mut names: Vec<_> = Point::ALL.iter().map(|point| point.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Point::ALL.len());
    }
}
