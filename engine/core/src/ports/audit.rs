//! Where the audit log is kept: in order, bounded by age and number, the oldest going first. Implemented by
//! `engine/nats` over a stream of its own; [`MemoryAudit`] is for worlds without a broker.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use serde::Serialize;

use crate::{audit::AuditRecord, name::Name, ports::broker::BrokerError};

/// Records that the memory keeps.
const MEMORY_RECORDS: usize = 10_000;

/// A record at its position in the log.
#[derive(Debug, Clone, Serialize)]
pub struct Audited {
    /// Its position: later ones have higher numbers.
    pub sequence: u64,
    /// The record.
    #[serde(flatten)]
    pub record: AuditRecord,
}

/// The audit log.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Writes a record, in place of one with the same id; it is durable when this returns.
    async fn write(&self, record: &AuditRecord) -> Result<(), BrokerError>;
    /// Records before a position, of a tenant or of all, newest first.
    async fn before(
        &self,
        tenant: Option<&Name>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, BrokerError>;
}

/// The log in memory, gone with the process.
#[derive(Debug, Default)]
pub struct MemoryAudit(Mutex<(u64, VecDeque<Audited>)>);

#[async_trait]
impl AuditLog for MemoryAudit {
    async fn write(&self, record: &AuditRecord) -> Result<(), BrokerError> {
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

    async fn before(
        &self,
        tenant: Option<&Name>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, BrokerError> {
        let (_, kept) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = kept.iter().rev().filter(|known| {
            before.is_none_or(|before| known.sequence < before)
                && tenant.is_none_or(|tenant| known.record.tenant.as_ref() == Some(tenant))
        });
        Ok(wanted.take(limit).cloned().collect())
    }
}
