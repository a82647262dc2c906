//! The reason of a pipeline that waits is the one of now, and it is there for as long as it waits.

use std::time::Duration;

use tailrace_core::{observe::status::State, subject};
use tailrace_testing::link::Service;

use crate::{
    alone::pipeline,
    stage::{PATIENCE, Stage},
};

fn is_parked_for(text: &str) -> impl FnMut(&Stage) -> bool {
    move |stage| matches!(stage.state(), State::Parked { reason } if reason.contains(text))
}

#[tokio::test(start_paused = true)]
async fn a_reason_is_renewed_when_something_else_is_lost_and_when_it_is_there_again() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    stage.commit_each(2).await;
    engine.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.delete_record(*stage.records().last().unwrap());
    stage.start();
    stage
        .until("its record is gone", is_parked_for("newest commit record"))
        .await;
    stage.broker.lose_stream("IN");
    stage
        .until("its input is gone, too", is_parked_for("\"IN\" was deleted"))
        .await;
    stage.broker.declare("IN", &["in.>"]);
    stage
        .until(
            "the input is there, and the record is not",
            is_parked_for("newest commit record"),
        )
        .await;
    stage.broker.lose_stream(&subject::stream_name(&pipeline()));
    stage
        .until(
            "its own stream is gone",
            is_parked_for("is gone, and with it what was committed"),
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_there_again_is_told_with_the_command_that_goes_on() {
    let stage = Stage::set(1 << 20).await;
    let engine = stage.start();
    stage.commit_each(1).await;
    let own = subject::stream_name(&pipeline());
    let backup = stage.broker.take_out(&own).unwrap();
    stage
        .until("its stream is gone", is_parked_for("is gone, and with it"))
        .await;
    stage.broker.put_back(&own, backup);
    stage
        .until(
            "it is there again",
            is_parked_for("are there again; to try again: tailrace pipeline resume clicks"),
        )
        .await;
    engine.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_as_the_one_before_takes_no_reason_away() {
    let stage = Stage::set(1 << 20).await.slow();
    stage.broker.link().cut(Service::Commits);
    stage.start();
    stage
        .until("it waits", |stage| matches!(stage.state(), State::Waiting { .. }))
        .await;
    for _ in 0..60_000 {
        let state = stage.state();
        assert!(matches!(state, State::Waiting { .. }), "{state:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stage.broker.link().mend(Service::Commits);
    stage
        .until("it runs", |stage| stage.state() == State::Running)
        .await;
}
