//! When direct gets went unanswered. Any copy of a stream may answer one. The servers pick a copy also on a node
//! that was cut off, until they notice that its route is dead: up to a minute. The leader is always found.

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

/// An answer that takes longer does not come.
pub(crate) const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// The leader is asked instead for so long.
const LASTS: Duration = Duration::from_secs(30);

/// Whether direct gets are worth asking.
#[derive(Debug, Default)]
pub(crate) struct Silence(Mutex<Option<Instant>>);

impl Silence {
    /// One went unanswered.
    pub(crate) fn begins(&self) {
        let until = Instant::now() + LASTS;
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(until);
    }

    /// Whether one went unanswered a short while ago.
    pub(crate) fn lasts(&self) -> bool {
        let until = *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silence_ends_after_a_while() {
        let silence = Silence::default();
        assert!(!silence.lasts());
        silence.begins();
        assert!(silence.lasts());
        tokio::time::advance(LASTS).await;
        assert!(!silence.lasts());
    }
}
