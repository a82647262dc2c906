//! The whole engine on an input that falls silent: the watermark goes on, what ends by it is committed, and all
//! partitions know.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tailrace_core::{
    identity::{Digest, PartitionId, PipelineId},
    life::Life,
    manifest::parse::parse,
    membership::Membership,
    name::Name,
    observe::{overview::Overview, status::PipelineStatus},
    record::{Assembler, Record},
    registry::{Begun, Pipeline, Quotas, Registry, Revision, Tenant},
    subject, tasks,
};
use tailrace_dataplane::run::{engine::Engine, settings::Settings};
use tailrace_sketch::TenantSeed;
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    link::Link,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    plugin::{COMPONENT, KEEPS_MS, Keeper},
    stage::BEGIN_MS,
};

const PARTITIONS: u32 = 2;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn pipeline() -> PipelineId {
    PipelineId {
        tenant: name("shop"),
        pipeline: name("carts"),
    }
}

/// A broker, the disk of the engine, and what the pipeline shows.
struct Hall {
    broker: MemoryBroker,
    store: MemoryStore,
    idle: &'static str,
    stop: CancellationToken,
    overview: Overview,
}

impl Hall {
    fn open(idle: &'static str) -> Self {
        let broker = MemoryBroker::new(Options {
            received_ms: |_| BEGIN_MS,
            ..Options::default()
        });
        broker.begin_pipeline(&pipeline(), Life::UNNAMED, PARTITIONS);
        Self {
            broker,
            store: MemoryStore::default(),
            idle,
            stop: CancellationToken::new(),
            overview: Overview::default(),
        }
    }

