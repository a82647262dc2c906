//! A tenant with one pipeline in a registry, and an engine that runs what is registered, over the fakes.

use std::{collections::BTreeMap, sync::Arc};

use tailrace_core::{
    identity::{Digest, PipelineId},
    life::Life,
    manifest::parse::parse,
    membership::Membership,
    name::Name,
    observe::overview::Overview,
    ports::registry::Bucket,
    registry::{Begun, Key, Pipeline, Quotas, Revision, Tenant, watcher},
    tasks,
    world::World,
};
use tailrace_dataplane::run::{engine::Engine, settings::Settings};
use tailrace_sketch::TenantSeed;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The pipeline `clicks` of the tenant `shop`.
pub fn pipeline() -> PipelineId {
    PipelineId {
        tenant: name("shop"),
        pipeline: name("clicks"),
    }
}

/// Registers the tenant, and the pipeline with this manifest. `component` is what the plugin of its step is made of.
pub async fn register(registry: &impl Bucket, manifest: &str, component: Option<&[u8]>) {
    let tenant = Tenant {
        name: name("shop"),
        life: Life::UNNAMED,
        deleting: false,
        read: vec!["in.>".to_owned()],
        write: vec!["out.>".to_owned()],
        nats_account: None,
        quotas: Quotas::default(),
        schema_rules: Vec::new(),
        seed: TenantSeed::new(1, 2),
        created_ms: 0,
    };
    let manifest = parse(manifest.as_bytes()).unwrap();
    let digest = component.map(Digest::of);
    let plugins = manifest.steps.iter().zip(digest);
    let plugins = plugins.map(|(step, digest)| (step.name.clone(), digest));
    let revision = Revision {
        number: 1,
        plugins: plugins.collect::<BTreeMap<_, _>>(),
        manifest,
        applied_ms: 0,
        rolled_back_to: None,
        begun: Begun::default(),
    };
    let tenant_entry = serde_json::to_vec(&tenant).unwrap();
    let pipeline_entry = serde_json::to_vec(&Pipeline::new(revision, 0)).unwrap();
    for (key, value) in [
        (Key::Tenant(tenant.name), tenant_entry),
        (Key::Pipeline(pipeline()), pipeline_entry),
    ] {
        registry.put(&key.to_string(), value.into(), 0).await.unwrap();
    }
}

/// Starts an engine among those that are alive; it runs until the token is cancelled.
pub fn start(world: World, me: &str, alive: &[&str], overview: Overview) -> CancellationToken {
    let (sender, registry) = watch::channel(None);
    tasks::spawn(watcher::keep(world.clone(), sender));
    let membership = Membership {
        me: name(me),
        alive: alive.iter().map(|engine| name(engine)).collect(),
        unread: BTreeMap::new(),
    };
    let (members_sender, members) = watch::channel(Some(Arc::new(membership)));
    // The members never change.
    std::mem::forget(members_sender);
    let stop = CancellationToken::new();
    let engine = Engine {
        world,
        registry,
        overview,
        members,
        settings: Settings::default(),
        stop: stop.clone(),
    };
    tasks::spawn(engine.run());
    stop
}
