//! Sketches and collections of vectors that a revision declares, and the active one does not: an earlier revision may
//! have. What they held then is still there, so they must be what they were, and what came in between is missing in
//! them.

use std::collections::BTreeSet;

use tailrace_core::{
    identity::PipelineId,
    manifest::{PipelineManifest, error::ManifestError},
    name::Name,
    registry::Pipeline,
};

use crate::{
    command::{Commands, checks::check_held},
    error::{ControlError, ControlResult},
};

impl Commands {
    /// Refuses what is not as it was. Gives a warning for all that goes on from where it was.
    pub(crate) async fn declared_again(
        &self,
        id: &PipelineId,
        known: &Pipeline,
        next: &PipelineManifest,
    ) -> ControlResult<Vec<String>> {
        let active = &known.active;
        let mut sketches = missing(next.sketches.keys(), |name| {
            active.manifest.sketches.contains_key(name)
        });
        let mut vectors = missing(next.vectors.keys(), |name| {
            active.manifest.vectors.contains_key(name)
        });
        let mut warnings = Vec::new();
        if sketches.is_empty() && vectors.is_empty() {
            return Ok(warnings);
        }
        let registry = self.context.registry()?;
        let kept = registry.revisions.get(id).into_iter().flatten().rev();
        for number in kept.filter(|number| **number != active.number) {
            let before = match self.context.revision(id, *number).await {
                Ok(revision) => revision.manifest,
                Err(ControlError::NotFound { .. }) => continue,
                Err(cause) => {
                    warnings.push(format!(
                        "whether revision {number} had sketches or collections of these names is not known: {cause}"
                    ));
                    continue;
                }
            };
            let found = |names: &mut BTreeSet<Name>, had: &dyn Fn(&Name) -> bool, what: &str| {
                let again: Vec<Name> = names.iter().filter(|name| had(name)).cloned().collect();
                names.retain(|name| !again.contains(name));
                let told = again.into_iter().map(|name| {
                    format!(
                        "{what} {name} was declared up to revision {number}: it goes on from what it held then, without the events in between; to begin anew, give it another name"
                    )
                });
                told.collect::<Vec<_>>()
            };
            let again = [
                found(
                    &mut sketches,
                    &|name| before.sketches.contains_key(name),
                    "sketch",
                ),
                found(
                    &mut vectors,
                    &|name| before.vectors.contains_key(name),
                    "collection",
                ),
            ];
            let was_active = |name: &Name| {
                active.manifest.sketches.contains_key(name) || active.manifest.vectors.contains_key(name)
            };
            check_held(&before, next, was_active).map_err(|error| of_revision(error, *number))?;
            warnings.extend(again.into_iter().flatten());
            if sketches.is_empty() && vectors.is_empty() {
                break;
            }
        }
        Ok(warnings)
    }
}

fn missing<'a>(names: impl Iterator<Item = &'a Name>, is_active: impl Fn(&Name) -> bool) -> BTreeSet<Name> {
    names.filter(|name| !is_active(name)).cloned().collect()
}

fn of_revision(error: ManifestError, number: u64) -> ManifestError {
    let why = format!("revision {number} declared it otherwise: {}", error.message);
    ManifestError::new(error.path, why)
}
