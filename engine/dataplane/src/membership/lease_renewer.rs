//! The lease renewer: it renews this engine's lease and watches those of the others.
//!
//! No clock is compared with another. An engine counts by its own renewals, as they come back through
//! the watch: one whose lease has not been renewed while three of ours were is taken for dead. So
//! while the broker is away nobody renews and nobody dies, and an engine that was stopped for a while
//! finds itself dead to the others and alive again with its next renewal.
//!
//! Why: docs/decisions/0009-leases-and-the-fence.md

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tailrace_core::{
    identity::EngineId,
    membership::{Heard, Membership},
    name::Name,
    ports::{
        broker::BrokerError,
        clock::Clock,
        registry::{Bucket, Entry, WriteError},
    },
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Renewals of ours that another engine may let pass before it is taken for dead.
const MISSED: u32 = 3;
/// Pause after the broker failed.
const PAUSE: Duration = Duration::from_millis(250);

/// A lease, as it lies in the bucket under the engine's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    /// Random number of the process that holds it.
    process: u64,
    /// Counts its renewals.
    renewal: u64,
}

/// Keeps one engine's lease.
pub struct LeaseRenewer {
    /// Where leases lie.
    pub leases: Arc<dyn Bucket>,
    /// This engine.
    pub me: EngineId,
    /// Random number of this process.
    pub process: u64,
    /// How often the lease is renewed.
    pub renew_every: Duration,
    /// Ends it: the lease is given up, so that others need not wait.
    pub stop: CancellationToken,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where it is recorded that the broker answers.
    pub heard: Arc<Heard>,
    /// Where the members are shown; none until they are known.
    pub members: watch::Sender<Option<Arc<Membership>>>,
}

/// What is known of the leases.
#[derive(Default)]
struct Seen {
    /// Renewals of ours since the lease was last renewed, by engine.
    missed: BTreeMap<EngineId, u32>,
    /// Everything that was there at the beginning has been read, and ours among it.
    complete: bool,
    ours: bool,
}

impl LeaseRenewer {
    /// Keeps the lease until it is stopped.
    pub async fn run(self) {
        let mut renewal = 0;
        while !self.stop.is_cancelled() {
            if let Err(cause) = self.follow(&mut renewal).await {
                tracing::warn!(engine = %self.me, %cause, "the engines' leases cannot be kept; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
        if let Err(cause) = self.leases.delete(self.me.as_str()).await {
            tracing::debug!(engine = %self.me, %cause, "the lease could not be given up; it runs out");
        }
    }

    async fn follow(&self, renewal: &mut u64) -> Result<(), BrokerError> {
        let mut watch = self.leases.watch().await?;
        let mut renew = tokio::time::interval(self.renew_every);
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut seen = Seen::default();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                _ = renew.tick() => {
                    *renewal += 1;
                    self.renew(*renewal).await?;
                }
                entry = watch.next() => self.take(&mut seen, entry?),
            }
        }
    }

    /// Writes the lease anew.
    async fn renew(&self, renewal: u64) -> Result<(), BrokerError> {
        let known = self.leases.get(self.me.as_str()).await?;
        let held = known.as_ref().and_then(|entry| entry.value.as_deref()).map(read);
        if let Some(Some(lease)) = held
            && lease.process != self.process
            && renewal > 1
        {
            tracing::error!(engine = %self.me, "another process runs as this engine; remove `engine-id` from the data folder of one of them");
        }
        let lease = Lease {
            process: self.process,
            renewal,
        };
        let value = serde_json::to_vec(&lease).expect("a lease always serialises");
        let expected = known.map_or(0, |entry| entry.revision);
        match self
            .leases
            .put(self.me.as_str(), Bytes::from(value), expected)
            .await
        {
            // After a conflict it is ours again with the next renewal.
            Ok(_) | Err(WriteError::Conflict(_)) => {
                self.heard.now(&*self.clock);
                Ok(())
            }
            Err(WriteError::Broker(cause)) => Err(cause),
        }
    }

    fn take(&self, seen: &mut Seen, entry: Option<Entry>) {
        match entry {
            Some(entry) => seen.take(&self.me, &entry),
            None => seen.complete = true,
        }
        if !seen.complete || !seen.ours {
            return;
        }
        let alive = seen.missed.iter().filter(|(_, missed)| **missed < MISSED);
        let membership = Membership {
            me: self.me.clone(),
            alive: alive.map(|(engine, _)| engine.clone()).collect(),
        };
        self.members.send_if_modified(|shown| {
            let changed = shown.as_deref() != Some(&membership);
            if changed {
                let engines: Vec<_> = membership.alive.iter().map(Name::as_str).collect();
                tracing::info!(engine = %self.me, alive = engines.join(","), "the engines that share the work");
                *shown = Some(Arc::new(membership));
            }
            changed
        });
    }
}

impl Seen {
    fn take(&mut self, me: &EngineId, entry: &Entry) {
        let Ok(engine) = Name::new(&entry.key) else {
            return;
        };
        if engine == *me {
            self.ours |= entry.value.is_some();
            self.missed
                .values_mut()
                .for_each(|missed| *missed = missed.saturating_add(1));
            self.missed.insert(engine, 0);
        } else if entry.value.is_some() {
            self.missed.insert(engine, 0);
        } else {
            self.missed.remove(&engine);
        }
    }
}

fn read(value: &[u8]) -> Option<Lease> {
    serde_json::from_slice(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, held: bool) -> Entry {
        Entry {
            key: key.to_owned(),
            value: held.then(Bytes::new),
            revision: 1,
        }
    }

    fn alive(seen: &Seen) -> Vec<&str> {
        let alive = seen.missed.iter().filter(|(_, missed)| **missed < MISSED);
        alive.map(|(engine, _)| engine.as_str()).collect()
    }

    #[test]
    fn an_engine_dies_by_our_renewals_and_not_by_any_clock() {
        let me = Name::new("a").unwrap();
        let mut seen = Seen::default();
        seen.take(&me, &entry("a", true));
        seen.take(&me, &entry("b", true));
        for _ in 0..2 {
            seen.take(&me, &entry("a", true));
        }
        assert_eq!(alive(&seen), ["a", "b"], "two renewals of ours are not enough");
        seen.take(&me, &entry("a", true));
        assert_eq!(alive(&seen), ["a"]);
        seen.take(&me, &entry("b", true));
        assert_eq!(alive(&seen), ["a", "b"], "with its next renewal it is back");
        seen.take(&me, &entry("b", false));
        assert_eq!(alive(&seen), ["a"], "who gives its lease up is gone at once");
    }
}
