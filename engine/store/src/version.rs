//! Versions of what a store holds: as long as one stays, so does every answer that is read from the store.
//!
//! It is half of a seqlock (Lameter, 2005): whoever changes the content takes the version away before the first
//! byte changes and gives a new one after the last. A reader that sees one version before and after has read
//! nothing else. The new one is drawn from one counter for all stores of the process, so that no store made anew
//! has a version of the one before.
//!
//! Why: docs/decisions/0052-cached-answers.md

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// No version: the content is changing.
const NONE: u64 = 0;

/// The next version of any store.
static NEXT: AtomicU64 = AtomicU64::new(NONE + 1);

/// The version of one store.
pub(crate) struct Version(AtomicU64);

/// While there is one, the content may change.
pub(crate) struct Changing<'a>(&'a Version);

impl Version {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// The version now. What was read before this call was read no later than it.
    pub(crate) fn get(&self) -> Option<u64> {
        fence(Ordering::SeqCst);
        let version = self.0.load(Ordering::SeqCst);
        (version != NONE).then_some(version)
    }

    /// Takes the version away. Writers exclude each other by a lock of their own.
    pub(crate) fn change(&self) -> Changing<'_> {
        self.0.store(NONE, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        Changing(self)
    }
}

impl Drop for Changing<'_> {
    /// After a failure too: what is there now is another content.
    fn drop(&mut self) {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        self.0.0.store(next, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_was_read_under_one_version_is_one_content() {
        let version = Version::new();
        // Two halves of one content, which a reader must never see apart.
        let halves = [const { AtomicU64::new(0) }; 2];
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for content in 1..=200_000 {
                    let _changing = version.change();
                    halves[0].store(content, Ordering::Relaxed);
                    halves[1].store(content, Ordering::Relaxed);
                }
            });
            let mut seen = std::collections::BTreeMap::new();
            while !writer.is_finished() || seen.is_empty() {
                let before = version.get();
                let [one, other] = [0, 1].map(|half: usize| halves[half].load(Ordering::Relaxed));
                if let Some(before) = before.filter(|before| version.get() == Some(*before)) {
                    assert_eq!(one, other, "read half before and half after a change");
                    assert_eq!(*seen.entry(before).or_insert(one), one, "version {before}");
                }
            }
        });
        assert_ne!(Version::new().get(), version.get(), "each store has its own");
    }
}
