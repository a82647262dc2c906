//! A partition is recovered while another engine commits for it. What comes meanwhile is no damage: the recovery leads
//! to the record that it began with, and the fence of the next commit says the rest.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    delta::Delta,
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::{Delivery, parse::parse},
    name::Name,
    outcome::OutcomeCounters,
    ports::broker::{
        BatchOutputs, BrokerCounts, BrokerError, CommitBatch, CommitError, CommitLog, Output, StoredPart,
        Streams as _, own_stream,
    },
    record::{self, Head},
};
use tailrace_dataplane::partition::recover::{Since, recover};
use tailrace_sketch::TenantSeed;
use tailrace_testing::{
    broker::{MemoryBroker, Options},
    no_plugins::NoPlugins,
    registry::MemoryRegistry,
    store::MemoryStore,
    world::world,
};

/// The other engine commits as soon as the last record was asked for.
struct Overtaken(MemoryBroker);

#[async_trait]
impl CommitLog for Overtaken {
    async fn commit(&self, batch: &CommitBatch) -> Result<u64, CommitError> {
        self.0.commit(batch).await
    }
    async fn publish_unconfirmed(
        &self,
        partition: &PartitionId,
        expected: u64,
        outputs: &[Output],
    ) -> Result<(), CommitError> {
        self.0.publish_unconfirmed(partition, expected, outputs).await
    }
    async fn last(&self, partition: &PartitionId) -> Result<Option<StoredPart>, BrokerError> {
        let last = self.0.last(partition).await?;
        let expected = last.as_ref().map_or(0, |last| last.sequence);
        self.0.commit(&commit(partition, 3, expected)).await.unwrap();
        Ok(last)
    }
    async fn after(
        &self,
        partition: &PartitionId,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<StoredPart>, BrokerError> {
        self.0.after(partition, sequence, limit).await
    }
    async fn books(&self, pipeline: &PipelineId) -> Result<BrokerCounts, BrokerError> {
        self.0.books(pipeline).await
    }
    async fn begin(&self, partition: &PartitionId, record: Bytes) -> Result<u64, BrokerError> {
        self.0.begin(partition, record).await
    }
    async fn batch_outputs(
        &self,
        pipeline: &PipelineId,
        after: u64,
        most: usize,
    ) -> Result<BatchOutputs, BrokerError> {
        self.0.batch_outputs(pipeline, after, most).await
    }
    async fn is_gone(&self, pipeline: &PipelineId, sequence: u64) -> Result<bool, BrokerError> {
        self.0.is_gone(pipeline, sequence).await
    }
    async fn count_records(&self, partition: &PartitionId) -> Result<u64, BrokerError> {
        self.0.count_records(partition).await
    }
    async fn purge_before(&self, partition: &PartitionId, sequence: u64) -> Result<(), BrokerError> {
        self.0.purge_before(partition, sequence).await
    }
}

fn commit(partition: &PartitionId, commit: u64, expected: u64) -> CommitBatch {
    let head = Head {
        commit,
        producer_epoch: 1,
        position: commit * 10,
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
    CommitBatch {
        partition: partition.clone(),
        delivery: Delivery::ExactlyOnce,
        outputs: Vec::new(),
        record: record::encode(&head, &Delta::default(), None, 1 << 20),
        expected,
    }
}

#[tokio::test]
async fn what_another_engine_commits_during_a_recovery_is_no_damage() {
    let text = r#"{"name":"p","input":{"subjects":["a"]},"steps":[{"name":"s","plugin":"v@1.0.0"}]}"#;
    let manifest = parse(text.as_bytes()).unwrap();
    let pipeline = PipelineId {
        tenant: Name::new("shop").unwrap(),
        pipeline: Name::new("p").unwrap(),
    };
    let broker = MemoryBroker::new(Options::default());
    let own = own_stream(&pipeline, Life::UNNAMED, &manifest);
    broker.create_own(&own).await.unwrap();
    let partition = PartitionId {
        life: Life::UNNAMED,
        pipeline,
        partition: 0,
    };
    let mut last = 0;
    for number in 1..=2 {
        last = broker.commit(&commit(&partition, number, last)).await.unwrap();
    }
    let registry = MemoryRegistry::new(broker.link().clone());
    let store = Arc::new(MemoryStore::default());
    let mut world = world(&broker, &registry, store, Arc::new(NoPlugins));
    world.commits = Arc::new(Overtaken(broker.clone()));
    let seed = TenantSeed::new(1, 2);
    let recovered = recover(&world, &partition, &manifest, seed, Since::default())
        .await
        .unwrap();
    assert_eq!(
        (recovered.cursor.commit, recovered.cursor.commit_sequence),
        (2, last)
    );
    assert_eq!(recovered.state_store.applied().unwrap().commit, 2);
    let next = broker.commit(&commit(&partition, 3, last)).await;
    assert!(matches!(next, Err(CommitError::Fenced { .. })), "{next:?}");
}

#[tokio::test]
async fn a_commit_of_an_ended_life_finds_no_record_that_it_expects() {
    let text = r#"{"name":"p","input":{"subjects":["a"]},"steps":[{"name":"s","plugin":"v@1.0.0"}]}"#;
    let manifest = parse(text.as_bytes()).unwrap();
    let pipeline = PipelineId {
        tenant: Name::new("shop").unwrap(),
        pipeline: Name::new("p").unwrap(),
    };
    let broker = MemoryBroker::new(Options::default());
    let lives = ["1".repeat(32), "2".repeat(32)].map(|life| life.parse::<Life>().unwrap());
    let mut ended = Vec::new();
    for life in lives {
        let own = own_stream(&pipeline, life, &manifest);
        broker.create_own(&own).await.unwrap();
        let partition = PartitionId {
            life,
            pipeline: pipeline.clone(),
            partition: 0,
        };
        let mut last = broker.begin(&partition, record::beginning()).await.unwrap();
        for late in &ended {
            let answer = broker.commit(late).await;
            assert!(matches!(answer, Err(CommitError::Fenced { .. })), "{answer:?}");
        }
        for number in 1..=3 {
            let batch = commit(&partition, number, last);
            last = broker.commit(&batch).await.unwrap();
            ended.push(batch);
        }
        for late in &ended {
            let answer = broker.commit(late).await;
            assert!(matches!(answer, Err(CommitError::Fenced { .. })), "{answer:?}");
        }
        broker.remove_own(&pipeline, life).await.unwrap();
    }
}
