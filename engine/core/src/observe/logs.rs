//! Lines of a pipeline's plugins, for their tenant: the last ones, and those to come. They are bounded:
//! in lines and bytes that are kept, and in lines a second, beyond which they are counted and left out.
//! What passes goes to the engine's own log as well, so no plugin floods that either.
//!
//! Why: docs/decisions/0032-log-lines-name-their-owner.md

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;

use crate::{
    name::Name,
    observe::live::{Bounds, Live, LiveStream, ShowRate},
    ports::plugins::LogLevel,
    text::plain,
};

/// Lines that are kept of a pipeline.
pub const KEPT_LINES: usize = 500;
/// Bytes of text that are kept of a pipeline: a thousand pipelines take at most 64 MiB.
pub const KEPT_BYTES: usize = 64 * 1024;
/// Lines a second of a pipeline: far more than a person reads, far less than a core can write.
pub const PER_SECOND: u32 = 100;
/// Longest line, in characters.
pub const MAX_LINE: usize = 1_024;

/// What a watcher gets: everything, unless it is slow.
const BOUNDS: Bounds = Bounds {
    queue: 256,
    per_second: u32::MAX,
};

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "LogLine")]
pub struct Line {
    /// When it was written, milliseconds since the epoch.
    pub time_ms: u64,
    /// How severe it is.
    pub level: LogLevel,
    /// The step whose plugin wrote it.
    pub step: Name,
    /// The partition.
    pub partition: u32,
    /// Sequence of the event in the input.
    pub sequence: u64,
    /// One line of plain text.
    pub text: String,
    /// Lines before this one that were left out, because there were too many in a second.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A pipeline's lines on this engine.
pub struct Logs {
    kept: Mutex<Kept>,
    live: Arc<Live<Line, ()>>,
    per_second: u32,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Arc<Line>>,
    bytes: usize,
    rate: ShowRate,
    left_out: u64,
}

/// The lines to come, for one watcher.
pub type Following = LiveStream<Line, ()>;

impl Default for Logs {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            live: Arc::new(Live::new(BOUNDS)),
            per_second: PER_SECOND,
        }
    }
}

impl Logs {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a plugin's author, who is shown every line.
    pub fn without_limit() -> Self {
        Self {
            per_second: u32::MAX,
            ..Self::default()
        }
    }

    /// Adds a line, unless there were too many in this second; gives whether it passed. `now` is
    /// monotonic.
    pub fn write(&self, now: Duration, line: Line) -> bool {
        let mut kept = self.kept();
        if !kept.rate.admits(now, self.per_second) {
            kept.left_out += 1;
            return false;
        }
        let line = Arc::new(Line {
            text: plain(&line.text, MAX_LINE),
            left_out: std::mem::take(&mut kept.left_out),
            ..line
        });
        kept.bytes += line.text.len();
        kept.lines.push_back(line.clone());
        while kept.lines.len() > KEPT_LINES || kept.bytes > KEPT_BYTES {
            let gone = kept.lines.pop_front();
            kept.bytes -= gone.map_or(0, |gone| gone.text.len());
        }
        // Under the lock, so that who begins to follow misses no line and gets none twice.
        self.live.show(now, |()| true, || line.as_ref().clone());
        true
    }

    /// The last lines, oldest first.
    pub fn last(&self, most: usize) -> Vec<Arc<Line>> {
        self.kept().last(most)
    }

    /// The last lines, and those to come.
    pub fn follow(&self, most: usize) -> (Vec<Arc<Line>>, Following) {
        let kept = self.kept();
        (kept.last(most), self.live.watch(()))
    }

    /// Ends every watcher's stream.
    pub fn close(&self) {
        self.live.close();
    }
}

impl Kept {
    fn last(&self, most: usize) -> Vec<Arc<Line>> {
        let skipped = self.lines.len().saturating_sub(most);
        self.lines.iter().skip(skipped).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            time_ms: 1,
            level: LogLevel::Info,
            step: Name::new("rank").unwrap(),
            partition: 0,
            sequence: 7,
            text: text.to_owned(),
            left_out: 0,
        }
    }

    fn second(number: usize) -> Duration {
        Duration::from_secs(number as u64)
    }

    #[test]
    fn what_is_kept_is_bounded_in_lines_and_in_bytes() {
        let logs = Logs::default();
        for number in 0..2 * KEPT_LINES {
            logs.write(second(number), line("x"));
        }
        assert_eq!(logs.last(usize::MAX).len(), KEPT_LINES);
        for number in 0..2 * KEPT_LINES {
            logs.write(second(number), line(&"x".repeat(5_000)));
        }
        assert_eq!(logs.last(usize::MAX).len(), KEPT_BYTES / MAX_LINE);
        assert_eq!(logs.last(2).len(), 2);
    }

    #[test]
    fn lines_beyond_the_rate_are_left_out_and_counted() {
        let logs = Logs::default();
        for _ in 0..PER_SECOND + 17 {
            logs.write(Duration::ZERO, line("x"));
        }
        logs.write(second(1), line("after"));
        let last = logs.last(usize::MAX);
        assert_eq!(last.len() as u32, PER_SECOND + 1);
        assert_eq!(last.last().map(|line| line.left_out), Some(17));
    }

    #[test]
    fn a_line_stays_one_line_of_plain_text() {
        let logs = Logs::default();
        logs.write(Duration::ZERO, line("a\r\ndata: {}\u{1b}[31m\u{9b}"));
        let text = &logs.last(1)[0].text;
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.starts_with("a\\r\\ndata: {}"), "{text:?}");
    }

    #[tokio::test]
    async fn who_follows_gets_the_last_lines_and_each_later_one_once() {
        let logs = Logs::default();
        logs.write(Duration::ZERO, line("before"));
        let (last, mut following) = logs.follow(10);
        logs.write(Duration::ZERO, line("after"));
        assert_eq!(last[0].text, "before");
        assert_eq!(following.next().await.unwrap().text, "after");
        logs.close();
        assert!(following.next().await.is_none());
    }
}
