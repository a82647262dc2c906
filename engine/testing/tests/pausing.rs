//! A pause that no person makes, by a step's policy or by the circuit breaker, is in the audit log: once, however often
//! it has to be written, and however many engines pause.

#[path = "shared/alone.rs"]
mod alone;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    audit::AuditRecord,
    event::Event,
    grant::{CallLimits, Grant},
    identity::Digest,
    life::Life,
    observe::overview::Overview,
    ports::{
        audit::{AuditLog, MemoryAudit, Whose},
        broker::BrokerError,
        plugins::{
            Admitted, Call, CallFailure, Host, Instance, Plugin, PluginError, PluginRuntime, Trap, TrapCode,
        },
        registry::{Bucket, Entry, RegistryStore, Watch, WriteError},
    },
    registry::{Key, Pipeline},
    world::World,
};
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    link::Link,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};

use alone::{name, pipeline};

/// Time passes by itself while all wait.
const PATIENCE: Duration = Duration::from_mins(1);
const COMPONENT: &[u8] = b"fails";

/// A plugin that fails on every event.
struct Fails;

impl PluginRuntime for Fails {
    fn admit(&self, _: &Bytes) -> Result<Admitted, PluginError> {
        Err(PluginError::Invalid("nothing is uploaded".to_owned()))
    }
    fn load(&self, _: Digest, _: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        Ok(Arc::new(Self))
    }
}

impl Plugin for Fails {
    fn imports(&self) -> &BTreeSet<Grant> {
        static NONE: BTreeSet<Grant> = BTreeSet::new();
        &NONE
    }
    fn instantiate(&self, _: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Ok(Box::new(Spent(false)))
    }
}

struct Spent(bool);

impl Instance for Spent {
    fn process(&mut self, _: &Event, _: &mut dyn Host) -> Call {
        self.0 = true;
        let trap = Trap {
            code: TrapCode::Crash,
            message: "simulated".to_owned(),
            backtrace: Vec::new(),
        };
        Call {
            result: Err(CallFailure::Trap(trap)),
            fuel: 10,
        }
    }
    fn is_spent(&self) -> bool {
        self.0
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}

/// A registry that stores what is written, and for a while lets nobody know.
#[derive(Clone)]
struct Silent {
    registry: MemoryRegistry,
    answers_lost: Arc<AtomicU32>,
}

#[async_trait]
impl Bucket for Silent {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        self.registry.get(key).await
    }
    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        let revision = self.registry.put(key, value, expected).await?;
        let fewer = |left: u32| left.checked_sub(1);
        let lost = self
            .answers_lost
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        match lost {
            Ok(_) => Err(BrokerError::Unreachable("the answer was lost".to_owned()).into()),
            Err(_) => Ok(revision),
        }
    }
    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        self.registry.delete(key).await
    }
    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError> {
        self.registry.remove(key, expected).await
    }
    async fn revision(&self) -> Result<u64, BrokerError> {
        self.registry.revision().await
    }
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        self.registry.watch().await
    }
}

#[async_trait]
impl RegistryStore for Silent {
    async fn created(&self) -> Result<Option<String>, BrokerError> {
        self.registry.created().await
    }
    async fn make(&self) -> Result<(), BrokerError> {
        self.registry.make().await
    }
    async fn put_plugin(&self, digest: Digest, component: Bytes) -> Result<(), BrokerError> {
        self.registry.put_plugin(digest, component).await
    }
    async fn plugin(&self, digest: Digest) -> Result<Option<Bytes>, BrokerError> {
        self.registry.plugin(digest).await
    }
    async fn plugin_digests(&self) -> Result<Vec<Digest>, BrokerError> {
        self.registry.plugin_digests().await
    }
    async fn stored_until(&self) -> Result<u64, BrokerError> {
        self.registry.stored_until().await
    }
    async fn delete_plugin(&self, digest: Digest, until: u64) -> Result<(), BrokerError> {
        self.registry.delete_plugin(digest, until).await
    }
}

