//! Commit records that somebody deletes from the pipeline's own stream: noticed, told with the ways out, and nothing is
//! published twice before somebody has said so.

use std::sync::Arc;

use tailrace_core::{
    life::Life,
    observe::status::State,
    ports::{clock::Random, registry::Bucket as _},
    registry::{self, Key},
    subject,
};
use tailrace_testing::store::MemoryStore;

use crate::{
    alone::pipeline,
    stage::{PATIENCE, Stage},
};

/// Makes the same life each time.
struct Constant(u64);

impl Random for Constant {
    fn next_u64(&self) -> u64 {
        self.0
    }
}

impl Stage {
    /// Sequences of its records.
    pub fn records(&self) -> Vec<u64> {
        let records = self.of_its_own(&subject::commit_pattern(&pipeline()));
        records.iter().map(|record| record.sequence).collect()
    }

    pub fn delete_record(&self, sequence: u64) {
        self.broker.delete(&subject::stream_name(&pipeline()), sequence);
    }

    async fn is_parked_for_its_newest_record(&self) {
        self.until("it is parked with the ways out", |stage| {
            let State::Parked { reason } = stage.state() else {
                return false;
            };
            let told = [
                "newest commit record",
                "--accept-repeats",
                "--new-stream",
                "backup",
            ];
            told.iter().all(|told| reason.contains(told))
        })
        .await;
    }

    /// As `tailrace pipeline resume --accept-repeats` writes it.
    async fn accept_repeats(&self) {
        let last = self.broker.last_sequence(&subject::stream_name(&pipeline()));
        self.change_entry(|known| known.accepted_repeats = Some(last))
            .await;
    }

