//! The bytes of plugins: those that no version refers to, and versions whose bytes are lost.

use std::collections::BTreeSet;

use tailrace_core::{identity::Digest, registry::Registry};

use crate::{
    doctor::{
        finding::{Examination, Fix},
        registered::Registered,
    },
    error::ControlResult,
    query::Queries,
};

impl Queries {
    /// Compares the bytes that lie on the broker with the versions.
    pub(super) async fn compare_components(
        &self,
        lie: &[Digest],
        (registry, registered): (&Registry, &Registered),
        examination: &mut Examination,
    ) -> ControlResult<()> {
        for digest in lie.iter().filter(|digest| !registered.uses(digest)) {
            let detail = "no plugin version refers to it";
            let found = examination.add("orphan-component", digest.to_string(), detail);
            found.fixed_by(None, Fix::Component(*digest));
        }
        let lie: BTreeSet<_> = lie.iter().collect();
        for ((tenant, plugin), version) in &registry.plugins {
            // They were listed before the versions were, so those of a version that is new are asked for.
            let is_lost = !lie.contains(&version.digest)
                && self
                    .context
                    .world
                    .registry
                    .plugin(version.digest)
                    .await?
                    .is_none();
            if is_lost {
                let detail =
                    format!("the bytes of tenant {tenant}'s plugin {plugin} are gone from the broker");
                let found = examination.add("lost-component", format!("{tenant}/{plugin}"), detail);
                found.mended_by(format!(
                    "upload the file of {plugin} again, as tenant {tenant}: tailrace plugin push FILE"
                ));
            }
        }
        Ok(())
    }
}
