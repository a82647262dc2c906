//! What a pipeline without steps does when the broker is not what it was: it says so, names whose fault it is, and goes
//! on by itself where that can be. No event pays for it.

#[path = "../shared/alone.rs"]
mod alone;
mod disk;
mod parked;
mod records;
mod stage;

use std::{sync::atomic::Ordering, time::Duration};

use tailrace_core::{
    altered::{Altered, Harm},
    dead_letter,
    observe::status::State,
    subject,
};
use tailrace_testing::{broker::Options, link::Service};

use crate::{
    alone::pipeline,
    stage::{LATER_MS, PATIENCE, Stage},
};

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

#[tokio::test(start_paused = true)]
async fn a_pipeline_whose_broker_is_away_waits_and_goes_on_by_itself() {
    let stage = Stage::set(1 << 20).await;
    let stop = stage.start();
    stage
        .until("it runs", |stage| stage.state() == State::Running)
        .await;
    stage.broker.link().set_connected(false);
    let waits = |stage: &Stage| matches!(stage.state(), State::Waiting { reason } if reason.contains("the broker does not answer"));
    stage.until("it waits", waits).await;
    stage.broker.link().set_connected(true);
    stage
        .until("it runs again", |stage| stage.state() == State::Running)
        .await;
    stop.cancel();
}

/// Nobody could publish meanwhile, and publishers come back only after the broker.
#[tokio::test(start_paused = true)]
async fn an_outage_is_no_silence_of_publishers() {
    const IDLE_AFTER: Duration = Duration::from_secs(30);
    let stage = Stage::of(Options {
        received_ms: |sequence| 1_795_824_000_000 + sequence,
        ..Options::default()
    })
    .await;
    stage.start();
    stage.broker.publish("IN", "in.k", "event");
    stage.until("it is committed", |stage| stage.outputs() == 1).await;
    let before = stage.watermark_ms();
    assert!(before > 0);
    stage.broker.link().cut(Service::Input);
    tokio::time::sleep(10 * IDLE_AFTER).await;
    stage.broker.link().mend(Service::Input);
    tokio::time::sleep(IDLE_AFTER / 2).await;
    assert_eq!(stage.watermark_ms(), before);
    stage
        .until("the watermark goes on", |stage| stage.watermark_ms() > before)
        .await;
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
    stage.writes_away_what_is_gone("are gone").await;
    // The local state is lost, too.
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.start();
    stage.broker.publish("IN", "in.k", "event");
    stage.until("it goes on", |stage| stage.outputs() == 6).await;
}
