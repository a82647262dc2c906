//! A stream that computes its messages: as many as a benchmark wants, at the cost of one copy of a
//! subject and one count of references each.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    life::Life,
    ports::broker::{Incoming, InputError, StreamFacts, Subscription},
};

/// Such a stream.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The subjects of the messages, in turn.
    pub subjects: Vec<String>,
    /// The payloads, over and over.
    pub payloads: Vec<Bytes>,
    /// How many messages there are in all.
    pub count: u64,
}

impl Generated {
    pub(super) fn facts(&self, name: &str) -> StreamFacts {
        StreamFacts {
            name: name.to_owned(),
            created: String::new(),
            replicas: 1,
            first_sequence: 1,
            last_sequence: self.count,
            messages: self.count,
            bytes: 0,
            subjects: self.subjects.clone(),
            keeps_to_limits: true,
            life: Life::UNNAMED,
            begun_at: 1,
            is_engines: false,
            is_described: false,
            altered: Vec::new(),
            may_hold: vec![">".to_owned()],
        }
    }
}

/// A subscription to it: every read gives as much as is asked for.
pub(super) struct GeneratedSubscription {
    pub(super) stream: Arc<Generated>,
    pub(super) next: u64,
    pub(super) received_ms: fn(u64) -> u64,
}

#[async_trait]
impl Subscription for GeneratedSubscription {
    async fn next(&mut self, max: usize) -> Result<Vec<Incoming>, InputError> {
        let Generated {
            subjects,
            payloads,
            count,
        } = &*self.stream;
        if self.next > *count {
            std::future::pending::<()>().await;
        }
        let end = (*count).min(self.next + max as u64 - 1);
        let give = |sequence: u64| Incoming {
            sequence,
            received_ms: (self.received_ms)(sequence),
            subject: subjects[sequence as usize % subjects.len()].clone(),
            headers: Vec::new(),
            payload: payloads[sequence as usize % payloads.len()].clone(),
            unreadable: None,
        };
        let batch = (self.next..=end).map(give).collect();
        self.next = end + 1;
        Ok(batch)
    }

    async fn acknowledge(&mut self, _: u64) {}

    fn rebuilds(&self) -> u64 {
        0
    }
}
