//! Streams as the engine asks for them: what they are, and the making and removing of a pipeline's own.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use tailrace_core::{
    altered::SharedStream,
    identity::PipelineId,
    life::Life,
    ports::broker::{
        BrokerError, CopiedStream, Denied, OwnError, OwnStream, StreamFacts, StreamPage, Streams, check_own,
    },
    subject,
};

use super::{MemoryBroker, Stored};
use crate::link::Service;

/// Streams that an engine makes for all pipelines. Here they are only names that a test can alter.
const SHARED: [&str; 3] = ["KV_tailrace_engines", "OBJ_tailrace_snapshots", "tailrace_audit"];

fn subjects_of(own: &OwnStream) -> Vec<String> {
    let mut subjects = vec![subject::own_pattern(&own.pipeline)];
    subjects.extend(own.output_pattern.clone());
    subjects
}

impl MemoryBroker {
    fn make_own(&self, own: &OwnStream) -> Result<StreamFacts, OwnError> {
        let name = subject::stream_name(&own.pipeline);
        let mut streams = self.0.log.lock();
        if let Some(known) = streams.held.get(&name) {
            check_own(&known.facts(&name), own)?;
        }
        let stream = streams.make_own(&name, own.life, || subjects_of(own));
        self.note_write();
        Ok(stream.facts(&name))
    }

    fn bring(&self, own: &OwnStream, keeps: bool) -> Result<StreamFacts, OwnError> {
        let name = subject::stream_name(&own.pipeline);
        let mut streams = self.0.log.lock();
        let Some(known) = streams.held.get_mut(&name) else {
            return Err(OwnError::Gone(name));
        };
        check_own(&known.facts(&name), own)?;
        known.life = Some(own.life);
        let mut subjects = subjects_of(own);
        if keeps {
            subjects.extend(std::mem::take(&mut known.subjects));
            subjects.dedup();
        }
        known.subjects = subjects;
        self.note_write();
        Ok(known.facts(&name))
    }

    fn remove(&self, name: &str, life: Life) {
        self.note_write();
        let mut streams = self.0.log.lock();
        let held = streams.held.get(name);
        if held.is_some_and(|stream| stream.life.unwrap_or_default() == life) {
            streams.take_away(name);
        }
        drop(streams);
        self.0.log.tell();
    }

    /// Somebody removes a stream by hand.
    pub fn lose_stream(&self, name: &str) {
        self.0.log.lock().take_away(name);
        self.0.log.tell();
    }
}