    async fn change_entry(&self, change: impl FnOnce(&mut registry::Pipeline)) {
        let key = Key::Pipeline(pipeline()).to_string();
        let entry = self.registry.get(&key).await.unwrap().unwrap();
        let mut known: registry::Pipeline = serde_json::from_slice(&entry.value.unwrap()).unwrap();
        change(&mut known);
        let value = serde_json::to_vec(&known).unwrap();
        self.registry
            .put(&key, value.into(), entry.revision)
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_newest_record_that_is_gone_is_noticed_by_an_engine_without_any_state() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    stage.commit_each(3).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.delete_record(*stage.records().last().unwrap());
    let engine = stage.start();
    stage.is_parked_for_its_newest_record().await;
    assert_eq!(stage.outputs(), 3, "nothing is published twice");
    // Somebody accepts that, and the last event is processed again.
    stage.accept_repeats().await;
    stage.until("it goes on", |stage| stage.outputs() == 4).await;
    stage.commit_each(1).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    // The outputs of before are no ground to park it again.
    stage.start();
    stage.commit_each(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_newest_record_that_is_gone_is_noticed_by_the_state_that_has_seen_it() {
    let stage = Stage::set(1 << 20).await;
    let store = Arc::new(MemoryStore::default());
    let engine = stage.start_on(store.clone());
    stage.commit_each(3).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    let newest = *stage.records().last().unwrap();
    // The outputs are gone as well, so that they tell nothing.
    for sequence in newest - 1..=newest {
        stage.delete_record(sequence);
    }
    let engine = stage.start_on(store.clone());
    stage.is_parked_for_its_newest_record().await;
    stage.accept_repeats().await;
    stage.until("it goes on", |stage| stage.outputs() == 3).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.start_on(store);
    stage.commit_each(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_newest_record_that_is_deleted_while_it_runs_is_noticed() {
    let stage = Stage::set(1 << 20).await;
    stage.start();
    stage.commit_each(2).await;
    stage.delete_record(*stage.records().last().unwrap());
    stage.is_parked_for_its_newest_record().await;
    stage.broker.publish("IN", "in.k", "event");
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(stage.outputs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_deleted_between_others_is_noticed_while_the_state_is_there() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    stage.commit_each(5).await;
    stage.delete_record(stage.records()[2]);
    stage.writes_away_what_is_gone("between commits 1 and 5").await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.start();
    stage.commit_each(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_a_record_missing_says_the_same_ways_out_as_the_page_of_states() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    stage.commit_each(3).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.delete_record(stage.records()[1]);
    stage.start();
    stage
        .until("it is parked with the ways out", |stage| {
            let State::Parked { reason } = stage.state() else {
                return false;
            };
            let told = [
                "commit 3 follows commit 1",
                "from a backup, then: tailrace pipeline resume clicks",
                "--new-stream",
            ];
            told.iter().all(|told| reason.contains(told))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_stranger_among_its_outputs_is_no_lost_record() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    stage.commit_each(2).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    let own = stage.of_its_own("out.>");
    let headers = own[0].headers.clone();
    stage.broker.publish_with(
        &subject::stream_name(&pipeline()),
        "out.k",
        headers,
        "copied by somebody",
    );
    stage.start();
    stage.commit_each(1).await;
    assert_eq!(stage.outputs(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_its_own_that_is_purged_is_noticed_though_there_is_nothing_to_do() {
    for pattern in [">".to_owned(), subject::commit_pattern(&pipeline())] {
        let stage = Stage::set(1 << 20).await;
        stage.start();
        stage.commit_each(2).await;
        tokio::time::sleep(PATIENCE).await;
        stage.broker.purge(&subject::stream_name(&pipeline()), &pattern);
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        stage
            .until(
                "it is parked with the way out",
                |stage| matches!(stage.state(), State::Parked { reason } if reason.contains("--new-stream")),
            )
            .await;
    }
}

impl Stage {
    /// Its pipeline is of this life.
    async fn of_life(life: Life) -> Self {
        let stage = Self::set(1 << 20).await;
        stage.broker.lose_stream(&subject::stream_name(&pipeline()));
        stage.broker.begin_pipeline(&pipeline(), life, 1);
        stage.change_entry(|known| known.life = life).await;
        stage
    }

    /// Somebody stores a record again, behind all others.
    fn store_again(&self, sequence: u64) -> u64 {
        let own = subject::stream_name(&pipeline());
        let records = self.of_its_own(&subject::commit_pattern(&pipeline()));
        let record = records.iter().find(|record| record.sequence == sequence).unwrap();
        self.broker.publish(&own, &record.subject, record.payload.clone())
    }

    async fn is_parked_for(&self, stray: u64) {
        let delete = format!(
            "nats stream rmm {} {stray}, then:",
            subject::stream_name(&pipeline())
        );
        self.until(
            "it is parked with the way out",
            |stage| matches!(stage.state(), State::Parked { reason } if reason.contains(&delete)),
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_record_that_is_stored_again_parks_before_anything_is_published() {
    for is_empty in [true, false] {
        for older in 0..3 {
            let stage = Stage::of_life(Life::new(&Constant(7))).await;
            let kept = Arc::new(MemoryStore::default());
            let engine = stage.start_on(kept.clone());
            stage.commit_each(3).await;
            let stray = stage.store_again(stage.records()[older]);
            // The next commit is refused, and that brings the pipeline to look.
            stage.broker.publish("IN", "in.k", "event");
            stage.is_parked_for(stray).await;
            engine.cancel();
            tokio::time::sleep(PATIENCE).await;
            let store = if is_empty { Arc::default() } else { kept };
            let engine = stage.start_on(store);
            tokio::time::sleep(PATIENCE).await;
            stage.is_parked_for(stray).await;
            assert_eq!(stage.outputs(), 3, "nothing is published twice");
            engine.cancel();
            tokio::time::sleep(PATIENCE).await;
            stage.delete_record(stray);
            stage.start();
            stage.until("it goes on", |stage| stage.outputs() == 4).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_record_is_named_with_its_deletion() {
    let stage = Stage::of_life(Life::new(&Constant(7))).await;
    let engine = stage.start();
    stage.commit_each(2).await;
    let own = subject::stream_name(&pipeline());
    let commits = subject::commit_pattern(&pipeline()).replace('*', "0");
    let junk = stage.broker.publish(&own, &commits, "junk");
    stage.broker.publish("IN", "in.k", "event");
    stage.is_parked_for(junk).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.delete_record(junk);
    stage.start();
    stage.until("it goes on", |stage| stage.outputs() == 3).await;
}

#[tokio::test(start_paused = true)]
async fn records_without_the_snapshot_before_them_name_the_snapshots() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    stage.commit_each(5).await;
    stage.broker.keep_last(
        &subject::stream_name(&pipeline()),
        &subject::commit_pattern(&pipeline()),
    );
    stage.writes_away_what_is_gone("are gone").await;
    stage.commit_each(1).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.broker.lose_snapshots();
    stage.start();
    stage
        .until("it is parked for its snapshots", |stage| {
            let State::Parked { reason } = stage.state() else {
                return false;
            };
            let told = [
                "begin with commit 5",
                "OBJ_tailrace_snapshots holds none",
                "--new-stream",
            ];
            told.iter().all(|told| reason.contains(told))
        })
        .await;
    assert_eq!(stage.outputs(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_restored_alone_goes_on_from_the_snapshot_of_its_time() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    let (own, commits) = (
        subject::stream_name(&pipeline()),
        subject::commit_pattern(&pipeline()),
    );
    stage.commit_each(5).await;
    stage.broker.keep_last(&own, &commits);
    stage.writes_away_what_is_gone("are gone").await;
    stage.commit_each(1).await;
    let backup = stage.broker.back_up(&own).unwrap();
    stage.commit_each(4).await;
    stage.broker.keep_last(&own, &commits);
    stage.writes_away_what_is_gone("are gone").await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    let newest = stage
        .broker
        .snapshots()
        .into_iter()
        .map(|(_, commit)| commit)
        .max();
    assert!(newest > Some(6), "one is of commits that are no more: {newest:?}");
    stage.broker.put_back(&own, backup);
    assert_eq!(stage.outputs(), 6);
    stage.start();
    stage
        .until("it goes on", |stage| {
            stage.outputs() == 10 && stage.state() == State::Running
        })
        .await;
}
