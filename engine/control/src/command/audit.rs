//! Every change of the control plane goes through [`Commands::audited`]: its record is written first, and
//! a change whose record cannot be written is refused before anything is done.
//!
//! Why: docs/decisions/0038-audit-before-the-change.md

use tailrace_core::{
    audit::{Actor, AuditRecord, Change, ChangeState},
    life::Life,
};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
};

impl Commands {
    /// The same, in the name of who asks; without it, the engine is said to have made the changes.
    #[must_use]
    pub fn on_behalf_of(&self, actor: Actor) -> Self {
        Self {
            actor,
            ..self.clone()
        }
    }

    /// Makes a change that the audit log tells of. What is to be checked is checked before: a request
    /// that is refused has changed nothing and leaves no record.
    pub async fn audited<T>(
        &self,
        change: Change,
        make: impl Future<Output = ControlResult<T>>,
    ) -> ControlResult<T> {
        let Change {
            action,
            tenant,
            tenant_life,
            target,
            before,
            after,
        } = change;
        let life_now = || {
            let registry = self.context.registry.borrow();
            let known = registry.as_ref().zip(tenant.as_ref());
            known.map_or(Life::UNNAMED, |(registry, tenant)| registry.life_of(tenant))
        };
        let tenant_life = tenant_life.unwrap_or_else(life_now);
        let mut record = AuditRecord {
            id: format!("{:016x}", self.context.world.random.next_u64()),
            at_ms: self.context.now_ms(),
            who: self.actor.clone(),
            action: action.to_owned(),
            tenant,
            tenant_life,
            target,
            before,
            after,
            registry_revision: self
                .context
                .registry
                .borrow()
                .as_ref()
                .map_or(0, |known| known.revision),
            outcome: ChangeState::Begun,
        };
        let begun = self.context.world.audit.write(&record).await;
        begun.map_err(ControlError::Unaudited)?;
        let made = make.await;
        record.outcome = match &made {
            Ok(_) => ChangeState::Done,
            Err(cause) => ChangeState::Failed {
                code: cause.code().as_str().to_owned(),
            },
        };
        if let Err(cause) = self.context.world.audit.write(&record).await {
            // It is in the log that it was begun, and by whom.
            let AuditRecord {
                id, action, target, ..
            } = &record;
            tracing::warn!(%cause, id, action, target, "what came of a change cannot be written to the audit log");
        }
        made
    }
}
