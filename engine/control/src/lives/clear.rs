//! Clearing away what has come after the end of a life.

use std::collections::BTreeSet;

use tailrace_core::{
    identity::PipelineId,
    life::Life,
    name::Name,
    registry::{Key, Pipeline, PluginVersion},
};

use crate::{
    error::ControlResult,
    lives::{Lives, ended::Ended},
};

/// What a name is now whose life has ended.
enum Now {
    /// Nothing: it was deleted.
    Deleted,
    /// Another life.
    Another,
}

impl Lives {
    /// Clears away what is there of a life that has ended.
    pub(super) async fn clear(&self, ended: &Ended) -> ControlResult<()> {
        match ended {
            Ended::Pipeline(id, life, account, read) => {
                let of = |pipeline: Pipeline| pipeline.life;
                let Some(now) = self.now(ended, *life, of).await? else {
                    return Ok(());
                };
                self.clear_pipeline(id, *life, account.as_ref()).await?;
                match now {
                    Now::Deleted => self.forget_name(id, account.as_ref(), read).await,
                    // Consumers and alarms bear the name alone, so they are that life's by now.
                    Now::Another => Ok(()),
                }
            }
            Ended::Plugin(_, _, life, digest) => {
                let of = |version: PluginVersion| version.life;
                match self.now(ended, *life, of).await? {
                    Some(_) => self.remove_component(*digest, |_, _| false).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// What the name is now; none where that does not say that this life was deleted. A registry that is lost, or
    /// was restored, says nothing of it.
    async fn now<T: serde::de::DeserializeOwned>(
        &self,
        ended: &Ended,
        life: Life,
        life_of: impl FnOnce(T) -> Life,
    ) -> ControlResult<Option<Now>> {
        let entry = self.context.world.registry.get(&ended.key().to_string()).await?;
        let Some(value) = entry.map(|entry| entry.value) else {
            return Ok(None);
        };
        let Some(value) = value else {
            return Ok(Some(Now::Deleted));
        };
        let now = serde_json::from_slice::<T>(&value).ok().map(life_of);
        Ok(now.filter(|now| *now != life).map(|_| Now::Another))
    }

    async fn clear_pipeline(&self, id: &PipelineId, life: Life, account: Option<&Name>) -> ControlResult<()> {
        let world = self.context.world.of(account).await?;
        world.streams.remove_own(id, life).await?;
        self.remove_snapshots(&world, id, None).await
    }

    /// Clears away what bears a name that nothing has any more.
    async fn forget_name(
        &self,
        id: &PipelineId,
        account: Option<&Name>,
        read: &BTreeSet<String>,
    ) -> ControlResult<()> {
        for stream in read {
            // An engine that was cut off may have made its consumer anew before it saw the end.
            let world = self.context.world.of(account).await?;
            world.streams.remove_consumers(id, stream).await?;
        }
        let remembered = Key::Pipeline(id.clone()).to_string();
        Ok(self.context.world.alarms.delete(&remembered).await?)
    }
}
