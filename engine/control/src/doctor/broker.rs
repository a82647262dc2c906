//! What lies on the broker, and what of it belongs to nobody.

use tailrace_core::{
    alarm::memory::Memory,
    altered::{self, SharedStream},
    identity::{Digest, PartitionId, PipelineId},
    life::Life,
    name::Name,
    ports::{
        broker::{StreamFacts, too_small_a_limit},
        registry::Entry,
    },
    subject,
};

use crate::{
    doctor::{
        finding::{Examination, Fix},
        registered::Registered,
    },
    error::ControlResult,
    query::Queries,
};

/// What lies in a NATS account.
pub(super) struct Lying {
    account: Option<Name>,
    streams: Vec<StreamFacts>,
    consumers: Vec<(String, String)>,
    snapshots: Vec<PartitionId>,
    /// None where the broker is one server.
    wanted_replicas: Option<u64>,
    /// What is wrong with the broker's limit of messages.
    small_limit: Option<String>,
}

/// What lies in the engine's own account for all tenants.
pub(super) struct SharedLying {
    pub(super) components: Vec<Digest>,
    alarms: Vec<String>,
    /// Those of them that nobody can read.
    unreadable_alarms: Vec<String>,
}

/// The only one of the streams for all pipelines that lies in accounts of tenants, too.
const SNAPSHOTS: &str = "OBJ_tailrace_snapshots";

impl Queries {
    /// Streams for all pipelines that somebody has altered. Needs nothing that is registered.
    pub(super) async fn look_at_altered(
        &self,
        account: Option<&Name>,
        examination: &mut Examination,
    ) -> ControlResult<()> {
        let world = self.context.world.of(account).await?;
        let altered = world.streams.altered_shared().await?;
        // Another stream of such a name in a tenant's account is the tenant's.
        let is_ours = |stream: &&SharedStream| account.is_none() || stream.name == SNAPSHOTS;
        for stream in altered.iter().filter(is_ours) {
            let found = examination.add("altered-stream", stream.name, stream.told());
            if altered::is_final(&stream.altered) {
                found.nats_account = account.cloned();
                found.mended_by(stream.way_out());
            } else {
                found.fixed_by(account, Fix::Shared(stream.name));
            }
        }
        Ok(())
    }

    pub(super) async fn look_at_account(&self, account: Option<&Name>) -> ControlResult<Lying> {
        let world = self.context.world.of(account).await?;
        Ok(Lying {
            account: account.cloned(),
            streams: world.streams.own_streams().await?,
            consumers: world.streams.engine_consumers().await?,
            snapshots: world.snapshots.partitions().await?,
            wanted_replicas: world.streams.wanted_replicas(),
            small_limit: too_small_a_limit(world.streams.asked_max_payload().await),
        })
    }

    pub(super) async fn look_at_shared(&self) -> ControlResult<SharedLying> {
        let world = &self.context.world;
        let components = world.registry.plugin_digests().await?;
        let mut watch = world.alarms.watch().await?;
        let (mut alarms, mut unreadable_alarms) = (Vec::new(), Vec::new());
        while let Some(Entry { key, value, .. }) = watch.next().await? {
            let Some(value) = value else { continue };
            if serde_json::from_slice::<Memory>(&value).is_err() {
                unreadable_alarms.push(key.clone());
            }
            alarms.push(key);
        }
        Ok(SharedLying {
            components,
            alarms,
            unreadable_alarms,
        })
    }
}

