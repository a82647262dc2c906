//! Consumers, as the broker keeps them: one a subscription, under the name of pipeline, role and engine. They outlive
//! an engine that dies, and go with their stream. A subscription makes a lost one anew, as the real one does.

use tailrace_core::{identity::PipelineId, ports::broker::SubscribeRequest};

use super::{MemoryBroker, log::Streams};

/// What names of a pipeline's consumers begin with.
fn prefix(pipeline: &PipelineId) -> String {
    format!("tr_{}_{}_", pipeline.tenant, pipeline.pipeline)
}

/// A consumer, as long as its subscription lasts.
pub(super) struct Consumer {
    broker: MemoryBroker,
    stream: String,
    /// What names of the same engine's consumers for the same begin with.
    prefix: String,
    name: String,
}

impl Consumer {
    /// Makes one; those that an earlier subscription of this engine has left go.
    pub(super) fn make(broker: &MemoryBroker, streams: &mut Streams, request: &SubscribeRequest) -> Self {
        let SubscribeRequest {
            pipeline,
            role,
            engine,
            stream,
            ..
        } = request;
        let prefix = format!("{}{role}_{engine}_", prefix(pipeline));
        let consumer = Self {
            broker: broker.clone(),
            stream: stream.clone(),
            name: format!("{prefix}{}", streams.next_consumer()),
            prefix,
        };
        consumer.register(streams);
        consumer
    }

    fn register(&self, streams: &mut Streams) {
        if let Some(stream) = streams.held.get_mut(&self.stream) {
            stream.consumers.retain(|known| !known.starts_with(&self.prefix));
            stream.consumers.insert(self.name.clone());
        }
    }

    /// Makes it anew if somebody has deleted it.
    pub(super) fn look_after(&self, streams: &mut Streams) {
        let stream = streams.held.get(&self.stream);
        if stream.is_some_and(|stream| !stream.consumers.contains(&self.name)) {
            self.register(streams);
        }
    }
}

impl Drop for Consumer {
    /// An engine that lives, and reaches the broker, takes its consumer along.
    fn drop(&mut self) {
        let link = self.broker.link();
        if *link.crash().borrow() || !link.is_connected() {
            return;
        }
        if let Some(stream) = self.broker.0.log.lock().held.get_mut(&self.stream) {
            stream.consumers.remove(&self.name);
        }
    }
}

impl MemoryBroker {
    /// All consumers, with the stream that each reads.
    pub fn consumers(&self) -> Vec<(String, String)> {
        let streams = self.0.log.lock();
        let consumers = streams.held.iter().flat_map(|(stream, held)| {
            let consumers = held.consumers.iter();
            consumers.map(move |consumer| (stream.clone(), consumer.clone()))
        });
        consumers.collect()
    }

    /// Deletes consumers of a stream.
    pub(super) fn delete_consumers(&self, stream: &str, goes: impl Fn(&str) -> bool) {
        if let Some(stream) = self.0.log.lock().held.get_mut(stream) {
            stream.consumers.retain(|consumer| !goes(consumer));
        }
    }

    pub(super) fn delete_consumers_of(&self, stream: &str, pipeline: &PipelineId) {
        let prefix = prefix(pipeline);
        self.delete_consumers(stream, |consumer| consumer.starts_with(&prefix));
    }
}
