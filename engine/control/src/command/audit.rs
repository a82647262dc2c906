//! Every change of the control plane goes through [`Commands::audited`]: its record is written first, and
//! a change whose record cannot be written is refused before anything is done. So is every change while it is in doubt
//! what is registered.
//!
//! A log that somebody has deleted begins anew, and says so in its first record.
//!
//! Why: docs/decisions/0038-audit-before-the-change.md

use std::time::Duration;

use serde_json::json;
use tailrace_core::{
    audit::{Actor, AuditRecord, Change, ChangeState},
    identity::PipelineId,
    life::Life,
    ports::broker::BrokerError,
    registry::Pipeline,
};
use tokio_util::sync::CancellationToken;

use crate::{
    command::Commands,
    context::Context,
    error::{ControlError, ControlResult},
};

/// How often it is looked whether the log is there.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The id of the record that says that the log began anew: one, however many engines say it.
const BEGAN_ANEW: &str = "0000000000000000";

/// A change of a pipeline, told to the life of the tenant that made it. This engine may not know yet that the tenant is
/// there, or that it is another by now.
pub(super) fn of_pipeline(action: &'static str, id: &PipelineId, pipeline: &Pipeline) -> Change {
    let change = Change::new(action, &id.tenant, format!("pipeline/{}", id.pipeline));
    // An engine from before lives wrote none.
    if pipeline.tenant_life.is_unnamed() {
        change
    } else {
        change.in_life(pipeline.tenant_life)
    }
}

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
        self.context.check_standing()?;
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
        let begun = self.context.tell(&record).await;
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

impl Context {
    /// Makes the audit log anew where somebody has deleted it, until it is stopped.
    pub async fn keep_audit(self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            if self.has_been_in_use()
                && let Err(cause) = self.bring_audit().await
            {
                tracing::debug!(%cause, "the audit log is looked at again later");
            }
        }
    }

    /// Writes a record. A log that is not there is made first.
    async fn tell(&self, record: &AuditRecord) -> Result<(), BrokerError> {
        match self.world.audit.write(record).await {
            Err(BrokerError::NoStream(_)) => {
                self.bring_audit().await?;
                self.world.audit.write(record).await
            }
            written => written,
        }
    }

    /// Where anything was ever changed there was a log: one that is made then says that the one before is gone.
    async fn bring_audit(&self) -> Result<(), BrokerError> {
        if !self.world.audit.bring().await? || !self.has_been_in_use() {
            return Ok(());
        }
        tracing::warn!(
            "the audit log was gone from the broker (stream tailrace_audit); it begins anew, and what was in it is lost unless a backup has it"
        );
        let record = AuditRecord {
            id: BEGAN_ANEW.to_owned(),
            at_ms: self.now_ms(),
            who: Actor::engine(),
            action: "audit-log-lost".to_owned(),
            tenant: None,
            tenant_life: Life::UNNAMED,
            target: "audit".to_owned(),
            before: None,
            after: Some(json!("the log was gone from the broker; it begins anew here")),
            registry_revision: self.registry.borrow().as_ref().map_or(0, |known| known.revision),
            outcome: ChangeState::Done,
        };
        self.world.audit.write(&record).await
    }

    fn has_been_in_use(&self) -> bool {
        let registry = self.registry.borrow();
        registry.as_ref().is_some_and(|known| known.has_had_tenants)
    }
}