/// What of an account belongs to nobody.
pub(super) fn compare(lies: &Lying, registered: &Registered, examination: &mut Examination) {
    let account = lies.account.as_ref();
    if let Some(detail) = &lies.small_limit {
        let found = examination.add("small-limit", "max_payload of the broker", detail.clone());
        found.mended_by("raise max_payload in the configuration of the NATS server, and reload it");
        found.nats_account = account.cloned();
    }
    for facts in &lies.streams {
        let Some(id) = subject::owner_of_stream(&facts.name) else {
            continue;
        };
        if !registered.has(&id, facts.life) || facts.life.is_unnamed() && !registered.has_name(&id) {
            let detail = format!("no pipeline {id} of this life is registered");
            let found = examination.add("orphan-stream", &facts.name, detail);
            found.fixed_by(account, Fix::Stream(id, facts.life));
        } else if !facts.altered.is_empty() {
            let detail = altered::told(&id, &facts.altered).unwrap_or_default();
            let found = examination.add("altered-stream", &facts.name, detail);
            if altered::is_final(&facts.altered) {
                found.mended_by(format!("tailrace pipeline resume {} --new-stream", id.pipeline));
            } else {
                found.fixed_by(account, Fix::Altered(id, facts.life));
            }
        } else if let Some(lacking) = registered.lacking(&id, &facts.subjects) {
            let detail = format!("it does not take {lacking:?}, so commits of pipeline {id} are refused");
            let found = examination.add("altered-stream", &facts.name, detail);
            found.mended_by(format!(
                "its engine gives the subject back by itself, unless another stream holds it; tailrace pipeline status {} names that one: take the subject from it (nats stream edit)",
                id.pipeline
            ));
        } else if let Some(wanted) = lies.wanted_replicas.filter(|wanted| facts.replicas < *wanted) {
            let detail = format!("it has {} replicas of {wanted}", facts.replicas);
            let found = examination.add("few-replicas", &facts.name, detail);
            found.fixed_by(account, Fix::Replicas);
        }
    }
    for (stream, consumer) in &lies.consumers {
        let Some(id) = reader_of(consumer) else { continue };
        if !registered.reads(&id, stream) {
            let detail = format!("pipeline {id} does not read stream {stream}");
            let found = examination.add("orphan-consumer", format!("{stream}/{consumer}"), detail);
            let (stream, consumer) = (stream.clone(), consumer.clone());
            found.fixed_by(account, Fix::Consumer { stream, consumer });
        }
    }
    for partition in &lies.snapshots {
        let PartitionId {
            pipeline,
            life,
            partition: number,
        } = partition;
        let has_life =
            registered.has(pipeline, *life) && (!life.is_unnamed() || registered.has_name(pipeline));
        if !has_life || !registered.has_partition(pipeline, *number) {
            let detail = format!("no pipeline {pipeline} of this life is registered");
            let found = examination.add("orphan-snapshots", partition.place(), detail);
            found.fixed_by(account, Fix::Snapshots(partition.clone()));
        }
    }
}

/// What of the engine's own account belongs to nobody.
pub(super) fn compare_shared(lies: &SharedLying, registered: &Registered, examination: &mut Examination) {
    for key in &lies.unreadable_alarms {
        let detail =
            "what alarms remember cannot be read; they begin anew, and may tell again what they told";
        let found = examination.add(
            "unreadable-entry",
            format!("{key} (bucket tailrace_alarms)"),
            detail,
        );
        found.fixed_by(None, Fix::Alarm(key.clone()));
    }
    for key in &lies.alarms {
        let Some(id) = key.strip_prefix("pipeline.").and_then(id_of) else {
            continue;
        };
        if !registered.has_name(&id) {
            let detail = format!("alarms remember pipeline {id}, which is not registered");
            let found = examination.add("orphan-alarm", key, detail);
            found.fixed_by(None, Fix::Alarm(key.clone()));
        }
    }
}

fn id_of(text: &str) -> Option<PipelineId> {
    let (tenant, pipeline) = text.split_once('.')?;
    Some(PipelineId {
        tenant: Name::new(tenant).ok()?,
        pipeline: Name::new(pipeline).ok()?,
    })
}

/// The pipeline that a consumer of this name reads for.
fn reader_of(consumer: &str) -> Option<PipelineId> {
    let mut parts = consumer.strip_prefix("tr_")?.splitn(3, '_');
    id_of(&format!("{}.{}", parts.next()?, parts.next()?))
}

/// The life of a stream, as a fix must find it.
pub(super) fn is_still(facts: &StreamFacts, life: Life) -> bool {
    facts.is_engines && facts.life == life
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_broker_tell_whose_they_are() {
        let id = subject::owner_of_stream("TR_shop_clicks-2").unwrap();
        assert_eq!(id.to_string(), "shop/clicks-2");
        assert_eq!(reader_of("tr_shop_clicks-2_input_e-1_ab"), Some(id));
        for other in ["TR_shop", "SHOP", "TR_shop_Clicks", "TR_shop_a_b"] {
            assert_eq!(subject::owner_of_stream(other), None, "{other}");
        }
        assert_eq!(reader_of("mine"), None);
    }
}