#[async_trait]
impl Streams for MemoryBroker {
    async fn stream(&self, name: &str) -> Result<StreamFacts, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        self.0.log.lock().facts(name)
    }

    async fn streams_with(&self, pattern: &str) -> Result<Vec<String>, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        let streams = self.0.log.lock();
        let holders = streams.held.iter().filter(|(_, stream)| {
            let mut subjects = stream.subjects.iter();
            subjects.any(|subject| subject::overlap(subject, pattern))
        });
        Ok(holders.map(|(name, _)| name.clone()).collect())
    }

    async fn derived_with(&self, _: &str) -> Result<Vec<String>, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        Ok(Vec::new())
    }

    async fn create_own(&self, own: &OwnStream) -> Result<StreamFacts, OwnError> {
        let (broker, own) = (self.clone(), own.clone());
        let made = self
            .0
            .link
            .change(Service::Streams, move || broker.make_own(&own));
        made.await?
    }

    async fn bring_own(&self, own: &OwnStream, keeps: bool) -> Result<StreamFacts, OwnError> {
        let (broker, own) = (self.clone(), own.clone());
        let brought = self
            .0
            .link
            .change(Service::Streams, move || broker.bring(&own, keeps));
        brought.await?
    }

    async fn mend_own(&self, pipeline: &PipelineId) -> Result<(), BrokerError> {
        self.0.link.request(Service::Streams).await?;
        self.alter(&subject::stream_name(pipeline), Vec::new());
        Ok(())
    }

    async fn remove_own(&self, pipeline: &PipelineId, life: Life) -> Result<(), BrokerError> {
        let (broker, name) = (self.clone(), subject::stream_name(pipeline));
        let removed = self
            .0
            .link
            .change(Service::Removal, move || broker.remove(&name, life));
        removed.await
    }

    async fn remove_consumers(&self, pipeline: &PipelineId, input: &str) -> Result<(), BrokerError> {
        let (broker, pipeline, input) = (self.clone(), pipeline.clone(), input.to_owned());
        let remove = move || broker.delete_consumers_of(&input, &pipeline);
        self.0.link.change(Service::Removal, remove).await
    }

    async fn engine_consumers(&self) -> Result<Vec<(String, String)>, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        Ok(self.consumers())
    }

    async fn remove_consumer(&self, stream: &str, consumer: &str) -> Result<(), BrokerError> {
        let (broker, stream, consumer) = (self.clone(), stream.to_owned(), consumer.to_owned());
        let remove = move || broker.delete_consumers(&stream, |known| known == consumer);
        self.0.link.change(Service::Removal, remove).await
    }

    async fn time_ms(&self) -> Result<Option<u64>, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        Ok(None)
    }

    async fn own_streams(&self) -> Result<Vec<StreamFacts>, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        let streams = self.0.log.lock();
        let own = streams.held.iter().filter(|(_, stream)| stream.life.is_some());
        Ok(own.map(|(name, stream)| stream.facts(name)).collect())
    }

    async fn page_of_streams(&self, offset: u64) -> Result<StreamPage, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        let streams = self.0.log.lock();
        let after = streams.held.iter().skip(offset as usize);
        let copied = after.map(|(name, stream)| CopiedStream {
            facts: stream.facts(name),
            leader: None,
            followers: Vec::new(),
        });
        Ok(StreamPage {
            streams: copied.collect(),
            total: streams.held.len() as u64,
        })
    }

    async fn trim_outputs(&self, own: &OwnStream) -> Result<(), BrokerError> {
        self.0.link.reach(Service::Streams)?;
        let (Some(most), Some(pattern)) = (own.keep_bytes, &own.output_pattern) else {
            return Ok(());
        };
        let name = subject::stream_name(&own.pipeline);
        if let Some(stream) = self.0.log.lock().held.get_mut(&name) {
            let size = |message: &Stored| message.payload.len() as u64;
            let is_output = |message: &Stored| subject::covers(pattern, &message.subject);
            let outputs = stream.messages.iter().filter(|message| is_output(message));
            let mut bytes: u64 = outputs.map(size).sum();
            stream.messages.retain(|message| {
                let stays = bytes <= most || !is_output(message);
                if !stays {
                    bytes -= size(message);
                }
                stays
            });
        }
        Ok(())
    }

    fn max_payload(&self) -> usize {
        self.0.max_payload.load(Ordering::Relaxed)
    }

    async fn altered_shared(&self) -> Result<Vec<SharedStream>, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        let streams = self.0.log.lock();
        let altered = SHARED.iter().filter_map(|name| {
            let altered = streams.held.get(*name)?.altered.clone();
            (!altered.is_empty()).then(|| SharedStream {
                name,
                altered,
                begins_anew: format!("nats stream rm {name}"),
            })
        });
        Ok(altered.collect())
    }

    async fn mend_shared(&self, name: &str) -> Result<(), BrokerError> {
        self.0.link.request(Service::Streams).await?;
        self.alter(name, Vec::new());
        Ok(())
    }

    fn denied(&self) -> Vec<Denied> {
        self.0.link.denied()
    }

    fn is_connected(&self) -> bool {
        self.0.link.is_connected()
    }

    async fn syncs_always(&self) -> Option<bool> {
        self.0.options.syncs_always
    }

    async fn count(
        &self,
        stream: &str,
        subjects: &[String],
        from: u64,
        to: u64,
    ) -> Result<Option<u64>, BrokerError> {
        self.0.link.request(Service::Streams).await?;
        let streams = self.0.log.lock();
        // A stream that computes its messages does not count them.
        let found = streams.held.get(stream);
        Ok(found.map(|stream| {
            let wanted = stream.from(from, subjects);
            wanted.take_while(|message| message.sequence <= to).count() as u64
        }))
    }
}
