//! An engine's identity is one process's: that of the one that holds its lease. Two engines with one id would
//! own the same partitions, and remove each other's consumers for ever.
//!
//! - A process claims the lease before it does anything as that engine.
//! - Every write of the lease names the revision that it replaces. So at any time one process holds it, and a
//!   process that has lost it finds out with its next renewal at the latest.
//! - A process that has the data folder's lock knows that whoever held the lease from that very folder is dead, and
//!   takes over at once: an engine that crashed comes back without delay.
//! - A lease that is held from another folder is held by a copy, or by the folder that this one is a copy of. If it
//!   is renewed while this process looks on, this process gives up. If it is not renewed in the time after which
//!   other engines take its holder for dead, this process takes over.
//! - A process that finds its lease with another one gives up at once. The other has looked on before it took the
//!   lease, or has the folder's lock. So exactly one goes on.
//!
//! - An entry that cannot be read, where this process holds the lease, is nobody's: whoever holds one writes it in
//!   words that can be read. So is one of an earlier process of this very folder. This process writes its own over it.
//!
//! Answers may come from a replica of the bucket that lags behind. They bear a revision that is not after the
//! last one of ours, and count for nothing.
//!
//! Why: docs/decisions/0070-an-identity-is-claimed.md

use std::{sync::Arc, time::Duration};

use tailrace_core::{
    identity::EngineId,
    membership::{Heard, Unread},
    ports::{
        broker::BrokerError,
        clock::Clock,
        registry::{Bucket, Entry, WriteError},
    },
    registry::Registry,
};
use tokio::sync::watch;

use crate::membership::lease::{Holding, Lease, holding};

/// Renewals of ours after which a lease that was not renewed is a dead engine's.
pub(super) const MISSED: u32 = 3;
/// Pause after the broker failed.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// Another process runs as this engine, so this one ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "another process runs as engine {engine}, from another data folder: one of the two folders is a copy of the other; remove the file `engine-id` from the copy, and start that engine again"
)]
pub struct IdentityTaken {
    /// The id that both have.
    pub engine: EngineId,
}

/// What this process claims, and as what.
pub struct Claim {
    /// Where leases lie.
    pub leases: Arc<dyn Bucket>,
    /// The engine.
    pub me: EngineId,
    /// Random number of this process.
    pub process: u64,
    /// The data folder that this process has locked, as no other folder is called.
    pub folder: String,
    /// How often the lease is renewed.
    pub renew_every: Duration,
    /// The registry as this process sees it: what it cannot read, it says in the lease.
    pub registry: watch::Receiver<Option<Arc<Registry>>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where it is recorded that the broker answers.
    pub heard: Arc<Heard>,
}

/// The lease, as this process holds it.
#[derive(Debug)]
pub(super) struct Held {
    /// Revision of the last renewal.
    revision: u64,
    renewal: u64,
    /// Renewals in a row that were refused, without a newer holder to be seen.
    refused: u32,
}

/// A renewal failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RenewError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Taken(#[from] IdentityTaken),
}

/// Another process that holds the lease, as it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rival {
    /// None where its lease cannot be read.
    process: Option<u64>,
    revision: u64,
    /// Looks since then that showed no renewal.
    looks: u32,
}

/// What a look at the lease tells a process that does not hold it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may be written over this revision.
    Free(u64),
    /// This process wrote it, and has not heard so.
    Ours(u64),
    /// It is to be looked at again after a while.
    Wait,
    /// Its holder is at work.
    Taken,
}

