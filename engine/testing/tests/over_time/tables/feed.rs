//! The feed of a table: all of it comes before the first event, each row to those who hold it, and whatever becomes of
//! the stream is said.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tailrace_core::{
    identity::partition_of,
    name::Name,
    observe::{status::PipelineStatus, tables::TableStatus},
    table::{Reading, tag},
    world::World,
};
use tailrace_dataplane::{
    arrival::{QueueItem, TableRow},
    intake,
    plan::Plan,
    tables::{
        feed::{RunningFeeds, TableFeeds, TablePartition},
        plan::RowChange,
    },
};
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    link::Link,
    no_plugins::NoPlugins,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::partition;

/// Time passes by itself while all wait.
const PATIENCE: Duration = Duration::from_mins(1);

/// The feed of table `customers`, and what it gives.
struct Fed {
    broker: MemoryBroker,
    world: World,
    plan: Arc<Plan>,
    status: Arc<PipelineStatus>,
    queues: BTreeMap<u32, mpsc::Receiver<Vec<QueueItem>>>,
    feeds: Option<RunningFeeds>,
}

fn customers() -> Name {
    Name::new("customers").unwrap()
}

impl Fed {
    fn set(scope: &str) -> Self {
        let broker = MemoryBroker::new(Options::default());
        let registry = MemoryRegistry::new(Link::new(None));
        let world = world(
            &broker,
            &registry,
            Arc::new(MemoryStore::default()),
            Arc::new(NoPlugins),
        );
        let manifest = format!(
            "name: p\ninput: {{subjects: [orders]}}\npartitions: 4\noutput: {{subject: out}}\n\
             tables: {{customers: {{stream: CRM, subjects: ['crm.*'], key: {{subject-token: 2}}, scope: {scope}}}}}\n"
        );
        Self {
            broker,
            world,
            plan: partition::plan(1, &manifest, &|| panic!("it has no steps")),
            status: Arc::default(),
            queues: BTreeMap::new(),
            feeds: None,
        }
    }

    /// Begins to read, with partitions that have read as far as this.
    fn start(&mut self, reading: Option<Reading>) {
        let mut partitions = BTreeMap::new();
        for number in 0..4 {
            let (sender, queue) = mpsc::channel(100);
            self.queues.insert(number, queue);
            let readings = reading
                .map(|reading| (customers(), reading))
                .into_iter()
                .collect();
            partitions.insert(number, TablePartition { sender, readings });
        }
        self.status
            .tables
            .begin([(customers(), "CRM".to_owned(), None)].into_iter());
        let feeds = TableFeeds {
            world: self.world.clone(),
            plan: self.plan.clone(),
            engine: Name::new("e-1").unwrap(),
            partitions,
            room: (intake::room(), intake::ROOM_KIB),
            status: self.status.clone(),
        };
        self.feeds = Some(feeds.start());
    }

    async fn loaded(&mut self) {
        let feeds = self.feeds.as_mut().unwrap();
        timeout(PATIENCE, feeds.loaded()).await.unwrap();
    }

    /// What has come to each partition so far.
    fn come(&mut self) -> BTreeMap<u32, Vec<TableRow>> {
        let mut come = BTreeMap::new();
        for (number, queue) in &mut self.queues {
            let items = std::iter::from_fn(|| queue.try_recv().ok()).flatten();
            let rows = items.map(|item| match item {
                QueueItem::Row(row) => *row,
                other => panic!("{other:?}"),
            });
            come.insert(*number, rows.collect());
        }
        come
    }

    /// The keys that came to each partition, with whether a row was put.
    fn keys(&mut self) -> BTreeMap<u32, Vec<(String, bool)>> {
        let keys = |rows: Vec<TableRow>| {
            let changes = rows.into_iter().filter_map(|row| match row.change {
                RowChange::Put { key, .. } => Some((key, true)),
                RowChange::Delete { key } => Some((key, false)),
                RowChange::Several(_) | RowChange::Nothing => None,
            });
            changes.collect()
        };
        let come = self.come().into_iter();
        come.map(|(number, rows)| (number, keys(rows))).collect()
    }

    fn shown(&self) -> TableStatus {
        self.status.tables.report().remove(&customers()).unwrap()
    }

