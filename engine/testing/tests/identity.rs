//! An engine's identity is one process's. Of several processes with one engine id exactly one goes on, and the others
//! end with an error, whichever of them starts, crashes or is paused.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    membership::{Heard, Membership},
    name::Name,
    ports::{
        broker::BrokerError,
        registry::{Bucket, Entry, Watch, WriteError},
    },
    tasks,
};
use tailrace_dataplane::membership::{
    claim::{Claim, IdentityTaken},
    lease_renewer::LeaseRenewer,
};
use tailrace_testing::{clock::TokioClock, registry::bucket::MemoryBucket};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

const RENEW_EVERY: Duration = Duration::from_secs(2);
/// Longer than anything here may take; time passes by itself while all wait.
const PATIENCE: Duration = Duration::from_mins(2);
const ENGINE: &str = "e-1";

/// A process that runs as an engine.
struct Process {
    stop: CancellationToken,
    members: watch::Receiver<Option<Arc<Membership>>>,
    lease: JoinHandle<Result<(), IdentityTaken>>,
}

impl Process {
    /// Starts one as engine [`ENGINE`] from a data folder.
    fn start(bucket: &(impl Bucket + Clone + 'static), process: u64, folder: &str) -> Self {
        Self::start_as(ENGINE, bucket, process, folder)
    }

    fn start_as(engine: &str, bucket: &(impl Bucket + Clone + 'static), process: u64, folder: &str) -> Self {
        let (_, registry) = watch::channel(None);
        let (sender, members) = watch::channel(None);
        let stop = CancellationToken::new();
        let lease = LeaseRenewer {
            claim: Claim {
                leases: Arc::new(bucket.clone()),
                me: Name::new(engine).unwrap(),
                process,
                folder: folder.to_owned(),
                renew_every: RENEW_EVERY,
                registry,
                clock: Arc::new(TokioClock::start()),
                heard: Arc::new(Heard::default()),
            },
            stop: stop.clone(),
            members: sender,
        };
        Self {
            stop,
            members,
            lease: tasks::spawn(lease.run()),
        }
    }

    fn works(&self) -> bool {
        self.members.borrow().is_some()
    }

    /// Waits until the identity is its own; gives how long that took.
    async fn claimed(&mut self) -> Duration {
        let began = Instant::now();
        let known = self.members.wait_for(Option::is_some);
        timeout(PATIENCE, known).await.unwrap().unwrap();
        began.elapsed()
    }

    /// Waits until it gives up.
    async fn refused(self) -> IdentityTaken {
        let ended = timeout(PATIENCE, self.lease).await.unwrap().unwrap();
        assert!(!self.members.borrow().is_some(), "nothing is its own any more");
        ended.unwrap_err()
    }

    /// Dies as by SIGKILL: its lease stays.
    async fn die(self) {
        self.lease.abort();
        let _ = self.lease.await;
    }
}

/// A bucket of a broker that fails.
#[derive(Clone, Default)]
struct Unsteady(Arc<Mutex<Failing>>);

#[derive(Default)]
struct Failing {
    bucket: MemoryBucket,
    /// What is written is stored, and nobody hears so.
    loses_answers: bool,
    /// What a replica that lags behind says for the next so many questions.
    stale: Option<(Entry, u32)>,
}

impl Unsteady {
    fn bucket(&self) -> MemoryBucket {
        self.0.lock().unwrap().bucket.clone()
    }
}

#[async_trait]
impl Bucket for Unsteady {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        if let Some((entry, times)) = &mut self.0.lock().unwrap().stale
            && *times > 0
        {
            *times -= 1;
            return Ok(Some(entry.clone()));
        }
        self.bucket().get(key).await
    }
    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        let revision = self.bucket().put(key, value, expected).await?;
        if self.0.lock().unwrap().loses_answers {
            return Err(BrokerError::Unreachable("the answer was lost".to_owned()).into());
        }
        Ok(revision)
    }
    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        self.bucket().delete(key).await
    }
    async fn remove(&self, key: &str, expected: u64) -> Result<(), WriteError> {
        self.bucket().remove(key, expected).await
    }
    async fn revision(&self) -> Result<u64, BrokerError> {
        self.bucket().revision().await
    }
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        self.bucket().watch().await
    }
}