impl Claim {
    /// Makes the lease this process's, however long the broker is away.
    pub(super) async fn acquire(&self) -> Result<Held, IdentityTaken> {
        let mut rival = None;
        let mut is_told = false;
        loop {
            match self.try_once(&mut rival).await {
                Ok(Some(held)) => return Ok(held),
                Ok(None) => tokio::time::sleep(self.renew_every).await,
                Err(RenewError::Taken(taken)) => return Err(taken),
                Err(RenewError::Broker(cause)) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(engine = %self.me, %cause, "the engine's lease cannot be claimed yet");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn try_once(&self, rival: &mut Option<Rival>) -> Result<Option<Held>, RenewError> {
        let entry = self.look().await?;
        let is_new = rival.is_none();
        let expected = match judge(self.process, &self.folder, entry.as_ref(), rival) {
            Verdict::Ours(revision) => return Ok(Some(Held::at(revision))),
            Verdict::Free(expected) => expected,
            Verdict::Taken => return Err(self.taken().into()),
            Verdict::Wait => {
                if is_new {
                    tracing::warn!(engine = %self.me, "the engine's lease is held from another data folder; waiting whether it is renewed");
                }
                return Ok(None);
            }
        };
        match self.write(1, expected).await {
            Ok(revision) => Ok(Some(Held::at(revision))),
            // Somebody was faster.
            Err(WriteError::Conflict(_)) => Ok(None),
            Err(WriteError::Broker(cause)) => Err(cause.into()),
        }
    }

    /// Renews the lease.
    pub(super) async fn renew(&self, held: &mut Held) -> Result<(), RenewError> {
        held.renewal += 1;
        match self.write(held.renewal, held.revision).await {
            Ok(revision) => {
                held.renewed(revision);
                Ok(())
            }
            Err(WriteError::Conflict(_)) => self.find_out(held).await,
            Err(WriteError::Broker(cause)) => Err(cause.into()),
        }
    }

    /// Finds out why a renewal was refused. If that is not known yet, the next renewal tells.
    async fn find_out(&self, held: &mut Held) -> Result<(), RenewError> {
        let entry = self.look().await?;
        let revision = entry.as_ref().map_or(0, |entry| entry.revision);
        let held_by = holding(entry.as_ref());
        if held_by == Holding::Unreadable {
            tracing::warn!(engine = %self.me, revision, "the engine's lease cannot be read, as one that somebody wrote by hand; it is written anew");
        }
        match held_by {
            // Run out while the broker was away, deleted by hand, or put there by hand.
            found if self.is_nobodys(&found) => match self.write(held.renewal, revision).await {
                Ok(revision) => held.renewed(revision),
                Err(WriteError::Conflict(_)) => held.refused += 1,
                Err(WriteError::Broker(cause)) => return Err(cause.into()),
            },
            // An earlier renewal was stored, though its answer was lost.
            Holding::Somebody(lease) if lease.process == self.process && revision > held.revision => {
                held.renewed(revision);
            }
            Holding::Somebody(lease) if lease.process == self.process => held.refused += 1,
            // An answer that lags behind does so for a moment. A bucket that was made anew counts from one.
            _ if revision > held.revision || held.refused >= MISSED => return Err(self.taken().into()),
            _ => held.refused += 1,
        }
        Ok(())
    }

    /// An entry of this engine came through the watch: whether another process has written it.
    pub(super) fn check(&self, held: &Held, entry: &Entry) -> Result<(), IdentityTaken> {
        let found = holding(Some(entry));
        let is_ours = matches!(&found, Holding::Somebody(lease) if lease.process == self.process);
        if is_ours || self.is_nobodys(&found) || entry.revision <= held.revision {
            return Ok(());
        }
        Err(self.taken())
    }

    /// Whether nobody else holds the lease, as far as an entry goes that this process, which held it, has not written.
    fn is_nobodys(&self, found: &Holding) -> bool {
        match found {
            Holding::Nobody | Holding::Unreadable => true,
            // This process has the folder's lock, so whoever wrote it from there is dead.
            Holding::Somebody(lease) => {
                lease.process != self.process && !lease.folder.is_empty() && lease.folder == self.folder
            }
        }
    }

    /// Gives the lease up, so that others need not wait. Another process's stays.
    pub(super) async fn give_up(&self, held: &Held) -> Result<(), WriteError> {
        match self.leases.remove(self.me.as_str(), held.revision).await {
            Err(WriteError::Conflict(key)) => {
                let entry = self.look().await?;
                match (holding(entry.as_ref()), entry) {
                    (Holding::Somebody(lease), Some(entry)) if lease.process == self.process => {
                        self.leases.remove(&key, entry.revision).await
                    }
                    _ => Ok(()),
                }
            }
            removed => removed,
        }
    }

    async fn look(&self) -> Result<Option<Entry>, BrokerError> {
        let entry = self.leases.get(self.me.as_str()).await?;
        self.heard.now(&*self.clock);
        Ok(entry)
    }

    async fn write(&self, renewal: u64, expected: u64) -> Result<u64, WriteError> {
        let lease = Lease {
            process: self.process,
            renewal,
            folder: self.folder.clone(),
            unread: self.unread(),
        };
        let written = self
            .leases
            .put(self.me.as_str(), lease.to_json().into(), expected)
            .await;
        if !matches!(written, Err(WriteError::Broker(_))) {
            self.heard.now(&*self.clock);
        }
        written
    }

    /// What this process cannot read now.
    pub(super) fn unread(&self) -> Unread {
        let registry = self.registry.borrow();
        registry.as_deref().map(Unread::of).unwrap_or_default()
    }

    fn taken(&self) -> IdentityTaken {
        IdentityTaken {
            engine: self.me.clone(),
        }
    }
}

impl Held {
    fn at(revision: u64) -> Self {
        Self {
            revision,
            renewal: 1,
            refused: 0,
        }
    }

    /// Revision of the last renewal.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    fn renewed(&mut self, revision: u64) {
        self.revision = revision;
        self.refused = 0;
    }
}

/// Judges a lease that this process does not hold; keeps in mind who does.
pub(super) fn judge(process: u64, folder: &str, entry: Option<&Entry>, rival: &mut Option<Rival>) -> Verdict {
    let revision = entry.map_or(0, |entry| entry.revision);
    let holder = match holding(entry) {
        Holding::Nobody => return Verdict::Free(revision),
        Holding::Somebody(lease) if lease.process == process => return Verdict::Ours(revision),
        Holding::Somebody(lease) if lease.folder == folder => return Verdict::Free(revision),
        Holding::Somebody(lease) => Some(lease.process),
        Holding::Unreadable => None,
    };
    match rival {
        Some(known) if known.process == holder => {
            if revision > known.revision {
                return Verdict::Taken;
            }
            known.looks += 1;
            if known.looks < MISSED {
                Verdict::Wait
            } else {
                Verdict::Free(known.revision)
            }
        }
        _ => {
            *rival = Some(Rival {
                process: holder,
                revision,
                looks: 0,
            });
            Verdict::Wait
        }
    }
}
