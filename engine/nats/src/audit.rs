//! The audit log: stream `tailrace_audit`. A record lies on a subject of its own,
//! `tr._audit.<tenant>.<id>`, of which the stream keeps the last message: what came of a change takes the
//! place of what said that it was begun. No tenant may name a subject below `tr.`, and no tenant's name
//! begins with an underscore.

use std::{collections::VecDeque, time::Duration};

use async_nats::jetstream::context::PublishErrorKind;
use async_trait::async_trait;
use serde_json::{Value, json};
use tailrace_core::{
    audit::AuditRecord,
    name::Name,
    ports::{
        audit::{AuditLog, Audited, Whose},
        broker::{BrokerError, Streams as _},
    },
};
use tokio::time::sleep;

use crate::{
    connect::NatsBroker,
    error::{failed, unreachable},
};

const STREAM: &str = "tailrace_audit";
/// How long a record is kept: a year, in which accounts are audited.
const KEPT_NS: u64 = 366 * 24 * 3_600 * 1_000_000_000;
/// Most records, of half a kilobyte mostly and 10 KiB at most, so 50 MB, and never a gigabyte. Not a bound
/// in bytes, for the broker sets such a bound aside, and refuses the stream where it has less to give.
const MAX_RECORDS: u64 = 100_000;
/// Pauses between tries to write to a stream that is there, and that the server does not know yet.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);
/// Messages of one request.
const BATCH: usize = 500;
/// How much further back each look goes than the one before, where records of one tenant lie far apart.
const WIDEN: u64 = 4;

/// What an operator's own records bear in place of a tenant.
const NO_TENANT: &str = "_";

fn config() -> Value {
    json!({
        "name": STREAM,
        "subjects": ["tr._audit.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_msgs_per_subject": 1,
        "max_age": KEPT_NS,
        "max_msgs": MAX_RECORDS,
        "allow_direct": true,
        "description": "Tailrace: who changed what",
    })
}

#[async_trait]
impl AuditLog for NatsBroker {
    async fn write(&self, record: &AuditRecord) -> Result<(), BrokerError> {
        let tenant = record.tenant.as_ref().map_or(NO_TENANT, Name::as_str);
        let subject = format!("tr._audit.{tenant}.{}", record.id);
        let payload = serde_json::to_vec(record).map_err(|cause| unreachable(&cause))?;
        let mut pause = FIRST_PAUSE;
        loop {
            let stored = match self
                .jetstream()
                .publish(subject.clone(), payload.clone().into())
                .await
            {
                Ok(acknowledged) => acknowledged.await,
                Err(cause) => Err(cause),
            };
            let Err(cause) = stored else { return Ok(()) };
            // A stream that is not there is another matter than a broker that does not answer.
            self.stream(STREAM).await?;
            // It is there, and this server knows of none: in a cluster, one hears of a new stream a little later.
            if cause.kind() != PublishErrorKind::StreamNotFound || pause > LAST_PAUSE {
                return Err(failed(&cause, STREAM));
            }
            sleep(pause).await;
            pause *= 2;
        }
    }

    async fn bring(&self) -> Result<bool, BrokerError> {
        match self.stream(STREAM).await {
            Err(BrokerError::NoStream(_)) => {}
            known => return known.map(|_| false),
        }
        let made: Result<Value, _> = self.create_stream(STREAM, config()).await;
        made.map(|_| true)
    }

    async fn before(
        &self,
        whose: Whose<'_>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, BrokerError> {
        let facts = self.stream(STREAM).await?;
        let subject = whose.name().map_or_else(
            || "tr._audit.>".to_owned(),
            |tenant| format!("tr._audit.{tenant}.*"),
        );
        let mut upper = before.unwrap_or(u64::MAX).min(facts.last_sequence + 1);
        let mut width = limit as u64;
        let mut found = Vec::new();
        // The broker reads forward only, so pieces are read from the end backwards until it is enough.
        while found.len() < limit && upper > facts.first_sequence.max(1) {
            let lower = upper.saturating_sub(width).max(1);
            let range = (lower, upper);
            let piece = self.audited_between(&subject, whose, range, limit).await?;
            found.extend(piece.into_iter().rev());
            upper = lower;
            width = width.saturating_mul(WIDEN);
        }
        found.truncate(limit);
        Ok(found)
    }
}

impl NatsBroker {
    /// The last `limit` records in a range of sequences, without its end, oldest first.
    async fn audited_between(
        &self,
        subject: &str,
        whose: Whose<'_>,
        (lower, upper): (u64, u64),
        limit: usize,
    ) -> Result<VecDeque<Audited>, BrokerError> {
        let mut found = VecDeque::new();
        let mut after = lower - 1;
        loop {
            let messages = self.read_after(STREAM, subject, after, BATCH).await?;
            let whole = messages.len() < BATCH;
            for message in messages {
                if message.sequence >= upper {
                    return Ok(found);
                }
                after = message.sequence;
                // A record that a newer engine wrote may not be understood; the others are.
                let Ok(record) = serde_json::from_slice::<AuditRecord>(&message.payload) else {
                    continue;
                };
                if !whose.has(&record) {
                    continue;
                }
                found.push_back(Audited {
                    sequence: message.sequence,
                    record,
                });
                if found.len() > limit {
                    found.pop_front();
                }
            }
            if whole {
                return Ok(found);
            }
        }
    }
}