/// Engines on one broker, and what they share.
struct Stage {
    broker: MemoryBroker,
    registry: Silent,
    audit: Arc<MemoryAudit>,
}

impl Stage {
    /// With a pipeline of four partitions that says this, and events of many keys.
    async fn set(policy: &str, more: &str) -> Self {
        let broker = MemoryBroker::new(Options::default());
        let registry = MemoryRegistry::new(Link::new(None));
        registry.hold_plugin(COMPONENT.into());
        broker.begin_pipeline(&pipeline(), Life::UNNAMED, 4);
        for number in 0..200 {
            broker.publish("IN", &format!("in.k{number}"), "event");
        }
        let stage = Self {
            broker,
            registry: Silent {
                registry,
                answers_lost: Arc::default(),
            },
            audit: Arc::default(),
        };
        let text = format!(
            r#"{{"name":"clicks","partitions":4,"input":{{"stream":"IN","subjects":["in.>"],"key":{{"subject-token":2}}}},
            "steps":[{{"name":"fails","plugin":"fails@1.0.0","on-error":{{"retries":0,"then":"{policy}"}}}}],
            "output":{{"subject":"out.{{key}}"}}{more}}}"#
        );
        alone::register(&stage.registry, &text, Some(COMPONENT)).await;
        stage
    }

    /// Starts one of several engines.
    fn start(&self, me: &str, alive: &[&str]) {
        let world = World {
            registry: Arc::new(self.registry.clone()),
            audit: self.audit.clone(),
            ..world(
                &self.broker,
                &self.registry.registry,
                Arc::new(MemoryStore::default()),
                Arc::new(Fails),
            )
        };
        alone::start(world, me, alive, Overview::default());
    }

    /// Waits until the pipeline is paused, and as long again; gives the reason.
    async fn paused(&self) -> String {
        let paused = async {
            loop {
                let key = Key::Pipeline(pipeline()).to_string();
                let entry = self.registry.get(&key).await.unwrap().unwrap();
                let pipeline: Pipeline = serde_json::from_slice(&entry.value.unwrap()).unwrap();
                if let Some(reason) = pipeline.paused {
                    return reason;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let reason = tokio::time::timeout(PATIENCE, paused).await.unwrap();
        tokio::time::sleep(PATIENCE).await;
        reason
    }

    /// The only record.
    async fn record(&self) -> AuditRecord {
        let mut records = self.audit.before(Whose::Anybodys, None, 10).await.unwrap();
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0).record
    }

    async fn assert_recorded(&self, by: &str) {
        let reason = self.paused().await;
        let record = self.record().await;
        assert_eq!(
            (&*record.action, &*record.target, &*record.who.scope),
            ("pipeline-paused", "pipeline/clicks", "engine")
        );
        assert_eq!(record.tenant, Some(name("shop")));
        let after = record.after.unwrap();
        assert_eq!((&after["by"], &after["reason"]), (&by.into(), &reason.into()));
    }
}

const BREAKER: &str = r#","circuit-breaker":{"dead-letter-ratio":0.5,"minimum":10}"#;

#[tokio::test(start_paused = true)]
async fn a_pause_by_a_steps_policy_is_recorded() {
    let stage = Stage::set("pause", "").await;
    stage.start("e-1", &["e-1"]);
    stage.assert_recorded("step-policy").await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_by_the_circuit_breaker_is_recorded() {
    let stage = Stage::set("dead-letter", BREAKER).await;
    stage.start("e-1", &["e-1"]);
    stage.assert_recorded("circuit-breaker").await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_whose_answer_was_lost_is_recorded_once() {
    let stage = Stage::set("pause", "").await;
    stage.registry.answers_lost.store(3, Ordering::Relaxed);
    stage.start("e-1", &["e-1"]);
    stage.assert_recorded("step-policy").await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_several_engines_ask_for_is_recorded_once() {
    let stage = Stage::set("pause", "").await;
    for engine in ["e-1", "e-2", "e-3"] {
        stage.start(engine, &["e-1", "e-2", "e-3"]);
    }
    stage.assert_recorded("step-policy").await;
}
