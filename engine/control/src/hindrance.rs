//! What keeps the whole engine from its work, though the broker answers: permissions that were taken away, and streams of
//! its own that somebody has altered.
//!
//! Why: docs/decisions/0209-what-the-engine-made-for-all-is-looked-at.md

use std::{sync::PoisonError, time::Duration};

use tailrace_core::{altered::SharedStream, observe::status::State};
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// How often the streams for all pipelines are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl Context {
    /// Looks at the streams for all pipelines until it is stopped.
    pub async fn keep_shared(self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            match self.world.streams.altered_shared().await {
                Ok(found) => self.shared_are(found),
                // A broker that does not answer now says nothing of them.
                Err(cause) => tracing::debug!(%cause, "the engine's own streams are looked at again later"),
            }
        }
    }

    fn shared_are(&self, found: Vec<SharedStream>) {
        let mut known = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in found.iter().filter(|stream| !known.contains(stream)) {
            if stream.hinders() {
                tracing::error!("{}", stream.told());
            } else {
                tracing::warn!("{}", stream.told());
            }
        }
        if found.is_empty() && !known.is_empty() {
            tracing::info!("the engine's own streams are as the engine made them again");
        }
        *known = found;
    }

    fn altered_streams(&self) -> Vec<SharedStream> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Streams for all pipelines that are not as they must be, each in words. Those that hinder come first.
    pub fn told_of_streams(&self) -> Vec<String> {
        let mut altered = self.altered_streams();
        altered.sort_by_key(|stream| !stream.hinders());
        altered.iter().map(SharedStream::told).collect()
    }

    /// What keeps the engine from its work, and the way out.
    pub(crate) fn hindrance(&self) -> Option<String> {
        let denied = self.world.streams.denied();
        if let Some(denied) = denied.iter().find(|denied| denied.is_engines()) {
            return Some(denied.to_string());
        }
        let altered = self.altered_streams();
        let told = altered
            .iter()
            .filter(|stream| stream.hinders())
            .map(SharedStream::told);
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// A pipeline that cannot even begin says why.
    pub(crate) fn unless_hindered(&self, state: State) -> State {
        match (state, self.hindrance()) {
            (State::Starting, Some(reason)) => State::Waiting { reason },
            (state, _) => state,
        }
    }
}
