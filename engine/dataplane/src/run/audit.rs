//! Changes that the engine makes to a pipeline by itself, in the audit log beside those of people.

use serde_json::Value;
use tailrace_core::audit::{Actor, AuditRecord, Change, ChangeState};

use crate::run::PipelineRun;

impl PipelineRun {
    /// The record of a change that the engine makes; none where the pipeline is gone by now, and nothing of it is to be
    /// changed. Written once more, it takes its own place.
    pub(super) fn own_change(
        &self,
        action: &'static str,
        before: Option<Value>,
        after: Value,
    ) -> Option<AuditRecord> {
        let tenant_life = self.entry.borrow().as_ref().map(|(_, tenant)| tenant.life)?;
        let target = format!("pipeline/{}", self.pipeline.pipeline);
        let change = Change::new(action, &self.pipeline.tenant, target)
            .from(before)
            .to(after);
        Some(AuditRecord {
            id: format!("{:016x}", self.world.random.next_u64()),
            at_ms: self.world.clock.unix_ms(),
            who: Actor::engine(),
            action: change.action.to_owned(),
            tenant: change.tenant,
            tenant_life,
            target: change.target,
            before: change.before,
            after: change.after,
            registry_revision: 0,
            outcome: ChangeState::Done,
        })
    }

    /// Writes the record of a change that is made. It is written after the change, unlike those of people: a bad
    /// candidate must not stay, nor a failing step go on, because the log takes nothing.
    pub(super) async fn tell_audit(&self, record: &AuditRecord) {
        if let Err(cause) = self.world.audit.write(record).await {
            let action = &record.action;
            tracing::warn!(action, %cause, "a change that the engine made is not in the audit log");
        }
    }
}
