//! A stream that somebody made by hand where the pipeline had its own, or its input.

use std::time::Duration;

use tailrace_control::command::resume::{ReadFrom, Resume};
use tailrace_core::{codes::ApiCode, observe::status::State};

use crate::stage::{OWN_STREAM, PATIENCE, Running, Stage, id};

impl Running {
    async fn is_parked(&self) -> String {
        tokio::time::sleep(PATIENCE).await;
        let status = self.queries.context().overview().pipeline(&id()).unwrap();
        match status.state() {
            State::Parked { reason } => reason,
            state => panic!("it is {state:?}"),
        }
    }

    /// It is refused, and says why.
    async fn refuses(&self, how: Resume) -> String {
        let refused = Box::pin(self.commands.resume(&id(), how)).await.unwrap_err();
        assert_eq!(refused.code(), ApiCode::Conflict);
        refused.to_string()
    }
}

#[tokio::test(start_paused = true)]
async fn somebodys_stream_in_the_place_of_a_pipelines_own_is_named_with_the_steps_that_work() {
    let (stage, running) = Stage::set().await;
    let begins_again = || Resume {
        new_stream: true,
        ..Resume::default()
    };
    stage.broker.lose_stream(OWN_STREAM);
    stage.broker.declare(OWN_STREAM, &["elsewhere.>"]);
    stage.broker.publish(OWN_STREAM, "elsewhere.x", "somebody's");
    let steps = format!("nats stream rm {OWN_STREAM}");
    let reason = running.is_parked().await;
    assert!(
        reason.contains(&steps) && reason.contains("--new-stream"),
        "{reason}"
    );
    let refused = running.refuses(begins_again()).await;
    assert!(refused.contains(&steps), "{refused}");
    assert_eq!(
        stage.broker.messages(OWN_STREAM, "elsewhere.>").len(),
        1,
        "it stays"
    );
    // The steps work.
    stage.broker.lose_stream(OWN_STREAM);
    Box::pin(running.commands.resume(&id(), begins_again()))
        .await
        .unwrap();
    tokio::time::sleep(PATIENCE).await;
    assert!(!stage.outputs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_whose_subject_another_stream_has_taken_keeps_its_life_and_begins_again_when_it_is_free() {
    let (stage, running) = Stage::set().await;
    let begins_again = || Resume {
        new_stream: true,
        ..Resume::default()
    };
    let life = || running.queries.context().registry().unwrap().pipelines[&id()].life;
    let before = life();
    stage.broker.lose_stream(OWN_STREAM);
    stage.broker.declare("TAKEN", &["out.>"]);
    let reason = running.is_parked().await;
    assert!(reason.contains("--new-stream"), "{reason}");
    let refused = running.refuses(begins_again()).await;
    for part in ["\"TAKEN\"", "out.*", "nats stream edit", "output.subject"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    // Whatever comes back of it is its own still.
    assert_eq!(life(), before);
    assert_eq!(running.is_parked().await, reason);
    stage.broker.lose_stream("TAKEN");
    Box::pin(running.commands.resume(&id(), begins_again()))
        .await
        .unwrap();
    tokio::time::sleep(PATIENCE).await;
    assert!(!stage.outputs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn to_accept_a_loss_reads_no_event_twice_of_an_input_that_was_made_anew() {
    let (stage, running) = Stage::set().await;
    stage.broker.lose_stream("IN");
    stage.broker.declare("IN", &["in.>"]);
    stage.broker.publish("IN", "in.k", r#"{"user":"u"}"#);
    running.is_parked().await;
    let outputs = stage.outputs().len();
    let accept = Resume {
        accept_loss: true,
        ..Resume::default()
    };
    let refused = running.refuses(accept).await;
    assert!(
        refused.contains("--from first") && refused.contains("--from SEQUENCE"),
        "{refused}"
    );
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(stage.outputs().len(), outputs);
    let from = Resume {
        from: Some(ReadFrom::First),
        ..Resume::default()
    };
    Box::pin(running.commands.resume(&id(), from)).await.unwrap();
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(stage.outputs().len(), outputs + 1);
}

#[tokio::test(start_paused = true)]
async fn a_resume_says_what_becomes_of_a_start_that_others_hold_up() {
    let (stage, running) = Stage::set().await;
    stage.broker.lose_stream(OWN_STREAM);
    let reason = running.is_parked().await;
    let status = running.queries.context().overview().pipeline(&id()).unwrap();
    let is_held_up = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        status.enter(State::Starting);
        tokio::time::sleep(Duration::from_secs(3)).await;
        status.enter(State::Parked {
            reason: reason.clone(),
        });
    };
    let (refused, ()) = tokio::join!(running.refuses(Resume::default()), is_held_up);
    assert!(refused.contains(&reason), "{refused}");
}