    fn registry(&self) -> Registry {
        let text = format!(
            r#"{{"name":"carts","partitions":{PARTITIONS},"input":{{"stream":"IN","subjects":["in.>"],"key":{{"subject-token":2}},
            "time":{{"json":"/ts"}},"watermark":{{"idle":{}}}}},
            "steps":[{{"name":"s","plugin":"keeper@1.0.0","grants":["state"]}}],"output":{{"subject":"out.{{key}}"}}}}"#,
            self.idle
        );
        let revision = Revision {
            number: 1,
            manifest: parse(text.as_bytes()).unwrap(),
            plugins: BTreeMap::from([(name("s"), Digest::of(COMPONENT))]),
            applied_ms: 0,
            rolled_back_to: None,
            begun: Begun::default(),
        };
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
        let mut registry = Registry::default();
        registry.tenants.insert(tenant.name.clone(), Arc::new(tenant));
        let entry = Pipeline::new(revision, 0);
        registry.pipelines.insert(pipeline(), Arc::new(entry));
        registry
    }

    /// Starts an engine; what was shown before is forgotten.
    fn start(&mut self) {
        self.stop = CancellationToken::new();
        self.overview = Overview::default();
        let registry = MemoryRegistry::new(Link::new(None));
        registry.hold_plugin(COMPONENT.into());
        let (sender, seen) = watch::channel(Some(Arc::new(self.registry())));
        let alone = Membership::alone(name("engine"));
        let (members_sender, members) = watch::channel(Some(Arc::new(alone)));
        // Neither changes.
        std::mem::forget((sender, members_sender));
        let engine = Engine {
            world: world(
                &self.broker,
                &registry,
                Arc::new(self.store.clone()),
                Arc::new(Keeper),
            ),
            registry: seen,
            overview: self.overview.clone(),
            members,
            settings: Settings::default(),
            stop: self.stop.clone(),
        };
        tasks::spawn(engine.run());
    }

    fn send(&self, key: &str, at: u64, more: &str) {
        let payload = format!("{{\"ts\":{}{more}}}", BEGIN_MS + at);
        self.broker.publish("IN", &format!("in.{key}"), payload);
    }

    async fn until(&self, holds: impl Fn(&PipelineStatus) -> bool) {
        let waiting = async {
            loop {
                let status = self.overview.pipeline(&pipeline());
                if status.is_some_and(|status| holds(&status)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        // In time that passes by itself while all wait.
        tokio::time::timeout(Duration::from_hours(2), waiting)
            .await
            .unwrap();
    }

    /// What each partition has committed.
    fn records(&self) -> Vec<Vec<Record>> {
        let of = |partition| {
            let place = PartitionId {
                pipeline: pipeline(),
                life: Life::UNNAMED,
                partition,
            };
            let stream = subject::stream_name(&pipeline());
            let parts = self.broker.messages(&stream, &subject::commit_subject(&place));
            let mut assembler = Assembler::default();
            let records = parts
                .iter()
                .filter_map(|part| assembler.push(&part.payload).unwrap());
            records.filter(|record| record.head.commit > 0).collect()
        };
        (0..PARTITIONS).map(of).collect()
    }
}

/// Past all that an entry of the first event lives.
fn is_over(status: &PipelineStatus) -> bool {
    (0..PARTITIONS).all(|partition| status.watermark_ms(partition) >= Some(BEGIN_MS + KEEPS_MS))
}

#[tokio::test(start_paused = true)]
async fn what_ends_while_nothing_comes_is_committed_and_all_partitions_know_how_late_it_is() {
    let mut hall = Hall::open("{}");
    hall.send("a", 0, ",\"set\":\"cart\"");
    hall.start();
    hall.until(is_over).await;
    // A tick that has an effect is a commit of its own; no other tick is one.
    let ends = |record: &&Record| {
        record
            .delta
            .state
            .get("s")
            .is_some_and(|writes| writes.values().any(Option::is_none))
    };
    hall.until(|_| hall.records().iter().flatten().any(|record| ends(&record)))
        .await;
    let records = hall.records();
    let ended: Vec<_> = records.iter().flatten().filter(ends).collect();
    assert_eq!(ended.len(), 1, "{records:?}");
    assert!(ended[0].head.watermark_ms >= BEGIN_MS + KEEPS_MS);
    assert_eq!(ended[0].head.watermark_ms, ended[0].head.clock.watermark_ms);
    tokio::time::sleep(Duration::from_mins(10)).await;
    let more = hall.records().iter().flatten().count();
    assert!(more <= records.iter().flatten().count() + 2, "{more}");
    hall.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_timer_fires_on_an_input_that_has_fallen_silent_once_and_not_before_its_time() {
    let mut hall = Hall::open("{}");
    hall.send("a", 0, ",\"wake\":\"end\"");
    hall.start();
    let broker = hall.broker.clone();
    let woken = || broker.messages(&subject::stream_name(&pipeline()), "out.a");
    hall.until(|_| !woken().is_empty()).await;
    let fired = |record: &&Record| record.head.watermark_ms >= BEGIN_MS + KEEPS_MS;
    assert!(hall.records().iter().flatten().any(|record| fired(&record)));
    // Another engine does not fire it again.
    hall.stop.cancel();
    tokio::time::sleep(Duration::from_mins(1)).await;
    hall.start();
    hall.until(is_over).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    let woken = woken();
    assert_eq!(woken.len(), 1);
    assert_eq!(&woken[0].payload[..], b"woken");
    hall.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn an_input_that_is_to_hold_stands_still() {
    let mut hall = Hall::open("{\"advance\":\"hold\"}");
    hall.send("a", 10_000, ",\"set\":\"cart\"");
    hall.start();
    let stands = |status: &PipelineStatus| {
        (0..PARTITIONS).all(|partition| status.watermark_ms(partition) == Some(BEGIN_MS + 5_000))
    };
    hall.until(stands).await;
    tokio::time::sleep(Duration::from_mins(30)).await;
    hall.until(stands).await;
    hall.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_events_does_not_hold_the_watermark_and_a_restart_does_not_take_it_back() {
    let mut hall = Hall::open("{\"advance\":\"hold\"}");
    hall.send("a", 10_000, "");
    hall.send("a", 20_000, "");
    hall.start();
    let reached = |at: u64| {
        move |status: &PipelineStatus| {
            (0..PARTITIONS).all(|partition| status.watermark_ms(partition) >= Some(BEGIN_MS + at))
        }
    };
    hall.until(reached(15_000)).await;
    hall.stop.cancel();
    tokio::time::sleep(Duration::from_mins(1)).await;
    hall.start();
    hall.until(reached(15_000)).await;
    // Behind what was recorded, although this engine has read nothing before it.
    hall.send("a", 12_000, "");
    hall.until(|status| status.report().stats.counts.late == 1).await;
    hall.stop.cancel();
}
