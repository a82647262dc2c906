//! Subscriptions: in stream order, repeating themselves now and then, some messages later than their windows.

use std::sync::Arc;

use async_trait::async_trait;
use tailrace_core::{manifest::Start, ports::broker::*, subject};
use tokio::sync::watch;

use super::{SimBroker, Stored};

/// A subscription: in stream order, now and then repeating itself.
struct SimSubscription {
    broker: Arc<SimBroker>,
    stream: String,
    subjects: Vec<String>,
    /// Where it began: nothing before that comes.
    first: u64,
    next: u64,
    changed: watch::Receiver<u64>,
}

/// The broker as an engine holds it.
#[derive(Clone)]
pub struct Connection(pub Arc<SimBroker>);

#[async_trait]
impl Input for Connection {
    async fn subscribe(&self, request: SubscribeRequest) -> Result<Box<dyn Subscription>, InputError> {
        self.0.pause(20).await;
        let next = request.from_sequence.unwrap_or(match request.start {
            Start::Sequence(sequence) => sequence,
            _ => 1,
        });
        Ok(Box::new(SimSubscription {
            broker: self.0.clone(),
            stream: request.stream,
            subjects: request.subjects,
            first: next,
            next,
            changed: self.0.changed.subscribe(),
        }))
    }
}

#[async_trait]
impl Subscription for SimSubscription {
    async fn next(&mut self, max: usize) -> Result<Vec<Incoming>, InputError> {
        self.broker.pause(10).await;
        loop {
            self.changed.borrow_and_update();
            let most = (1 + self.broker.faults.below(40)) as usize;
            let mut from = self.next;
            if self.broker.faults.strikes("delivered again", 10) {
                from = from.saturating_sub(self.broker.faults.below(30)).max(self.first);
            }
            let messages = self.broker.messages(&self.stream, ">");
            let ours = |message: &&Stored| {
                message.sequence >= from
                    && self
                        .subjects
                        .iter()
                        .any(|pattern| subject::covers(pattern, &message.subject))
            };
            let batch: Vec<_> = messages
                .iter()
                .filter(ours)
                .take(most.min(max))
                .map(incoming)
                .collect();
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
            watermark < self.next,
            "nothing is acknowledged that was not given"
        );
    }

    fn rebuilds(&self) -> u64 {
        0
    }
}

fn incoming(message: &Stored) -> Incoming {
    Incoming {
        sequence: message.sequence,
        // Some come late: behind the windows that are kept.
        received_ms: 10_000 + message.sequence * 40
            - if message.sequence.is_multiple_of(11) {
                5_000
            } else {
                0
            },
        subject: message.subject.clone(),
        headers: message.headers.clone(),
        payload: message.payload.clone(),
    }
}
