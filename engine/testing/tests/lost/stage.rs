//! A broker, a registry, and an engine with tenant `shop` and its pipeline `clicks`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tailrace_control::{
    Commands, Context, ControlError, Queries,
    command::{apply::Apply, condition::Condition, tenants::TenantRequest},
};
use tailrace_core::{
    codes::ApiCode,
    manifest::parse::parse,
    membership::{Cluster, Membership},
    name::Name,
    observe::overview::Overview,
    ports::{
        audit::{AuditLog, MemoryAudit},
        store::LocalStore as _,
    },
    registry::watcher,
    tasks,
    world::World,
};
use tailrace_dataplane::run::{engine::Engine, settings::Settings};
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    link::Link,
    no_plugins::NoPlugins,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes. Time passes by itself while all wait.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const OWN_STREAM: &str = "TR_shop_clicks";

/// What outlives an engine.
pub struct Stage {
    pub broker: MemoryBroker,
    pub registry: MemoryRegistry,
    pub store: MemoryStore,
    pub audit: Arc<MemoryAudit>,
}

/// An engine at work.
pub struct Running {
    pub commands: Commands,
    pub queries: Queries,
    pub stop: CancellationToken,
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn grants() -> TenantRequest {
    TenantRequest {
        read: vec!["in.>".to_owned()],
        write: vec!["out.>".to_owned()],
        nats_account: None,
        quotas: None,
    }
}

impl Stage {
    /// Tenant `shop` with pipeline `clicks`, which has processed what there was.
    pub async fn set() -> (Self, Running) {
        let broker = MemoryBroker::new(Options::default());
        broker.declare("IN", &["in.>"]);
        for number in 0..20 {
            broker.publish("IN", &format!("in.k{number}"), r#"{"user":"u"}"#);
        }
        let stage = Self {
            broker,
            registry: MemoryRegistry::new(Link::new(None)),
            store: MemoryStore::default(),
            audit: Arc::default(),
        };
        let running = stage.start().await;
        let shop = name("shop");
        let made = running.commands.put_tenant(&shop, grants(), Condition::Any);
        made.await.unwrap();
        let applied = running.commands.apply_pipeline(&shop, clicks(), Apply::default());
        applied.await.unwrap();
        tokio::time::sleep(PATIENCE).await;
        assert!(!stage.outputs().is_empty());
        (stage, running)
    }

    pub async fn start(&self) -> Running {
        self.start_with(self.audit.clone()).await
    }

    /// The same, on another audit log.
    pub async fn start_with(&self, audit: Arc<dyn AuditLog>) -> Running {
        let world = World {
            audit,
            ..world(
                &self.broker,
                &self.registry,
                Arc::new(self.store.clone()),
                Arc::new(NoPlugins),
            )
        };
        let (sender, registry) = watch::channel(None);
        tasks::spawn(watcher::keep(world.clone(), sender));
        let (members_sender, members) = watch::channel(Some(Arc::new(Membership::alone(name("e-1")))));
        // The members never change.
        std::mem::forget(members_sender);
        let cluster = Cluster {
            members: members.clone(),
            heard: Arc::default(),
            patience: Duration::MAX,
        };
        let (overview, stop) = (Overview::default(), CancellationToken::new());
        let context = Context::new(world.clone(), registry.clone(), overview.clone(), cluster);
        let (commands, queries) = (Commands::new(context.clone()), Queries::new(context));
        tasks::spawn(commands.go_on(stop.clone()));
        tasks::spawn(queries.context().clone().keep_shared(stop.clone()));
        let engine = Engine {
            world,
            registry: registry.clone(),
            overview,
            members,
            settings: Settings::default(),
            stop: stop.clone(),
        };
        tasks::spawn(engine.run());
        let mut read = registry;
        let read = tokio::time::timeout(PATIENCE, read.wait_for(Option::is_some));
        drop(read.await.unwrap().unwrap());
        Running {
            commands,
            queries,
            stop,
        }
    }

    pub fn outputs(&self) -> Vec<Bytes> {
        let stored = self.broker.messages(OWN_STREAM, "out.>");
        stored.into_iter().map(|stored| stored.payload).collect()
    }

    pub fn has_state(&self) -> bool {
        !self.store.tenants().unwrap().is_empty()
    }
}

impl Running {
    /// Why the engine is not ready.
    pub fn trouble(&self) -> String {
        let ready = self.queries.context().readiness();
        ready.expect_err("it is not ready").into_owned()
    }

    pub async fn findings(&self) -> Vec<&'static str> {
        let found = self.queries.examine().await.unwrap().findings;
        found.iter().map(|found| found.kind).collect()
    }

    /// Nothing can be changed, nothing is found that doctor would delete, and doctor deletes nothing.
    pub async fn holds_still(&self) {
        let refused = self
            .commands
            .put_tenant(&name("bank"), grants(), Condition::Any)
            .await;
        assert_eq!(
            refused.map(drop).map_err(|cause| cause.code()),
            Err(ApiCode::NotReady)
        );
        assert_eq!(self.findings().await, ["lost-registry"]);
        let found = self.queries.examine().await.unwrap();
        let mended = self.commands.mend(found).await;
        assert!(
            matches!(mended, Err(ControlError::RegistryInDoubt(_))),
            "{mended:?}"
        );
    }
}

/// The manifest of `clicks`.
pub fn clicks() -> tailrace_core::manifest::PipelineManifest {
    let text = r#"{"name":"clicks","input":{"subjects":["in.>"],"key":{"json":"/user"}},"output":{"subject":"out.{key}"}}"#;
    parse(text.as_bytes()).unwrap()
}

/// The pipeline `clicks`.
pub fn id() -> tailrace_core::identity::PipelineId {
    tailrace_core::identity::PipelineId {
        tenant: name("shop"),
        pipeline: name("clicks"),
    }
}
