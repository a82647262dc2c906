//! While a pipeline waits for somebody, what it waits for may become something else: a stream that lacked events is
//! deleted, or the one that was gone is there again. Whoever reads the reason acts by it, so it is kept up to date.

use std::time::Duration;

use tailrace_core::{
    observe::status::State,
    ports::broker::{BrokerError, InputError, OwnError, Streams, check_own, own_stream},
    registry, subject,
};

use crate::run::{PipelineRun, start::lost_stream};

/// How often it is looked whether the reason is another one by now.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl PipelineRun {
    /// Waits for somebody's action, and says what is needed now.
    pub(super) async fn park(&mut self, reason: String) {
        tracing::error!(reason, "the pipeline is parked");
        self.status.enter(State::Parked {
            reason: reason.clone(),
        });
        let Some((pipeline, _)) = self.entry.borrow().clone() else {
            return;
        };
        let first = self.stream_trouble(&pipeline).await;
        let mut shown = reason.clone();
        while !self.wait_for_change(Some(LOOK_EVERY)).await {
            let now = match (&first, self.stream_trouble(&pipeline).await) {
                (Ok(first), Ok(now)) if *first == now => reason.clone(),
                (Ok(_), Ok(Some(now))) => now,
                (Ok(_), Ok(None)) => format!(
                    "its streams are there again; to try again: tailrace pipeline resume {}; before, {reason}",
                    self.pipeline.pipeline
                ),
                // A broker that does not answer now says nothing.
                _ => continue,
            };
            if now != shown {
                tracing::error!(reason = now, "the pipeline is parked, by now for another reason");
                self.status.enter(State::Parked { reason: now.clone() });
                shown = now;
            }
        }
    }

    /// What is wrong with its streams as such; none where nothing is.
    async fn stream_trouble(&self, pipeline: &registry::Pipeline) -> Result<Option<String>, BrokerError> {
        let streams = &*self.world.streams;
        if let Some(lost) = self.own_trouble(streams, pipeline).await? {
            return Ok(Some(lost_stream(&self.pipeline, &lost)));
        }
        let input = pipeline.active.manifest.input.stream.clone().unwrap_or_default();
        let trouble = match streams.stream(&input).await {
            Err(BrokerError::NoStream(_)) => Some(InputError::Deleted(input)),
            facts => {
                let created = facts?.created;
                let is_another = pipeline
                    .stream_created
                    .as_ref()
                    .is_some_and(|known| *known != created);
                is_another.then_some(InputError::Recreated(input))
            }
        };
        Ok(trouble.map(|trouble| trouble.with_exit(&self.pipeline.pipeline)))
    }

    async fn own_trouble(
        &self,
        streams: &dyn Streams,
        pipeline: &registry::Pipeline,
    ) -> Result<Option<OwnError>, BrokerError> {
        let own = own_stream(&self.pipeline, pipeline.life, &pipeline.active.manifest);
        match streams.stream(&subject::stream_name(&self.pipeline)).await {
            Err(BrokerError::NoStream(name)) => Ok(Some(OwnError::Gone(name))),
            facts => Ok(check_own(&facts?, &own).err()),
        }
    }
}
