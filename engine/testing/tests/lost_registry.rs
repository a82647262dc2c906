//! A registry that is lost is no empty one: whatever it knew stays, until it is back or an operator gives it up.

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
    ports::{audit::MemoryAudit, store::LocalStore as _},
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
const PATIENCE: Duration = Duration::from_secs(30);
const OWN_STREAM: &str = "TR_shop_clicks";

/// What outlives an engine.
struct Stage {
    broker: MemoryBroker,
    registry: MemoryRegistry,
    store: MemoryStore,
    audit: Arc<MemoryAudit>,
}

/// An engine at work.
struct Running {
    commands: Commands,
    queries: Queries,
    stop: CancellationToken,
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn grants() -> TenantRequest {
    TenantRequest {
        read: vec!["in.>".to_owned()],
        write: vec!["out.>".to_owned()],
        nats_account: None,
        quotas: None,
    }
}

impl Stage {
    /// Tenant `shop` with pipeline `clicks`, which has processed what there was.
    async fn set() -> (Self, Running) {
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
        let text = r#"{"name":"clicks","input":{"subjects":["in.>"],"key":{"json":"/user"}},"output":{"subject":"out.{key}"}}"#;
        let manifest = parse(text.as_bytes()).unwrap();
        let applied = running.commands.apply_pipeline(&shop, manifest, Apply::default());
        applied.await.unwrap();
        tokio::time::sleep(PATIENCE).await;
        assert!(!stage.outputs().is_empty());
        (stage, running)
    }

    async fn start(&self) -> Running {
        let world = World {
            audit: self.audit.clone(),
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

    fn outputs(&self) -> Vec<Bytes> {
        let stored = self.broker.messages(OWN_STREAM, "out.>");
        stored.into_iter().map(|stored| stored.payload).collect()
    }

    fn has_state(&self) -> bool {
        !self.store.tenants().unwrap().is_empty()
    }
}

impl Running {
    /// Why the engine is not ready.
    fn trouble(&self) -> String {
        let ready = self.queries.context().readiness();
        ready.expect_err("it is not ready").into_owned()
    }

    async fn findings(&self) -> Vec<&'static str> {
        let found = self.queries.examine().await.unwrap().findings;
        found.iter().map(|found| found.kind).collect()
    }

    /// Nothing can be changed, nothing is found that doctor would delete, and doctor deletes nothing.
    async fn holds_still(&self) {
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

#[tokio::test(start_paused = true)]
async fn nothing_goes_with_a_registry_that_is_lost_while_an_engine_runs() {
    let (stage, running) = Stage::set().await;
    let outputs = stage.outputs();
    stage.registry.lose();
    tokio::time::sleep(PATIENCE).await;
    assert!(
        running.trouble().contains("accept-registry-loss"),
        "{}",
        running.trouble()
    );
    running.holds_still().await;
    assert!(stage.has_state());
    // What runs goes on.
    stage.broker.publish("IN", "in.k", r#"{"user":"u"}"#);
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(stage.outputs().len(), outputs.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_starts_without_its_registry_deletes_nothing_and_makes_none() {
    let (stage, running) = Stage::set().await;
    running.stop.cancel();
    tokio::time::sleep(PATIENCE).await;
    let outputs = stage.outputs();
    stage.registry.lose();
    stage.registry.hold_plugin(Bytes::from_static(b"plugin"));
    let running = stage.start().await;
    tokio::time::sleep(PATIENCE).await;
    let trouble = running.trouble();
    assert!(
        trouble.contains(OWN_STREAM) && trouble.contains("backup"),
        "{trouble}"
    );
    running.holds_still().await;
    assert_eq!(stage.outputs(), outputs);
    assert_eq!(stage.registry.components().len(), 1);
    assert!(stage.has_state());
    assert_eq!(stage.registry.entries(), 0, "a backup finds the place free");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_was_made_by_hand_after_what_there_is_is_no_truth() {
    use tailrace_core::ports::registry::RegistryStore as _;
    let (stage, running) = Stage::set().await;
    running.stop.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.registry.lose();
    stage.registry.make().await.unwrap();
    let running = stage.start().await;
    tokio::time::sleep(PATIENCE).await;
    assert!(running.trouble().contains("newer"), "{}", running.trouble());
    running.holds_still().await;
    assert!(stage.has_state() && !stage.outputs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_operator_may_give_up_what_is_lost() {
    let (stage, running) = Stage::set().await;
    running.stop.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.registry.lose();
    let running = stage.start().await;
    running.commands.accept_registry_loss().await.unwrap();
    assert_eq!(running.queries.context().readiness(), Ok(()));
    let found = running.queries.examine().await.unwrap();
    running.commands.mend(found).await.unwrap();
    tokio::time::sleep(PATIENCE).await;
    assert!(stage.outputs().is_empty() && !stage.has_state());
    let bank = name("bank");
    running.stop.cancel();
    // It is remembered.
    let again = stage.start().await;
    assert_eq!(again.queries.context().readiness(), Ok(()));
    let made = again.commands.put_tenant(&bank, grants(), Condition::Any);
    made.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_audit_log_that_is_gone_begins_anew_and_says_so() {
    let (stage, running) = Stage::set().await;
    let bank = name("bank");
    stage.audit.lose();
    let gone = running
        .queries
        .audit(tailrace_core::ports::audit::Whose::Anybodys, None, 10)
        .await;
    assert!(gone.is_err(), "what is gone is not told as nothing: {gone:?}");
    let made = running.commands.put_tenant(&bank, grants(), Condition::Any);
    made.await.unwrap();
    let actions: Vec<_> = stage
        .audit
        .records()
        .into_iter()
        .map(|record| record.action)
        .collect();
    assert_eq!(
        actions.first().map(String::as_str),
        Some("audit-log-lost"),
        "{actions:?}"
    );
    assert!(actions.contains(&"tenant-put".to_owned()), "{actions:?}");
}
