//! What a pipeline without steps does when the broker is not what it was: it says so, names whose fault it is, and goes
//! on by itself where that can be. No event pays for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tailrace_core::{
    altered::{Altered, Harm},
    dead_letter,
    identity::PipelineId,
    life::Life,
    manifest::parse::parse,
    membership::Membership,
    name::Name,
    observe::{overview::Overview, status::State},
    ports::registry::Bucket as _,
    registry::{Begun, Key, Pipeline, Quotas, Revision, Tenant, watcher},
    subject, tasks,
    world::World,
};
use tailrace_dataplane::run::{engine::Engine, settings::Settings};
use tailrace_sketch::TenantSeed;
use tailrace_testing::{
    broker::{MemoryBroker, Options, Stored},
    link::Link,
    no_plugins::NoPlugins,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Time passes by itself while all wait.
const PATIENCE: Duration = Duration::from_mins(1);

/// How much later than before the broker receives messages.
static LATER_MS: AtomicU64 = AtomicU64::new(0);

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn pipeline() -> PipelineId {
    PipelineId {
        tenant: name("shop"),
        pipeline: name("clicks"),
    }
}

/// A broker with an input, and a pipeline that reads it.
struct Stage {
    broker: MemoryBroker,
    registry: MemoryRegistry,
    overview: Overview,
}

impl Stage {
    async fn set(max_payload: usize) -> Self {
        let options = Options {
            max_payload,
            received_ms: |sequence| sequence + LATER_MS.load(Ordering::Relaxed),
            ..Options::default()
        };
        let broker = MemoryBroker::new(options);
        broker.begin_pipeline(&pipeline(), Life::UNNAMED, 1);
        broker.declare("IN", &["in.>"]);
        let registry = MemoryRegistry::new(Link::new(None));
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
        let text = r#"{"name":"clicks","input":{"stream":"IN","subjects":["in.>"],"key":{"subject-token":2}},"output":{"subject":"out.{key}"}}"#;
        let revision = Revision {
            number: 1,
            manifest: parse(text.as_bytes()).unwrap(),
            plugins: BTreeMap::new(),
            applied_ms: 0,
            rolled_back_to: None,
            begun: Begun::default(),
        };
        let tenant_entry = serde_json::to_vec(&tenant).unwrap();
        let pipeline_entry = serde_json::to_vec(&Pipeline::new(revision, 0)).unwrap();
        for (key, value) in [
            (Key::Tenant(tenant.name.clone()), tenant_entry),
            (Key::Pipeline(pipeline()), pipeline_entry),
        ] {
            registry.put(&key.to_string(), value.into(), 0).await.unwrap();
        }
        Self {
            broker,
            registry,
            overview: Overview::default(),
        }
    }

    /// Starts an engine with an empty folder; it runs until the token is cancelled.
    fn start(&self) -> CancellationToken {
        let store = Arc::new(MemoryStore::default());
        let world: World = world(&self.broker, &self.registry, store, Arc::new(NoPlugins));
        let (sender, registry) = watch::channel(None);
        tasks::spawn(watcher::keep(world.clone(), sender));
        let membership = Membership {
            me: name("e-1"),
            alive: [name("e-1")].into_iter().collect(),
            unread: BTreeMap::new(),
        };
        let (members_sender, members) = watch::channel(Some(Arc::new(membership)));
        // The members never change.
        std::mem::forget(members_sender);
        let stop = CancellationToken::new();
        let engine = Engine {
            world,
            registry,
            overview: self.overview.clone(),
            members,
            settings: Settings::default(),
            stop: stop.clone(),
        };
        tasks::spawn(engine.run());
        stop
    }

    fn state(&self) -> State {
        let status = self.overview.pipeline(&pipeline());
        status.map_or(State::Starting, |status| status.state())
    }

    /// Waits until a look at it is true.
    async fn until(&self, what: &str, mut look: impl FnMut(&Self) -> bool) {
        let seen = async {
            while !look(self) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        assert!(seen.is_ok(), "{what}: {:?}", self.state());
    }

    fn lag(&self) -> Option<u64> {
        self.overview.pipeline(&pipeline())?.report().lag()
    }

    fn alter(&self, altered: &[Altered]) {
        self.broker
            .alter(&subject::stream_name(&pipeline()), altered.to_vec());
    }

    fn outputs(&self) -> usize {
        self.of_its_own("out.>").len()
    }

    fn letters(&self) -> Vec<Stored> {
        self.of_its_own(&subject::dead_subject(&pipeline()))
    }

    fn of_its_own(&self, pattern: &str) -> Vec<Stored> {
        self.broker.messages(&subject::stream_name(&pipeline()), pattern)
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_without_room_for_the_engine_makes_no_letter_and_is_named() {
    let stage = Stage::set(1 << 20).await;
    stage.start();
    stage.broker.publish("IN", "in.k", "small");
    stage.until("it runs", |stage| stage.outputs() == 1).await;
    stage.broker.set_max_payload(4096);
    stage
        .until("it waits and says why", |stage| {
            let State::Waiting { reason } = stage.state() else {
                return false;
            };
            reason.contains("at most 4096 bytes") && reason.contains("raise max_payload")
        })
        .await;
    stage.broker.publish("IN", "in.k", "small");
    tokio::time::sleep(PATIENCE).await;
    assert!(stage.letters().is_empty() && stage.outputs() == 1);
    stage.broker.set_max_payload(1 << 20);
    stage.until("it goes on", |stage| stage.outputs() == 2).await;
    assert!(stage.letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_is_known_before_an_event_is_given_up_for_its_size() {
    let stage = Stage::set(64 * 1024).await;
    stage.start();
    stage.broker.publish("IN", "in.k", "small");
    stage.until("it runs", |stage| stage.outputs() == 1).await;
    // At once, before the engine looks by itself.
    stage.broker.set_max_payload(1 << 20);
    stage.broker.publish("IN", "in.k", vec![b'x'; 100_000]);
    stage.until("it is published", |stage| stage.outputs() == 2).await;
    assert!(stage.letters().is_empty());
    // What is too large for the limit of now is a letter.
    stage.broker.publish("IN", "in.k", vec![b'x'; 2 << 20]);
    stage
        .until("it is a letter", |stage| stage.letters().len() == 1)
        .await;
    let letters = stage.letters();
    let is_reason = |header: &&tailrace_core::event::Header| header.name == dead_letter::REASON_HEADER;
    assert!(letters[0].headers.iter().any(|header| is_reason(&header)));
}

#[tokio::test(start_paused = true)]
async fn an_input_that_was_restored_from_before_and_has_grown_is_another_one() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    for _ in 0..10 {
        stage.broker.publish("IN", "in.k", "before");
    }
    stage.until("it runs", |stage| stage.outputs() == 10).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    // What is the same goes on.
    let engine = stage.start();
    stage.broker.publish("IN", "in.k", "before");
    stage.until("it goes on", |stage| stage.outputs() == 11).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.broker.restore("IN", 5);
    LATER_MS.store(1_000, Ordering::Relaxed);
    for _ in 0..12 {
        stage.broker.publish("IN", "in.k", "after");
    }
    LATER_MS.store(0, Ordering::Relaxed);
    stage.start();
    stage
        .until("it is parked with the way out", |stage| {
            let State::Parked { reason } = stage.state() else {
                return false;
            };
            reason.contains("restored from before") && reason.contains("--from first")
        })
        .await;
    assert_eq!(stage.outputs(), 11);
}

fn smaller(harm: Harm) -> Altered {
    Altered {
        setting: "max_msg_size",
        is: "10".to_owned(),
        was: "-1".to_owned(),
        harm,
    }
}

#[tokio::test(start_paused = true)]
async fn commits_that_are_refused_are_trouble_with_a_reason_and_events_still_to_do() {
    let stage = Stage::set(1 << 20).await;
    stage.start();
    stage.broker.publish("IN", "in.k", "first");
    stage
        .until("it runs", |stage| stage.outputs() == 1 && stage.lag() == Some(0))
        .await;
    stage.alter(&[smaller(Harm::Mendable)]);
    stage.broker.publish("IN", "in.k", "second");
    stage
        .until("it says why and what to do", |stage| {
            let State::Degraded { reason } = stage.state() else {
                return false;
            };
            let told = ["message size exceeds", "max_msg_size is 10", "doctor --fix"];
            told.iter().all(|told| reason.contains(told))
        })
        .await;
    stage.until("it counts", |stage| stage.lag() == Some(1)).await;
    stage.alter(&[]);
    stage
        .until("it goes on", |stage| {
            stage.outputs() == 2 && stage.lag() == Some(0) && stage.state() == State::Running
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_its_own_that_leads_commits_astray_is_waited_for_and_named() {
    let stage = Stage::set(1 << 20).await;
    stage.alter(&[smaller(Harm::Misleads)]);
    stage.start();
    stage
        .until(
            "it waits and says why",
            |stage| matches!(stage.state(), State::Waiting { reason } if reason.contains("was altered")),
        )
        .await;
    stage.alter(&[]);
    stage.broker.publish("IN", "in.k", "first");
    stage.until("it runs", |stage| stage.outputs() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn records_that_are_gone_are_told_and_the_state_is_written_away() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    for number in 1..=5 {
        stage.broker.publish("IN", "in.k", "event");
        stage
            .until("it is committed", |stage| stage.outputs() == number)
            .await;
    }
    assert!(stage.broker.snapshots().is_empty());
    let commits = subject::commit_pattern(&pipeline());
    stage
        .broker
        .keep_last(&subject::stream_name(&pipeline()), &commits);
    stage
        .until(
            "it is told",
            |stage| matches!(stage.state(), State::Degraded { reason } if reason.contains("are gone")),
        )
        .await;
    stage
        .until("a snapshot is written, and it is over", |stage| {
            !stage.broker.snapshots().is_empty() && stage.state() == State::Running
        })
        .await;
    // The local state is lost, too.
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.start();
    stage.broker.publish("IN", "in.k", "event");
    stage.until("it goes on", |stage| stage.outputs() == 6).await;
}
