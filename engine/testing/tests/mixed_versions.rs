//! Engines of different versions on one cluster: what one of them cannot read is run by those that can.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tailrace_core::{
    identity::PipelineId,
    membership::{Heard, Membership},
    name::Name,
    ports::registry::Entry,
    registry::{Key, Registry},
    tasks,
};
use tailrace_dataplane::membership::{claim::Claim, lease_renewer::LeaseRenewer};
use tailrace_testing::{clock::TokioClock, registry::bucket::MemoryBucket};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

/// Longer than anything here may take; time passes by itself while all wait.
const PATIENCE: Duration = Duration::from_mins(2);
const PARTITIONS: u32 = 8;

struct Process {
    members: watch::Receiver<Option<Arc<Membership>>>,
    registry: watch::Sender<Option<Arc<Registry>>>,
}

impl Process {
    fn start(engine: &str, bucket: &MemoryBucket) -> Self {
        let (registry, seen) = watch::channel(Some(Arc::new(Registry::default())));
        let (sender, members) = watch::channel(None);
        let renewer = LeaseRenewer {
            claim: Claim {
                leases: Arc::new(bucket.clone()),
                me: Name::new(engine).unwrap(),
                process: engine.len() as u64,
                folder: engine.to_owned(),
                renew_every: Duration::from_secs(2),
                registry: seen,
                clock: Arc::new(TokioClock::start()),
                heard: Arc::new(Heard::default()),
            },
            stop: CancellationToken::new(),
            members: sender,
        };
        tasks::spawn(renewer.run());
        Self { members, registry }
    }

    /// The entry of a pipeline comes to this engine as these bytes.
    fn sees(&self, id: &PipelineId, value: &'static str) {
        let mut registry = Registry::default();
        registry.take(&Entry {
            key: Key::Pipeline(id.clone()).to_string(),
            value: Some(Bytes::from_static(value.as_bytes())),
            revision: 1,
        });
        self.registry.send_replace(Some(Arc::new(registry)));
    }

    /// Waits until this engine takes so many partitions for its own.
    async fn owns(&mut self, id: &PipelineId, partitions: usize) {
        let owned = self.members.wait_for(|members| {
            let owned = |members: &Arc<Membership>| members.owned(id, PARTITIONS, true).len();
            members
                .as_ref()
                .is_some_and(|members| owned(members) == partitions)
        });
        timeout(PATIENCE, owned).await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_engine_cannot_read_is_run_by_the_other_until_it_can() {
    let bucket = MemoryBucket::default();
    let mut old = Process::start("old", &bucket);
    let mut new = Process::start("newer", &bucket);
    let id = PipelineId {
        tenant: Name::new("shop").unwrap(),
        pipeline: Name::new("orders").unwrap(),
    };
    let both =
        |members: &Option<Arc<Membership>>| members.as_ref().is_some_and(|members| members.alive.len() == 2);
    let shared = old.members.wait_for(both).await.unwrap().clone().unwrap();
    let share = shared.owned(&id, PARTITIONS, true).len();
    assert!(
        (1..PARTITIONS as usize).contains(&share),
        "each has some: {share}"
    );
    old.sees(&id, r#"{"active":{"manifest":{"a-word-of-the-next-version":1}}}"#);
    new.owns(&id, PARTITIONS as usize).await;
    old.owns(&id, 0).await;
    let other = PipelineId {
        pipeline: Name::new("clicks").unwrap(),
        ..id.clone()
    };
    let members = new.members.borrow().clone().unwrap();
    let untouched =
        shared.owned(&other, PARTITIONS, true).len() + members.owned(&other, PARTITIONS, true).len();
    assert_eq!(
        untouched, PARTITIONS as usize,
        "another pipeline stays where it was"
    );
    // Mended, or the engine is a newer one now.
    old.registry.send_replace(Some(Arc::new(Registry::default())));
    old.owns(&id, share).await;
    new.owns(&id, PARTITIONS as usize - share).await;
}
