//! The pipeline that is read: partitions that commit, make snapshots, and begin anew.

use std::collections::BTreeMap;

use tailrace_core::{
    delta::{Delta, StateValue},
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::{Delivery, PipelineManifest, parse::parse},
    name::Name,
    outcome::OutcomeCounters,
    ports::{
        broker::{CommitBatch, own_stream},
        store::{Applied, PartitionStore},
    },
    record::{self, Head},
    world::World,
};
use tailrace_dataplane::partition::snapshot;
use tailrace_sketch::TenantSeed;

/// What of it is read.
pub const STEP: &str = "count";
pub const COLLECTION: &str = "items";
pub const PARTITIONS: u32 = 2;

/// A pipeline whose commits are written by hand.
pub struct Source {
    pub world: World,
    pub id: PipelineId,
    life: Life,
    manifest: PipelineManifest,
    /// Commit and sequence of the last record of each partition.
    last: BTreeMap<u32, Applied>,
    /// Largest part of a record.
    pub part_bytes: usize,
}

impl Source {
    pub async fn set(world: &World) -> Self {
        let text = r#"{"name":"learner","partitions":2,"input":{"subjects":["a"],"key":{"json":"/k"}},
            "vectors":{"items":{"dimensions":2,"metric":"dot"}}}"#;
        let id = PipelineId {
            tenant: Name::new("shop").unwrap(),
            pipeline: Name::new("learner").unwrap(),
        };
        let mut source = Self {
            world: world.clone(),
            id,
            life: Life::UNNAMED,
            manifest: parse(text.as_bytes()).unwrap(),
            last: BTreeMap::new(),
            part_bytes: 1 << 20,
        };
        source.begin().await;
        source
    }

    async fn begin(&mut self) {
        self.life = Life::new(&*self.world.random);
        let own = own_stream(&self.id, self.life, &self.manifest);
        self.world.streams.create_own(&own).await.unwrap();
        for number in 0..PARTITIONS {
            let partition = self.partition(number);
            let sequence = self.world.commits.begin(&partition, record::beginning()).await;
            let sequence = sequence.unwrap();
            self.last.insert(number, Applied { commit: 0, sequence });
        }
    }

    /// It is deleted, with its snapshots.
    pub async fn delete(&mut self) {
        for number in 0..PARTITIONS {
            let partition = self.partition(number);
            for commit in self.world.snapshots.list(&partition).await.unwrap() {
                self.world.snapshots.delete(&partition, commit).await.unwrap();
            }
        }
        self.world.streams.remove_own(&self.id, self.life).await.unwrap();
        self.world.store.remove(&self.id, self.life).unwrap();
    }

    /// It is applied again.
    pub async fn make_anew(&mut self) {
        self.begin().await;
    }

    fn partition(&self, number: u32) -> PartitionId {
        PartitionId {
            pipeline: self.id.clone(),
            life: self.life,
            partition: number,
        }
    }

    pub fn store(&self, number: u32) -> std::sync::Arc<dyn PartitionStore> {
        let partition = self.partition(number);
        let seed = TenantSeed::new(0, 0);
        self.world.store.open(&partition, &self.manifest, seed).unwrap()
    }

    /// A partition commits these writes: of the step that is read, or of another one.
    pub async fn commit(&mut self, number: u32, step: &str, writes: &[(&str, Option<&str>)]) {
        let mut delta = Delta::default();
        let own = delta.state.entry(step.to_owned()).or_default();
        for (key, value) in writes {
            let value = value.map(|value| StateValue {
                value: value.as_bytes().to_vec(),
                expires_ms: None,
            });
            own.insert((*key).to_owned(), value);
        }
        self.commit_delta(number, &delta).await;
    }

    pub async fn commit_delta(&mut self, number: u32, delta: &Delta) {
        let before = self.last[&number];
        let commit = before.commit + 1;
        let head = Head {
            commit,
            producer_epoch: 1,
            position: commit,
            redrive_position: 0,
            revision: 1,
            watermark_ms: 0,
            clock: tailrace_core::watermark::InputClock::default(),
            outcomes: OutcomeCounters::default(),
            parts_before: commit,
            part: 0,
            parts: 0,
            body_checksum: 0,
        };
        let batch = CommitBatch {
            partition: self.partition(number),
            delivery: Delivery::ExactlyOnce,
            outputs: Vec::new(),
            record: record::encode(&head, delta, None, self.part_bytes),
            expected: before.sequence,
        };
        let sequence = self.world.commits.commit(&batch).await.unwrap();
        let applied = Applied { commit, sequence };
        self.store(number).apply(delta, applied).unwrap();
        self.last.insert(number, applied);
    }

    /// A partition makes a snapshot, and the records before it go.
    pub async fn snapshot(&self, number: u32) {
        let (applied, chunks) = snapshot::export(&*self.store(number)).unwrap();
        let stored = snapshot::store(&self.world, &self.partition(number), applied, chunks).await;
        stored.unwrap();
    }

    /// Somebody deletes the records before the last one, and no snapshot has what they held.
    pub async fn lose_records(&self, number: u32) {
        let last = self.last[&number].sequence;
        let purged = self
            .world
            .commits
            .purge_before(&self.partition(number), last)
            .await;
        purged.unwrap();
    }

    /// The state of the step, of all partitions.
    pub fn state(&self) -> BTreeMap<String, String> {
        let stores = (0..PARTITIONS).map(|number| self.store(number));
        let entries = stores.flat_map(|store| store.scan(STEP, "", None, 10_000).unwrap());
        let entries = entries.map(|(key, value)| (key, String::from_utf8(value.value).unwrap()));
        entries.collect()
    }
}
