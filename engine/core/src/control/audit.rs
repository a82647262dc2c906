//! Every change of the control plane goes through [`Control::audited`]: its record is written first, and
//! a change whose record cannot be written is refused before anything is done.

use super::{Control, ControlError, Outcome};
use crate::{
    audit::{Actor, Change, Fate, Record},
    name::Name,
    ports::audit::Audited,
};

/// Most records of one page.
pub const MAX_PAGE: usize = 500;

impl Control {
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
    pub async fn audited<T>(&self, change: Change, make: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let Change {
            action,
            tenant,
            target,
            before,
            after,
        } = change;
        let mut record = Record {
            id: format!("{:016x}", self.world.random.next_u64()),
            at_ms: self.now_ms(),
            who: self.actor.clone(),
            action: action.to_owned(),
            tenant,
            target,
            before,
            after,
            registry_revision: self.registry.borrow().as_ref().map_or(0, |known| known.revision),
            fate: Fate::Begun,
        };
        let begun = self.world.audit.write(&record).await;
        begun.map_err(ControlError::Unaudited)?;
        let made = make.await;
        record.fate = match &made {
            Ok(_) => Fate::Done,
            Err(cause) => Fate::Failed {
                code: cause.code().as_str().to_owned(),
            },
        };
        if let Err(cause) = self.world.audit.write(&record).await {
            // It is in the log that it was begun, and by whom.
            let Record {
                id, action, target, ..
            } = &record;
            tracing::warn!(%cause, id, action, target, "what came of a change cannot be written to the audit log");
        }
        made
    }

    /// Records before a place in the log, of a tenant or of all, newest first.
    pub async fn audit(
        &self,
        tenant: Option<&Name>,
        before: Option<u64>,
        limit: usize,
    ) -> Outcome<Vec<Audited>> {
        if let Some(tenant) = tenant {
            self.tenant(tenant)?;
        }
        Ok(self
            .world
            .audit
            .before(tenant, before, limit.clamp(1, MAX_PAGE))
            .await?)
    }
}
