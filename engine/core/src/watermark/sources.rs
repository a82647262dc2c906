//! The clocks of an input's sources.

use std::sync::Arc;

/// Most sources with a clock of their own: a commit holds them all.
pub const MAX_SOURCES: usize = 64;
/// Longest name of a source that is kept; of a longer one its beginning and a checksum.
const MAX_SOURCE_BYTES: usize = 64;
/// The clock that sources beyond [`MAX_SOURCES`] share. No subject token or header can be this.
pub const OTHER_SOURCES: &str = "…";
/// Between a name in a record and when something of the source came last. An engine from before takes it for a part of
/// the name, of sources that its own rule does not have.
const HEARD: char = '\0';

/// The clocks of the sources, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sources {
    names: Arc<[Arc<str>]>,
    times_ms: Vec<u64>,
    /// When the broker received the last message of each; 0 of one that cannot fall silent.
    heard_ms: Vec<u64>,
}

impl Sources {
    /// Takes note of a time of a source.
    pub(super) fn note(&mut self, source: &str, time_ms: u64, lag_ms: u64) {
        if source.contains(HEARD) {
            // A text of a payload may hold it, and would read back as another one.
            return self.hear(&source.replace(HEARD, "\u{fffd}"), time_ms, lag_ms, 0);
        }
        self.hear(source, time_ms, lag_ms, 0);
    }

    /// The same of one that can fall silent, in a message that the broker received then.
    pub(super) fn hear(&mut self, source: &str, time_ms: u64, lag_ms: u64, received_ms: u64) {
        let shortened;
        let source = if source.len() <= MAX_SOURCE_BYTES {
            source
        } else {
            shortened = shorten(source);
            &shortened
        };
        if self.find(source).is_err() {
            while self.named() >= MAX_SOURCES {
                if !self.forget_one(lag_ms) {
                    return self.set(OTHER_SOURCES, time_ms, received_ms);
                }
            }
        }
        self.set(source, time_ms, received_ms);
    }

    /// The earliest of the clocks of sources of which something has come since then, where they can fall silent.
    pub(super) fn first_ms(&self, since_ms: u64) -> Option<u64> {
        self.first(since_ms).map(|(_, time_ms)| time_ms)
    }

    /// The same with the name of the source.
    pub(super) fn first(&self, since_ms: u64) -> Option<(&str, u64)> {
        let waited_for = self.iter().zip(&self.heard_ms);
        let waited_for = waited_for.filter(|(_, heard_ms)| **heard_ms == 0 || **heard_ms >= since_ms);
        waited_for
            .map(|(source, _)| source)
            .min_by_key(|(_, time_ms)| *time_ms)
    }

    /// The latest of the clocks.
    pub(super) fn last_ms(&self) -> u64 {
        self.times_ms.iter().copied().max().unwrap_or(0)
    }

    /// Whether they can fall silent.
    pub(super) fn are_heard(&self) -> bool {
        self.heard_ms.iter().any(|heard_ms| *heard_ms > 0)
    }

    /// Names and clocks.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let names = self.names.iter().map(|name| &**name);
        names.zip(self.times_ms.iter().copied())
    }

    /// As a record has them.
    pub(super) fn written(&self) -> Vec<(String, u64)> {
        let written = self
            .iter()
            .zip(&self.heard_ms)
            .map(|((name, time_ms), heard_ms)| {
                let name = match heard_ms {
                    0 => name.to_owned(),
                    heard_ms => format!("{name}{HEARD}{heard_ms}"),
                };
                (name, time_ms)
            });
        written.collect()
    }

    /// Those of a record.
    pub(super) fn of_written(written: Vec<(String, u64)>) -> Self {
        let mut sources = Self::default();
        let mut names: Vec<Arc<str>> = Vec::new();
        for (name, time_ms) in written {
            let heard = name.split_once(HEARD);
            let heard = heard.and_then(|(name, heard_ms)| Some((name, heard_ms.parse().ok()?)));
            let (name, heard_ms) = heard.unwrap_or((&name, 0));
            names.push(name.into());
            sources.times_ms.push(time_ms);
            sources.heard_ms.push(heard_ms);
        }
        sources.names = names.into();
        sources
    }

    /// How many sources have a clock of their own.
    fn named(&self) -> usize {
        self.names.len() - usize::from(self.find(OTHER_SOURCES).is_ok())
    }

    fn find(&self, source: &str) -> Result<usize, usize> {
        self.names.binary_search_by(|name| (**name).cmp(source))
    }

    fn set(&mut self, source: &str, time_ms: u64, heard_ms: u64) {
        match self.find(source) {
            Ok(index) => {
                self.times_ms[index] = self.times_ms[index].max(time_ms);
                self.heard_ms[index] = self.heard_ms[index].max(heard_ms);
            }
            Err(index) => {
                let mut names = self.names.to_vec();
                names.insert(index, source.into());
                self.names = names.into();
                self.times_ms.insert(index, time_ms);
                self.heard_ms.insert(index, heard_ms);
            }
        }
    }

    /// Makes room: a source that is not waited for any more can be forgotten.
    fn forget_one(&mut self, lag_ms: u64) -> bool {
        let waited_for = self.times_ms.iter().max().map(|last| last.saturating_sub(lag_ms));
        let furthest = self
            .times_ms
            .iter()
            .copied()
            .enumerate()
            .min_by_key(|(_, at)| *at);
        let Some((index, _)) = furthest.filter(|(_, at_ms)| Some(*at_ms) < waited_for) else {
            return false;
        };
        let mut names = self.names.to_vec();
        names.remove(index);
        self.names = names.into();
        self.times_ms.remove(index);
        self.heard_ms.remove(index);
        true
    }
}

fn shorten(source: &str) -> String {
    let mut end = MAX_SOURCE_BYTES - 10;
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}#{:08x}", &source[..end], crc32fast::hash(source.as_bytes()))
}
