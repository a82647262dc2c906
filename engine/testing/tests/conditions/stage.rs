//! A broker with an input, a pipeline without steps that reads it, and engines that run it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tailrace_core::{
    altered::Altered,
    life::Life,
    observe::{overview::Overview, status::State},
    subject,
    world::World,
};
use tailrace_testing::{
    broker::{MemoryBroker, Options, Stored},
    faults::Faults,
    link::Link,
    no_plugins::NoPlugins,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};
use tokio_util::sync::CancellationToken;

use crate::alone::{self, pipeline};

/// Time passes by itself while all wait.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How much later than before the broker receives messages.
pub static LATER_MS: AtomicU64 = AtomicU64::new(0);

/// A broker with an input, and a pipeline that reads it.
pub struct Stage {
    pub broker: MemoryBroker,
    pub registry: MemoryRegistry,
    overview: Overview,
}

impl Stage {
    pub async fn set(max_payload: usize) -> Self {
        let options = Options {
            max_payload,
            received_ms: |sequence| sequence + LATER_MS.load(Ordering::Relaxed),
            ..Options::default()
        };
        Self::of(options).await
    }

    /// On such a broker.
    pub async fn of(options: Options) -> Self {
        let broker = MemoryBroker::new(options);
        broker.begin_pipeline(&pipeline(), Life::UNNAMED, 1);
        broker.declare("IN", &["in.>"]);
        let registry = MemoryRegistry::new(Link::new(None));
        let text = r#"{"name":"clicks","input":{"stream":"IN","subjects":["in.>"],"key":{"subject-token":2}},"output":{"subject":"out.{key}"}}"#;
        alone::register(&registry, text, None).await;
        Self {
            broker,
            registry,
            overview: Overview::default(),
        }
    }

    /// Its broker takes its time to answer.
    #[must_use]
    pub fn slow(mut self) -> Self {
        let delays = Faults::new(1);
        delays.calm_down();
        self.broker = self.broker.through(Link::new(Some(Arc::new(delays))));
        self
    }

    /// Starts an engine with an empty folder; it runs until the token is cancelled.
    pub fn start(&self) -> CancellationToken {
        self.start_on(Arc::new(MemoryStore::default()))
    }

    /// The same with this folder.
    pub fn start_on(&self, store: Arc<MemoryStore>) -> CancellationToken {
        let world: World = world(&self.broker, &self.registry, store, Arc::new(NoPlugins));
        alone::start(world, "e-1", &["e-1"], self.overview.clone())
    }

    pub fn overview(&self) -> &Overview {
        &self.overview
    }

    pub fn state(&self) -> State {
        let status = self.overview.pipeline(&pipeline());
        status.map_or(State::Starting, |status| status.state())
    }

    /// Waits until a look at it is true.
    pub async fn until(&self, what: &str, mut look: impl FnMut(&Self) -> bool) {
        let seen = async {
            while !look(self) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        assert!(seen.is_ok(), "{what}: {:?}", self.state());
    }

    pub fn lag(&self) -> Option<u64> {
        self.overview.pipeline(&pipeline())?.report().lag()
    }

    pub fn alter(&self, altered: &[Altered]) {
        self.broker
            .alter(&subject::stream_name(&pipeline()), altered.to_vec());
    }

    pub fn outputs(&self) -> usize {
        self.of_its_own("out.>").len()
    }

    pub fn letters(&self) -> Vec<Stored> {
        self.of_its_own(&subject::dead_subject(&pipeline()))
    }

    pub fn of_its_own(&self, pattern: &str) -> Vec<Stored> {
        self.broker.messages(&subject::stream_name(&pipeline()), pattern)
    }

    /// Publishes events, and waits for each to be committed by itself.
    pub async fn commit_each(&self, events: usize) {
        let before = self.outputs();
        for number in 1..=events {
            self.broker.publish("IN", "in.k", "event");
            self.until("it is committed", |stage| stage.outputs() == before + number)
                .await;
        }
    }
    /// The pipeline tells which records are gone, and that is over once the state is written away.
    pub async fn writes_away_what_is_gone(&self, what: &str) {
        self.until(
            "it is told",
            |stage| matches!(stage.state(), State::Degraded { reason } if reason.contains(what)),
        )
        .await;
        self.until("a snapshot is written, and it is over", |stage| {
            !stage.broker.snapshots().is_empty() && stage.state() == State::Running
        })
        .await;
    }

    /// The watermark of the only partition.
    pub fn watermark_ms(&self) -> u64 {
        let status = self.overview.pipeline(&pipeline());
        status.and_then(|status| status.watermark_ms(0)).unwrap_or(0)
    }
}