    async fn until(&self, holds: impl Fn(&TableStatus) -> bool) {
        let shown = async {
            while !holds(&self.shown()) {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, shown).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn all_of_a_table_comes_before_it_is_said_to_be_loaded() {
    let mut fed = Fed::set("everywhere");
    fed.broker.declare("CRM", &["crm.*"]);
    for key in ["ann", "bob", "ann"] {
        fed.broker.publish("CRM", &format!("crm.{key}"), "1");
    }
    fed.broker.publish("CRM", "crm.bob", "");
    fed.start(None);
    fed.loaded().await;
    let all = [("ann", true), ("bob", true), ("ann", true), ("bob", false)];
    let all = all.map(|(key, is_put)| (key.to_owned(), is_put));
    for (number, keys) in fed.keys() {
        assert_eq!(keys, all, "partition {number}");
    }
    assert!(fed.shown().is_loaded);
    // What comes later comes too.
    fed.broker.publish("CRM", "crm.eve", "1");
    fed.until(|shown| shown.read_sequence == 5).await;
    for (_, keys) in fed.keys() {
        assert_eq!(keys, [("eve".to_owned(), true)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_comes_to_the_partition_of_its_key_and_the_others_hear_how_far_it_is() {
    let mut fed = Fed::set("partition");
    fed.broker.declare("CRM", &["crm.*"]);
    for number in 0..40 {
        fed.broker.publish("CRM", &format!("crm.c{number}"), "1");
    }
    fed.start(None);
    fed.loaded().await;
    let come = fed.come();
    let mut keys = Vec::new();
    for (number, rows) in &come {
        assert_eq!(rows.last().unwrap().sequence, 40, "partition {number}");
        for row in rows {
            if let RowChange::Put { key, .. } = &row.change {
                assert_eq!(partition_of(key, 4), *number);
                keys.push(key.clone());
            }
        }
    }
    assert_eq!(keys.len(), 40);
}

#[tokio::test(start_paused = true)]
async fn an_empty_table_is_loaded_at_once() {
    let mut fed = Fed::set("everywhere");
    fed.broker.declare("CRM", &["crm.*"]);
    fed.start(None);
    fed.loaded().await;
    assert!(fed.keys().values().all(Vec::is_empty));
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_behind_what_the_partitions_have() {
    let mut fed = Fed::set("everywhere");
    fed.broker.declare("CRM", &["crm.*"]);
    for key in ["ann", "bob", "eve"] {
        fed.broker.publish("CRM", &format!("crm.{key}"), "1");
    }
    let created = fed.world.streams.stream("CRM").await.unwrap().created;
    let table = &fed.plan.manifest.tables[&customers()];
    let reading = Reading {
        tag: tag(table, "CRM", &created),
        sequence: 2,
        has_old_rows: false,
        load: None,
    };
    fed.start(Some(reading));
    fed.loaded().await;
    assert_eq!(fed.keys()[&0], [("eve".to_owned(), true)]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_gone_is_told_and_one_made_anew_is_another_table() {
    let mut fed = Fed::set("everywhere");
    fed.start(None);
    fed.until(|shown| shown.trouble.is_some()).await;
    let trouble = fed.shown().trouble.unwrap();
    assert!(
        trouble.contains("CRM") && trouble.contains("events wait"),
        "{trouble}"
    );
    fed.broker.declare("CRM", &["crm.*"]);
    fed.broker.publish("CRM", "crm.ann", "1");
    fed.loaded().await;
    let first = fed.come()[&0].last().unwrap().tag;
    assert_eq!(fed.shown().trouble, None);

    fed.broker.lose_stream("CRM");
    fed.until(|shown| shown.trouble.is_some()).await;
    let trouble = fed.shown().trouble.unwrap();
    assert!(trouble.contains("rows of before stay"), "{trouble}");
    fed.broker.declare("CRM", &["crm.*"]);
    fed.broker.publish("CRM", "crm.bob", "1");
    fed.until(|shown| shown.trouble.is_none() && shown.read_sequence == 1)
        .await;
    let come = fed.come();
    assert!(come[&0].iter().all(|row| row.tag != first));
    assert_eq!(
        come[&0][0].change,
        RowChange::Nothing,
        "the rows of before go at once"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_row_is_counted_with_its_reason() {
    let mut fed = Fed::set("everywhere");
    fed.broker.declare("CRM", &["crm.*"]);
    let long = "x".repeat(2_000);
    fed.broker.publish("CRM", &format!("crm.{long}"), "1");
    fed.broker.publish("CRM", "crm.ann", "1");
    fed.start(None);
    fed.loaded().await;
    assert_eq!(fed.keys()[&0], [("ann".to_owned(), true)]);
    let shown = fed.shown();
    let why = shown.last_refusal.unwrap();
    assert!(
        shown.refused == 1 && why.contains("sequence 1") && why.contains("bytes"),
        "{why}"
    );
}
