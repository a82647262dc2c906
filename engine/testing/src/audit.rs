//! The audit log in memory: one that a test can break, and one that several engines write through their links.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use tailrace_core::{
    audit::AuditRecord,
    ports::{
        audit::{AuditLog, Audited, MemoryAudit, Whose},
        broker::BrokerError,
    },
};

use tokio::sync::oneshot;

use crate::link::{ADDRESS, Link, Service};

/// Such a log. A broken one can still be read.
#[derive(Debug, Default)]
pub struct BreakableAudit {
    log: MemoryAudit,
    is_broken: AtomicBool,
    held: Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>,
}

impl BreakableAudit {
    /// It takes no record from now on.
    pub fn break_down(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    /// The next record waits: the first tells that it does, and the second lets it go on. Whoever writes it has
    /// checked everything, and has changed nothing.
    pub fn hold_next(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((waits, told), (go, gone)) = (oneshot::channel(), oneshot::channel());
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((waits, gone));
        (told, go)
    }
}

#[async_trait]
impl AuditLog for BreakableAudit {
    async fn write(&self, record: &AuditRecord) -> Result<(), BrokerError> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(BrokerError::Unreachable(format!("{ADDRESS} has no room")));
        }
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((waits, go)) = held {
            let _ = waits.send(());
            let _ = go.await;
        }
        self.log.write(record).await
    }
    async fn bring(&self) -> Result<bool, BrokerError> {
        self.log.bring().await
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

/// The audit log of several engines, through the link of one of them.
#[derive(Clone)]
pub struct SharedAudit {
    log: Arc<MemoryAudit>,
    link: Link,
}

impl SharedAudit {
    /// An empty one, behind this link.
    pub fn behind(link: Link) -> Self {
        Self {
            log: Arc::default(),
            link,
        }
    }

    /// All records, in order.
    pub fn records(&self) -> Vec<AuditRecord> {
        self.log.records()
    }

    /// The same log, through another link.
    #[must_use]
    pub fn through(&self, link: Link) -> Self {
        Self {
            link,
            log: self.log.clone(),
        }
    }
}

#[async_trait]
impl AuditLog for SharedAudit {
    async fn write(&self, record: &AuditRecord) -> Result<(), BrokerError> {
        self.link.request(Service::Registry).await?;
        self.log.write(record).await?;
        self.link.answer().await
    }
    async fn bring(&self) -> Result<bool, BrokerError> {
        self.link.request(Service::Registry).await?;
        self.log.bring().await
    }
    async fn before(
        &self,
        whose: Whose<'_>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, BrokerError> {
        self.link.request(Service::Registry).await?;
        self.log.before(whose, before, limit).await
    }
}
