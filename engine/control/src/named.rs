//! Which revisions name a plugin version, and holding on to a version that a revision has just named.
//!
//! A deletion marks the version, then looks for revisions that name it, then withdraws it. An apply writes its
//! revision, then looks at the version's entry, and takes a mark away that it finds. Both write the same entry by
//! compare-and-set, so one of the two gives way.
//!
//! Why: docs/decisions/0150-a-version-goes-when-no-revision-names-it.md

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tailrace_core::{
    identity::PipelineId,
    manifest::PluginRef,
    name::Name,
    registry::{Key, PluginVersion, Revision},
};

use crate::{
    context::{Context, unreadable},
    error::{ControlError, ControlResult},
};

/// Kept revisions that are read at once: each is a request to the broker.
const READ_AT_ONCE: usize = 16;
/// Pipelines, and revisions of each, that a refusal names.
const TOLD: usize = 5;
/// Tries to take a mark away. Each that fails was overtaken by a deletion, which ends.
const TRIES: usize = 5;

/// Which revisions name a version, by pipeline.
type Users = BTreeMap<Name, BTreeSet<u64>>;

impl Context {
    /// Refuses while a revision names this version: an active one, a candidate, or one that is kept.
    pub(crate) async fn check_unnamed(&self, tenant: &Name, plugin: &PluginRef) -> ControlResult<()> {
        let users = self.users_of(tenant, plugin).await?;
        if users.is_empty() {
            return Ok(());
        }
        Err(ControlError::Conflict(format!(
            "plugin {plugin} is used: {}. Of a pipeline the last 100 revisions are kept, and it may go back to each; delete the pipelines, or keep the version",
            in_words(&users)
        )))
    }

    async fn users_of(&self, tenant: &Name, plugin: &PluginRef) -> ControlResult<Users> {
        let registry = self.registry_now().await?;
        // What cannot be read may name it.
        for key in registry.unreadable_of(tenant) {
            if matches!(key.parse(), Ok(Key::Pipeline(_) | Key::Revision(..))) {
                let cause = registry.unreadable.get(key).map_or("", String::as_str);
                return Err(ControlError::Conflict(unreadable(key, cause)));
            }
        }
        let mut users = Users::new();
        let mut kept = Vec::new();
        for (id, pipeline) in registry.pipelines_of(tenant) {
            let candidate = pipeline.candidate.as_ref().map(|candidate| &candidate.revision);
            let said: Vec<_> = std::iter::once(&pipeline.active).chain(candidate).collect();
            let numbers = registry.revisions.get(id).into_iter().flatten().copied();
            let unsaid = numbers.filter(|number| said.iter().all(|said| said.number != *number));
            kept.extend(unsaid.map(|number| (id.clone(), number)));
            for said in said {
                take(&mut users, id, said, plugin);
            }
        }
        let reads = kept.into_iter().map(|(id, number)| async move {
            let read = self.read::<Revision>(&Key::Revision(id.clone(), number)).await?;
            Ok::<_, ControlError>((id, read))
        });
        let mut reads = stream::iter(reads).buffer_unordered(READ_AT_ONCE);
        while let Some((id, read)) = reads.try_next().await? {
            if let Some((revision, _)) = read {
                take(&mut users, &id, &revision, plugin);
            }
        }
        Ok(users)
    }

    /// Looks once more at the versions that a revision names, after it was written: none goes any more, or the
    /// revision is refused.
    pub(crate) async fn hold_versions(&self, tenant: &Name, revision: &Revision) -> ControlResult<()> {
        for step in &revision.manifest.steps {
            let digest = revision.plugins.get(&step.name);
            let is_meant = |version: &PluginVersion| digest == Some(&version.digest);
            self.hold_version(tenant, &step.plugin, is_meant).await?;
        }
        Ok(())
    }

    async fn hold_version(
        &self,
        tenant: &Name,
        plugin: &PluginRef,
        is_meant: impl Fn(&PluginVersion) -> bool,
    ) -> ControlResult<()> {
        let key = Key::Plugin(tenant.clone(), plugin.clone());
        for _ in 0..TRIES {
            let known = self.read::<PluginVersion>(&key).await?;
            let known = known.filter(|(version, _)| !version.uploading && is_meant(version));
            let Some((mut version, revision)) = known else {
                break;
            };
            if !version.deleting {
                return Ok(());
            }
            version.deleting = false;
            version.by = None;
            match self.write(&key, &version, revision).await {
                Err(ControlError::Raced(_)) => {}
                written => return written.map(drop),
            }
        }
        Err(ControlError::Conflict(format!(
            "plugin {plugin} was deleted meanwhile; name another version, or upload it again"
        )))
    }
}

fn take(users: &mut Users, id: &PipelineId, revision: &Revision, plugin: &PluginRef) {
    if revision.manifest.steps.iter().any(|step| step.plugin == *plugin) {
        let numbers = users.entry(id.pipeline.clone()).or_default();
        numbers.insert(revision.number);
    }
}

fn in_words(users: &Users) -> String {
    let told = users.iter().take(TOLD).map(|(pipeline, numbers)| {
        // The newest are those that run.
        let newest = numbers.iter().rev().take(TOLD).map(u64::to_string);
        let newest = newest.collect::<Vec<_>>().join(", ");
        format!(
            "pipeline {pipeline} names it in revision {newest}{}",
            and_more(numbers.len())
        )
    });
    let told = told.collect::<Vec<_>>().join("; ");
    format!("{told}{}", and_more(users.len()))
}

fn and_more(all: usize) -> String {
    match all.saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_some_and_counts_the_others() {
        let name = |text: &str| Name::new(text).unwrap();
        let mut users = Users::from([(name("orders"), (1..=7).collect())]);
        assert_eq!(
            in_words(&users),
            "pipeline orders names it in revision 7, 6, 5, 4, 3 and 2 more"
        );
        for other in 0..6 {
            users.insert(name(&format!("p{other}")), BTreeSet::from([1]));
        }
        assert!(in_words(&users).ends_with("pipeline p3 names it in revision 1 and 2 more"));
    }
}
