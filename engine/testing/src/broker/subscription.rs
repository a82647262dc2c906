//! Subscriptions: in stream order, now and then repeating themselves.

use async_trait::async_trait;
use tailrace_core::{
    manifest::Start,
    ports::broker::{Incoming, Input, InputError, Standing, SubscribeRequest, Subscription},
};
use tokio::sync::watch;

use super::{
    MemoryBroker, Stored,
    consumers::Consumer,
    generated::GeneratedSubscription,
    log::{Stream, Streams},
};
use crate::link::Service;

/// A subscription to a stream that holds its messages.
struct MemorySubscription {
    broker: MemoryBroker,
    stream: String,
    /// When the stream was made that it began on.
    created: String,
    subjects: Vec<String>,
    /// Where it began: nothing before that comes.
    first: u64,
    next: u64,
    changed: watch::Receiver<u64>,
    consumer: Consumer,
}

#[async_trait]
impl Input for MemoryBroker {
    async fn subscribe(&self, request: SubscribeRequest) -> Result<Box<dyn Subscription>, InputError> {
        self.0.link.reached(Service::Input).await;
        self.0.link.pause(20).await;
        let mut streams = self.0.log.lock();
        let Ok(facts) = streams.facts(&request.stream) else {
            return Err(InputError::Deleted(request.stream));
        };
        let created = request.stream_created.clone();
        let created = created.unwrap_or_else(|| facts.created.clone());
        if created != facts.created {
            return Err(InputError::Recreated(request.stream));
        }
        if request
            .witness
            .is_some_and(|witness| streams.has_another(&request.stream, witness))
        {
            return Err(InputError::Recreated(request.stream));
        }
        let next = request.from_sequence.unwrap_or(match request.start.clone() {
            Start::Sequence(sequence) => sequence,
            Start::New => facts.last_sequence + 1,
            // Times of messages are made up here, so none is too early.
            Start::All | Start::Time(_) => 1,
        });
        if let Some(stream) = streams.generated(&request.stream) {
            return Ok(Box::new(GeneratedSubscription {
                stream,
                next,
                received_ms: self.0.options.received_ms,
            }));
        }
        let consumer = Consumer::make(self, &mut streams, &request);
        Ok(Box::new(MemorySubscription {
            consumer,
            broker: self.clone(),
            stream: request.stream,
            created,
            subjects: request.subjects,
            first: next,
            next,
            changed: self.0.log.changes(),
        }))
    }
}

impl MemorySubscription {
    /// Its stream, with its consumer there.
    fn looked_after<'a>(&self, streams: &'a mut Streams) -> Result<&'a Stream, InputError> {
        let gone = || InputError::Deleted(self.stream.clone());
        if streams.held.get(&self.stream).ok_or_else(gone)?.created != self.created {
            return Err(InputError::Recreated(self.stream.clone()));
        }
        self.consumer.look_after(streams);
        streams.held.get(&self.stream).ok_or_else(gone)
    }

    /// How many messages come at once, and from where: chance repeats some.
    fn draw(&self, max: usize) -> (usize, u64) {
        let link = self.broker.link();
        let Some(faults) = link.faults() else {
            return (max, self.next);
        };
        let most = (1 + faults.below(40)) as usize;
        let mut from = self.next;
        if link.strikes("delivered again", 10) {
            from = from.saturating_sub(faults.below(30)).max(self.first);
        }
        (most.min(max), from)
    }
}

#[async_trait]
impl Subscription for MemorySubscription {
    async fn next(&mut self, max: usize) -> Result<Vec<Incoming>, InputError> {
        self.broker.link().reached(Service::Input).await;
        self.broker.link().pause(10).await;
        loop {
            self.changed.borrow_and_update();
            let (most, from) = self.draw(max);
            let batch: Vec<_> = {
                let mut streams = self.broker.0.log.lock();
                let stream = self.looked_after(&mut streams)?;
                let messages = stream.from(from, &self.subjects).take(most);
                messages.map(Stored::incoming).collect()
            };
            if let Some(last) = batch.last() {
                self.next = self.next.max(last.sequence + 1);
                return Ok(batch);
            }
            if self.changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn acknowledge(&mut self, watermark: u64) {
        assert!(
            watermark < self.next
                || self
                    .broker
                    .0
                    .log
                    .lock()
                    .facts(&self.stream)
                    .is_ok_and(|facts| watermark <= facts.last_sequence),
            "nothing is acknowledged that was not given"
        );
    }

    fn rebuilds(&self) -> u64 {
        0
    }

    async fn standing(&mut self) -> Result<Option<Standing>, InputError> {
        if self.broker.link().reach(Service::Input).is_err() {
            return Ok(None);
        }
        let streams = self.broker.0.log.lock();
        let Some(stream) = streams.held.get(&self.stream) else {
            return Err(InputError::Deleted(self.stream.clone()));
        };
        let pending = stream.from(self.next, &self.subjects).count() as u64;
        let complete_to = (pending == 0).then_some(stream.last_sequence);
        Ok(Some(Standing { pending, complete_to }))
    }
}
