//! Where the audit log is kept: in order, bounded by age and number, the oldest going first. Implemented by
//! `engine/nats` over a stream of its own; [`MemoryAudit`] is for worlds without a broker.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use serde::Serialize;

use crate::{audit::AuditRecord, life::Life, name::Name, ports::broker::BrokerError};

/// Records that the memory keeps.
const MEMORY_RECORDS: usize = 10_000;

/// A record at its position in the log.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Audited {
    /// Its position: later ones have higher numbers.
    pub sequence: u64,
    /// The record.
    #[serde(flatten)]
    pub record: AuditRecord,
}

/// Whose records are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// All there are.
    Anybodys,
    /// Those of a tenant's name, whichever life of it: for operators.
    Name(&'a Name),
    /// Those of one life of a tenant's name.
    Tenant(&'a Name, Life),
}

impl Whose<'_> {
    /// The name that all of them bear; none where they bear any.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Anybodys => None,
            Self::Name(name) | Self::Tenant(name, _) => Some(name),
        }
    }

    /// Whether a record is one of them.
    pub fn has(&self, record: &AuditRecord) -> bool {
        self.name()
            .is_none_or(|name| record.tenant.as_ref() == Some(name))
            && match self {
                Self::Tenant(_, life) => record.tenant_life == *life,
                Self::Anybodys | Self::Name(_) => true,
            }
    }
}

/// The audit log.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Writes a record, in place of one with the same id; it is durable when this returns. [`BrokerError::NoStream`]
    /// where there is no log: nothing was written.
    async fn write(&self, record: &AuditRecord) -> Result<(), BrokerError>;
    /// Makes the log where there is none; says whether it did.
    async fn bring(&self) -> Result<bool, BrokerError>;
    /// Records before a position, newest first. [`BrokerError::NoStream`] where there is no log.
    async fn before(
        &self,
        whose: Whose<'_>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, BrokerError>;
}

/// The log in memory, gone with the process.
#[derive(Debug, Default)]
pub struct MemoryAudit(Mutex<(u64, VecDeque<Audited>)>, AtomicBool);

impl MemoryAudit {
    /// All records that it keeps, in order.
    pub fn records(&self) -> Vec<AuditRecord> {
        let (_, kept) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|known| known.record.clone()).collect()
    }

    /// Somebody deletes it by hand.
    pub fn lose(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clear();
        self.1.store(true, Ordering::Relaxed);
    }

    fn there(&self) -> Result<(), BrokerError> {
        let is_lost = self.1.load(Ordering::Relaxed);
        let lost = || BrokerError::NoStream("tailrace_audit".to_owned());
        (!is_lost).then_some(()).ok_or_else(lost)
    }
}

#[async_trait]
impl AuditLog for MemoryAudit {
    async fn write(&self, record: &AuditRecord) -> Result<(), BrokerError> {
        self.there()?;
        let (sequence, kept) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sequence += 1;
        kept.retain(|known| known.record.id != record.id);
        kept.push_back(Audited {
            sequence: *sequence,
            record: record.clone(),
        });
        if kept.len() > MEMORY_RECORDS {
            kept.pop_front();
        }
        Ok(())
    }

    async fn bring(&self) -> Result<bool, BrokerError> {
        Ok(self.1.swap(false, Ordering::Relaxed))
    }

    async fn before(
        &self,
        whose: Whose<'_>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, BrokerError> {
        self.there()?;
        let (_, kept) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = kept
            .iter()
            .rev()
            .filter(|known| before.is_none_or(|before| known.sequence < before) && whose.has(&known.record));
        Ok(wanted.take(limit).cloned().collect())
    }
}