/// The process number in the lease; none if nobody holds it.
async fn holder(bucket: &MemoryBucket) -> Option<u64> {
    let value = bucket.get(ENGINE).await.unwrap()?.value?;
    let lease: serde_json::Value = serde_json::from_slice(&value).unwrap();
    lease["process"].as_u64()
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_crashed_comes_back_on_its_folder_at_once() {
    let bucket = MemoryBucket::default();
    let mut first = Process::start(&bucket, 1, "folder");
    assert!(first.claimed().await < RENEW_EVERY);
    sleep(RENEW_EVERY * 5).await;
    first.die().await;
    let mut second = Process::start(&bucket, 2, "folder");
    assert!(second.claimed().await < Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn a_copy_beside_a_living_engine_is_refused_and_owned_nothing() {
    let bucket = MemoryBucket::default();
    let mut original = Process::start(&bucket, 1, "original");
    original.claimed().await;
    for copy in 2..5 {
        let copy = Process::start(&bucket, copy, "copy");
        let mut seen = copy.members.clone();
        let never = tasks::spawn(async move { seen.wait_for(Option::is_some).await.is_ok() });
        let refused = copy.refused().await.to_string();
        assert!(
            refused.contains(ENGINE) && refused.contains("engine-id"),
            "{refused}"
        );
        assert!(
            !never.await.unwrap(),
            "the copy knew engines, and so began to work"
        );
    }
    assert!(original.works());
    assert_eq!(holder(&bucket).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_copy_takes_over_from_an_original_that_is_dead() {
    let bucket = MemoryBucket::default();
    let mut original = Process::start(&bucket, 1, "original");
    original.claimed().await;
    original.die().await;
    let mut copy = Process::start(&bucket, 2, "copy");
    let took = copy.claimed().await;
    assert!(took >= RENEW_EVERY * 3, "it looked on for {took:?} only");
    assert_eq!(holder(&bucket).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn an_original_that_ended_in_order_is_not_waited_for() {
    let bucket = MemoryBucket::default();
    let mut original = Process::start(&bucket, 1, "original");
    original.claimed().await;
    original.stop.cancel();
    original.lease.await.unwrap().unwrap();
    assert_eq!(holder(&bucket).await, None);
    let mut copy = Process::start(&bucket, 2, "copy");
    assert!(copy.claimed().await < RENEW_EVERY);
}

#[tokio::test(start_paused = true)]
async fn of_those_that_start_at_the_same_moment_one_survives() {
    // With and without a lease of somebody who is dead.
    for is_dead in [false, true] {
        let bucket = MemoryBucket::default();
        if is_dead {
            let mut dead = Process::start(&bucket, 1, "dead");
            dead.claimed().await;
            dead.die().await;
        }
        let mut processes: Vec<_> = (2..8)
            .map(|process| Process::start(&bucket, process, &format!("folder {process}")))
            .collect();
        sleep(RENEW_EVERY * 20).await;
        let survives = processes.iter().position(Process::works).unwrap();
        let survivor = processes.remove(survives);
        for other in processes {
            other.refused().await;
        }
        assert!(survivor.works());
        assert_eq!(holder(&bucket).await, Some(2 + survives as u64));
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_whose_lease_was_taken_stops_and_the_other_goes_on() {
    let bucket = MemoryBucket::default();
    let mut first = Process::start(&bucket, 1, "original");
    first.claimed().await;
    // As if the first had been paused for as long as the second looked on.
    let known = bucket.get(ENGINE).await.unwrap().unwrap();
    let theirs = r#"{"process":2,"renewal":1,"folder":"copy"}"#;
    let began = Instant::now();
    bucket.put(ENGINE, theirs.into(), known.revision).await.unwrap();
    first.refused().await;
    assert!(began.elapsed() < RENEW_EVERY, "it worked beside the other");
    assert_eq!(holder(&bucket).await, Some(2), "the other's lease stays");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ran_out_or_was_deleted_is_claimed_again() {
    let bucket = MemoryBucket::default();
    let mut engine = Process::start(&bucket, 1, "folder");
    engine.claimed().await;
    bucket.delete(ENGINE).await.unwrap();
    sleep(RENEW_EVERY * 2).await;
    assert_eq!(holder(&bucket).await, Some(1));
    assert!(engine.works() && !engine.lease.is_finished());
}

#[tokio::test(start_paused = true)]
async fn an_engine_of_the_version_before_is_a_holder_as_any_other() {
    let bucket = MemoryBucket::default();
    let mut revision = bucket
        .put(ENGINE, r#"{"process":9,"renewal":1}"#.into(), 0)
        .await
        .unwrap();
    let mut waiting = Process::start(&bucket, 1, "folder");
    for renewal in 2..6 {
        sleep(RENEW_EVERY).await;
        assert!(!waiting.works());
        let value = format!(r#"{{"process":9,"renewal":{renewal}}}"#);
        revision = bucket.put(ENGINE, value.into(), revision).await.unwrap();
    }
    waiting.refused().await;
    // It does not come again.
    waiting = Process::start(&bucket, 2, "folder");
    waiting.claimed().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_read_is_waited_for_and_then_taken() {
    let bucket = MemoryBucket::default();
    bucket.put(ENGINE, "of another version".into(), 0).await.unwrap();
    let mut engine = Process::start(&bucket, 1, "folder");
    assert!(engine.claimed().await >= RENEW_EVERY * 3);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_writes_by_hand_is_no_other_process() {
    // What nobody can read, and what an earlier process of this folder has written.
    for by_hand in ["{", "", r#"{"process":7,"renewal":3,"folder":"folder"}"#] {
        let bucket = MemoryBucket::default();
        let mut engine = Process::start(&bucket, 1, "folder");
        engine.claimed().await;
        for _ in 0..2 {
            let known = bucket.get(ENGINE).await.unwrap().unwrap();
            bucket.put(ENGINE, by_hand.into(), known.revision).await.unwrap();
            sleep(RENEW_EVERY * 2).await;
            assert!(engine.works() && !engine.lease.is_finished(), "{by_hand}");
            assert_eq!(holder(&bucket).await, Some(1), "{by_hand}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_while_it_waits_leaves_the_others_lease() {
    let bucket = MemoryBucket::default();
    let mut original = Process::start(&bucket, 1, "original");
    original.claimed().await;
    let copy = Process::start(&bucket, 2, "copy");
    copy.stop.cancel();
    copy.lease.await.unwrap().unwrap();
    sleep(RENEW_EVERY * 5).await;
    assert!(original.works());
    assert_eq!(holder(&bucket).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn engines_with_ids_of_their_own_share_the_work() {
    let bucket = MemoryBucket::default();
    let mut one = Process::start_as("e-1", &bucket, 1, "one");
    let mut two = Process::start_as("e-2", &bucket, 2, "two");
    for engine in [&mut one, &mut two] {
        let both = engine
            .members
            .wait_for(|members| members.as_ref().is_some_and(|members| members.alive.len() == 2));
        timeout(PATIENCE, both).await.unwrap().unwrap();
    }
    two.die().await;
    let alone = one
        .members
        .wait_for(|members| members.as_ref().is_some_and(|members| members.alive.len() == 1));
    timeout(PATIENCE, alone).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_was_lost_is_no_other_process() {
    let unsteady = Unsteady::default();
    unsteady.0.lock().unwrap().loses_answers = true;
    let mut engine = Process::start(&unsteady, 1, "folder");
    engine.claimed().await;
    sleep(RENEW_EVERY * 20).await;
    assert!(engine.works() && !engine.lease.is_finished());
    engine.stop.cancel();
    engine.lease.await.unwrap().unwrap();
    assert_eq!(holder(&unsteady.bucket()).await, None, "it gave up what it held");
}

#[tokio::test(start_paused = true)]
async fn answers_of_a_replica_that_lags_behind_count_for_nothing() {
    let unsteady = Unsteady::default();
    let theirs = r#"{"process":9,"renewal":7,"folder":"another"}"#;
    unsteady.put(ENGINE, theirs.into(), 0).await.unwrap();
    let before = unsteady.get(ENGINE).await.unwrap().unwrap();
    let mut engine = Process::start(&unsteady, 1, "folder");
    engine.claimed().await;
    for _ in 0..5 {
        unsteady.0.lock().unwrap().loses_answers = true;
        sleep(RENEW_EVERY).await;
        // Now a renewal of its own stands in its way, and it asks whose that is.
        *unsteady.0.lock().unwrap() = Failing {
            bucket: unsteady.bucket(),
            loses_answers: false,
            stale: Some((before.clone(), 2)),
        };
        sleep(RENEW_EVERY * 5).await;
        assert!(engine.works() && !engine.lease.is_finished());
        assert_eq!(holder(&unsteady.bucket()).await, Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_in_a_bucket_that_was_made_anew_is_believed() {
    let unsteady = Unsteady::default();
    let mut engine = Process::start(&unsteady, 1, "folder");
    engine.claimed().await;
    sleep(RENEW_EVERY * 5).await;
    let anew = MemoryBucket::default();
    let theirs = r#"{"process":2,"renewal":1,"folder":"another"}"#;
    anew.put(ENGINE, theirs.into(), 0).await.unwrap();
    unsteady.0.lock().unwrap().bucket = anew.clone();
    engine.refused().await;
    assert_eq!(holder(&anew).await, Some(2));
}
