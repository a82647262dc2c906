//! A rougher pipeline than the checkers of the others can compute: calls fail until their tries are used up, events are
//! shed, come late, are sent again from the dead letters, and entries of state end or are deleted by order. What it comes
//! to hangs on time and chance, so only its own records can say it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tailrace_core::{
    identity::PipelineId,
    life::Life,
    ports::broker::{DeadLetters as _, StoredDeadLetter},
    record,
    state_deletion::{self, Keys, StateDeletion},
    subject,
};
use tailrace_testing::{
    broker::{MemoryBroker, Stored},
    faults::Faults,
    link::Link,
};

use super::{plugins::Manner, sketches::DIVIDED};

/// What its plugins are like: calls fail often, and entries of state end soon.
pub const MANNER: Manner = Manner {
    fails: 8,
    ttl_ms: Some(1_500),
    traced: Some(0.3),
};

/// What one seed wants of the limits, beside the revision.
pub struct Rough {
    seed: u64,
    /// Dead letters that were sent again, and are in the stream no more.
    sent_again: Mutex<BTreeMap<u64, Stored>>,
}

impl Rough {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            sent_again: Mutex::default(),
        }
    }

    /// The manifest of a revision, beside its vectors. Odd revisions read the clock otherwise.
    pub fn manifest(
        &self,
        (number, label): (u64, u64),
        partitions: u32,
        more_vectors: &str,
        idle: &str,
    ) -> String {
        let over = ["drop", "dead-letter", "wait"][(self.seed % 3) as usize];
        let late = ["process", "dead-letter", "drop"][(self.seed / 3 % 3) as usize];
        let (delay, by) = if number.is_multiple_of(2) {
            ("0s", 2)
        } else {
            ("300ms", 1)
        };
        format!(
            r#"{{"name":"count","partitions":{partitions},"rate":{{"events":{{"limit":25,"per":"100ms"}},"over":"{over}"}},
            "input":{{"stream":"IN","subjects":["in.>"],"key":{{"subject-token":2}},"watermark":{{"delay":"{delay}","late":"{late}","idle":{idle}}}}},
            "steps":[{{"name":"count","plugin":"count@1.0.0","config":{label},"grants":["state","vectors","sketches","timers"],"on-error":{{"retries":1,"backoff":"10ms"}}}},
                     {{"name":"stamp","plugin":"stamp@1.0.0","on-error":{{"retries":2,"backoff":"10ms","then":"forward"}}}}],
            "vectors":{{"counts":{{"dimensions":1}}{more_vectors}}},"sketches":{{"counts":{{"kind":"quantiles"}},
                "{DIVIDED}":{{"kind":"top","value":{{"subject-token":2}},"window":"1s","keep":"2s","by":{{"subject-token":{by}}},"groups":3}}}},"output":{{"subject":"out.{{key}}"}}}}"#
        )
    }

    /// Sends what is dead again, or has state deleted. Gives whether the engines are to hear of it.
    pub async fn meddle(
        &self,
        faults: &Faults,
        broker: &MemoryBroker,
        pipeline: &PipelineId,
        life: Life,
    ) -> bool {
        let quiet = broker.through(Link::new(None));
        if faults.strikes("state is deleted", 20) {
            let prefix = Keys::Prefix(["k", "k1", "fired/"][faults.below(3) as usize].to_owned());
            let order = StateDeletion {
                step: "count".to_owned(),
                keys: prefix,
                life,
            };
            let order = serde_json::to_vec(&order).expect("an order");
            let token = state_deletion::subject_token(faults.below(u64::MAX));
            return quiet.order(pipeline, &token, order.into()).await.is_ok();
        }
        if !faults.strikes("dead letters are sent again", 40) {
            return false;
        }
        let dead = subject::dead_subject(pipeline);
        for letter in broker.messages(&subject::stream_name(pipeline), &dead) {
            let (sequence, stored_ms) = (letter.sequence, letter.received_ms);
            let (headers, payload) = (letter.headers.clone(), letter.payload.clone());
            self.lock().insert(sequence, letter);
            let letter = StoredDeadLetter {
                sequence,
                stored_ms,
                headers,
                payload,
            };
            let _ = quiet.redrive(pipeline, &letter).await;
        }
        true
    }

    /// What the pipeline's own stream held, with what was taken out of it.
    pub fn own(&self, broker: &MemoryBroker, pipeline: &PipelineId) -> Vec<Stored> {
        let mut own: BTreeMap<u64, Stored> = self.lock().clone();
        let left = broker.messages(&subject::stream_name(pipeline), ">");
        own.extend(left.into_iter().map(|message| (message.sequence, message)));
        own.into_values().collect()
    }

    /// Whether every event, and every letter that was sent again, has an outcome.
    pub fn check(&self, broker: &MemoryBroker, pipeline: &PipelineId) -> Result<(), String> {
        let own = self.own(broker, pipeline);
        let mut last = BTreeMap::new();
        for message in &own {
            if let Ok((head, _)) = record::decode_part(&message.payload) {
                last.insert(message.subject.clone(), head.outcomes);
            }
        }
        let done: u64 = last.values().map(|outcomes| outcomes.events).sum();
        let sent = broker.messages("IN", ">").len() + self.lock().len();
        if done == sent as u64 {
            Ok(())
        } else {
            Err(format!("{sent} events were sent, and {done} have an outcome"))
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Stored>> {
        self.sent_again.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
