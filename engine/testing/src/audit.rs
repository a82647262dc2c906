//! The audit log in memory, which a test can break.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tailrace_core::{
    audit::AuditRecord,
    ports::{
        audit::{AuditLog, Audited, MemoryAudit, Whose},
        broker::BrokerError,
    },
};

use crate::link::ADDRESS;

/// Such a log. A broken one can still be read.
#[derive(Debug, Default)]
pub struct BreakableAudit {
    log: MemoryAudit,
    is_broken: AtomicBool,
}

impl BreakableAudit {
    /// It takes no record from now on.
    pub fn break_down(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl AuditLog for BreakableAudit {
    async fn write(&self, record: &AuditRecord) -> Result<(), BrokerError> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(BrokerError::Unreachable(format!("{ADDRESS} has no room")));
        }
        self.log.write(record).await
    }
    async fn before(
        &self,
        whose: Whose<'_>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, BrokerError> {
        self.log.before(whose, before, limit).await
    }
}
