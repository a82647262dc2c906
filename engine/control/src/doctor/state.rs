//! What the registry, the pipelines and the clocks say.

use tailrace_core::{
    observe::status::State,
    registry::{Key, Lost, PipelinePhase, Registry},
};

use crate::{
    doctor::finding::{Examination, Fix},
    query::Queries,
};

/// A clock that is further from the broker's than this is off: times are compared with the broker's, and tokens
/// end by the engine's.
const CLOCK_WITHIN_MS: u64 = 2_000;

pub(super) fn look_at_registry(registry: &Registry, examination: &mut Examination) {
    for (key, cause) in &registry.unreadable {
        let detail = format!("this engine cannot read it: {cause}");
        let found = examination.add("unreadable-entry", key, detail);
        match key.parse() {
            Ok(Key::Pipeline(id)) if registry.revisions.contains_key(&id) => {
                found.fixed_by(None, Fix::Pipeline(id));
                "if a newer engine wrote it, run that one here too; if it is damaged, tailrace doctor --fix makes it anew from the last revision that can be read".clone_into(&mut found.mend);
            }
            Ok(Key::Revision(id, number)) if registry.says(&id, number) => {
                found.fixed_by(None, Fix::Revision(id, number));
                "tailrace doctor --fix: the pipeline's entry says the same".clone_into(&mut found.mend);
            }
            Ok(Key::Revision(id, number)) => found.mended_by(format!(
                "if a newer engine wrote it, run that one here too; if it is damaged, pipeline {id} cannot go back to revision {number} any more, and goes on without it: nats kv del tailrace_registry {key}"
            )),
            Ok(Key::Tenant(name)) => found.mended_by(format!(
                "if a newer engine wrote it, run that one here too; if it is damaged, restore key {key} of bucket tailrace_registry from a backup: the grants of tenant {name} and the seed of its sketches are in it"
            )),
            _ => found.mended_by(format!(
                "if a newer engine wrote it, run that one here too; if it is damaged: nats kv del tailrace_registry {key}"
            )),
        }
    }
    for key in &registry.orphans {
        let found = examination.add("orphan-entry", key.to_string(), "its tenant is gone");
        found.mended_by("nothing: an engine removes it; if it stays, look at the engine's log");
    }
    look_at_lost(registry, examination);
}

/// What belongs to entries that somebody has removed by hand.
fn look_at_lost(registry: &Registry, examination: &mut Examination) {
    for (tenant, life) in registry.lost.of_tenants.keys() {
        let detail = registry.lost.in_words(tenant).unwrap_or_default();
        let found = examination.add("lost-tenant", format!("tenant {tenant} of life {life}"), detail);
        if registry.tenants.contains_key(tenant) {
            found.fixed_by(None, Fix::LostTenant(tenant.clone(), *life));
            "a tenant of another life has the name; put the right entry back, or, to delete what the earlier one has left: tailrace doctor --fix".clone_into(&mut found.mend);
        } else {
            found.mended_by(Lost::way_out(tenant));
        }
    }
    for (tenant, schema) in &registry.lost.schemas {
        let what = Key::Schema(tenant.clone(), schema.clone()).to_string();
        let detail =
            "it is gone from the registry, and nobody has ordered that over the API; its versions stay";
        let found = examination.add("lost-schema", &what, detail);
        found.mended_by(format!(
            "put key {what} of bucket tailrace_registry back from a backup; or, to delete what it has left, push a schema of this name"
        ));
    }
}

impl Queries {
    pub(super) fn look_at_pipelines(&self, registry: &Registry, examination: &mut Examination) {
        for (id, pipeline) in &registry.pipelines {
            match (pipeline.phase, self.state_of(id, pipeline)) {
                (PipelinePhase::Ready, State::Parked { reason }) => {
                    let found = examination.add("parked-pipeline", id.to_string(), reason);
                    found.mended_by("what the reason says");
                }
                (PipelinePhase::Ready, _) => {}
                (phase, _) => {
                    let doing = if phase == PipelinePhase::Deleting {
                        "deleted"
                    } else {
                        "created"
                    };
                    let by = pipeline.by.as_ref().map(ToString::to_string).unwrap_or_default();
                    let detail = format!("it is being {doing} by engine {by}");
                    let found = examination.add("unfinished", id.to_string(), detail);
                    found.mended_by(
                        "nothing: an engine goes on with it; if it stays, look at the engine's log",
                    );
                }
            }
        }
        for (name, tenant) in registry.tenants.iter().filter(|(_, tenant)| tenant.deleting) {
            let detail = format!("tenant {name} of life {} is being deleted", tenant.life);
            let found = examination.add("unfinished", format!("tenant {name}"), detail);
            found.mended_by("nothing: an engine goes on with it; if it stays, look at the engine's log");
        }
    }

    pub(super) async fn look_at_clock(&self, examination: &mut Examination) {
        let before = self.context.now_ms();
        let Ok(Some(broker)) = self.context.world.streams.time_ms().await else {
            return;
        };
        let after = self.context.now_ms();
        let is_within = (before.saturating_sub(CLOCK_WITHIN_MS)..=after + CLOCK_WITHIN_MS).contains(&broker);
        if !is_within {
            let detail = format!(
                "this engine's clock is {} ms off the broker's",
                i128::from(after) - i128::from(broker)
            );
            let found = examination.add("clock", "this engine's clock", detail);
            found.mended_by("set both clocks by the same source: timedatectl set-ntp true");
        }
    }
}
