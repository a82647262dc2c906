//! What is not as it should be, and what mends it: leftovers that belong to nobody, entries that cannot be read,
//! a clock that is off. [`Queries::examine`] only looks; [`crate::Commands::mend`] does what can be done without a
//! person's judgement, each thing after it has looked at it once more.
//!
//! - [`finding`]: what may be found;
//! - [`registered`]: what is registered, to compare with;
//! - [`broker`]: what lies on the broker, in each NATS account;
//! - [`components`]: the bytes of plugins;
//! - [`state`]: what the engine itself says;
//! - [`mend`] does what mends it.

mod broker;
mod components;
pub mod finding;
mod mend;
mod registered;
mod state;

use self::{finding::Examination, registered::Registered};
use crate::{error::ControlResult, query::Queries};

impl Queries {
    /// Looks at everything, and changes nothing.
    pub async fn examine(&self) -> ControlResult<Examination> {
        let mut examination = Examination::default();
        if let Err(cause) = self.look_at_altered(None, &mut examination).await {
            examination.unseen(None, &cause);
        }
        // What lies on the broker is listed before what is registered is read: what is made meanwhile is
        // registered first, so it is never taken for a leftover.
        let known = self.context.registry()?;
        if let Some(trouble) = known.standing.trouble() {
            // Nothing can be compared with what is not known.
            let found = examination.add("lost-registry", "bucket tailrace_registry", trouble);
            found.mended_by("what the detail says");
            return Ok(examination);
        }
        let accounts = known.accounts();
        let mut found = Vec::new();
        for account in accounts {
            if account.is_some()
                && let Err(cause) = self.look_at_altered(account.as_ref(), &mut examination).await
            {
                examination.unseen(account.as_ref(), &cause);
            }
            match self.look_at_account(account.as_ref()).await {
                Ok(lies) => found.push(lies),
                Err(cause) => examination.unseen(account.as_ref(), &cause),
            }
        }
        let shared = self.look_at_shared().await;
        let registry = self.context.registry_now().await?;
        let registered = Registered::of(&registry);
        for lies in found {
            broker::compare(&lies, &registered, &mut examination);
        }
        match shared {
            Ok(shared) => {
                broker::compare_shared(&shared, &registered, &mut examination);
                let (lie, known) = (&shared.components, (&*registry, &registered));
                let compared = self.compare_components(lie, known, &mut examination).await;
                if let Err(cause) = compared {
                    examination.unseen(None, &cause);
                }
            }
            Err(cause) => examination.unseen(None, &cause),
        }
        state::look_at_registry(&registry, &mut examination);
        self.look_at_pipelines(&registry, &mut examination);
        self.look_at_clock(&mut examination).await;
        Ok(examination)
    }
}
