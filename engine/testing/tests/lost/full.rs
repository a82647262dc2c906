//! The broker has no room for anything. What frees room must be possible all the same.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use tailrace_control::command::condition::Condition;
use tailrace_core::{
    audit::{AuditRecord, ChangeState},
    codes::ApiCode,
    ports::{
        audit::{AuditLog, Audited, MemoryAudit, Whose},
        broker::{BrokerError, Streams as _},
    },
};
use tailrace_testing::broker::MemoryBroker;

use crate::stage::{OWN_STREAM, PATIENCE, Stage, grants, id, name};

/// A log on a broker that is full as long as a pipeline's own stream is there.
struct Cramped {
    log: Arc<MemoryAudit>,
    broker: MemoryBroker,
    is_full: AtomicBool,
}

#[async_trait]
impl AuditLog for Cramped {
    async fn write(&self, record: &AuditRecord) -> Result<(), BrokerError> {
        if self.is_full.load(Ordering::Relaxed) && self.broker.stream(OWN_STREAM).await.is_ok() {
            return Err(BrokerError::Refused {
                code: 10_002,
                description: "resource limits exceeded for account".to_owned(),
            });
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

#[tokio::test(start_paused = true)]
async fn a_deletion_makes_the_room_that_its_record_needs() {
    let (stage, first) = Stage::set().await;
    first.stop.cancel();
    let audit = Arc::new(Cramped {
        log: stage.audit.clone(),
        broker: stage.broker.clone(),
        is_full: AtomicBool::new(true),
    });
    let running = stage.start_with(audit).await;
    tokio::time::sleep(PATIENCE).await;
    let told = stage.audit.records();
    // What takes room is refused, and has changed nothing.
    let grown = running
        .commands
        .put_tenant(&name("bank"), grants(), Condition::Any)
        .await;
    assert_eq!(grown.unwrap_err().code(), ApiCode::AuditUnavailable);
    assert_eq!(stage.audit.records(), told);
    running
        .commands
        .delete_pipeline(&id(), Condition::Any)
        .await
        .unwrap();
    let records = stage.audit.records();
    let last = records.last().unwrap();
    assert_eq!(last.action, "pipeline-deleted");
    assert!(matches!(last.outcome, ChangeState::Done), "{last:?}");
    assert!(stage.broker.stream(OWN_STREAM).await.is_err());
    let registry = running.queries.context().registry().unwrap();
    assert!(registry.pipelines.is_empty());
}
