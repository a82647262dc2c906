//! Dead letters that are sent again: by several at once, and those that are late for ever.

use tailrace_control::{
    ControlError,
    command::{apply::Apply, condition::Condition},
};
use tailrace_core::{codes::ApiCode, dead_letter::Reason, identity::PipelineId, manifest::parse::parse};

use crate::stage::{PATIENCE, Running, Stage, id, name};

const MINUTE: u64 = 60_000;

fn per_minute() -> PipelineId {
    PipelineId {
        tenant: name("shop"),
        pipeline: name("per-minute"),
    }
}

async fn apply(running: &Running, more: &str) {
    let text = format!(
        "name: per-minute\ninput: {{subjects: [\"in.timed\"], key: {{json: /user}}, time: {{json: /ts, unit: ms}}, watermark: {{delay: 0s, ahead: any}}}}\n\
         output: {{subject: \"out.{{window}}\"}}\nwindows: {{w: {{over: {{tumbling: 1m}}, late: dead-letter, aggregate: {{n: count}}{more}}}}}\n"
    );
    let manifest = parse(text.as_bytes()).unwrap();
    let shop = name("shop");
    let applied = running.commands.apply_pipeline(&shop, manifest, Apply::default());
    applied.await.unwrap();
    tokio::time::sleep(PATIENCE).await;
}

/// A pipeline with a window that is over, and the letter of an event that came too late for it.
async fn set() -> (Stage, Running, u64) {
    let (stage, running) = Stage::set().await;
    let clicks = id();
    let deleted = running.commands.delete_pipeline(&clicks, Condition::Any);
    deleted.await.unwrap();
    apply(&running, "").await;
    for ts in [1_000, 5 * MINUTE, 2_000] {
        let event = format!("{{\"user\":\"u\",\"ts\":{ts}}}");
        stage.broker.publish("IN", "in.timed", event);
    }
    tokio::time::sleep(PATIENCE).await;
    let letters = running.queries.dead_letters(&per_minute(), 0, 10).await.unwrap();
    let late: Vec<u64> = letters
        .iter()
        .filter(|letter| letter.reason.step == "windows" && letter.reason.time_ms == 2_000)
        .map(|letter| letter.id)
        .collect();
    assert_eq!(late.len(), 1, "{letters:?}");
    (stage, running, late[0])
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_would_come_back_stays_and_comes_back_with_its_reason_where_only_the_partition_knows() {
    let (_stage, running, letter) = set().await;
    let sent = running.commands.redrive(&per_minute(), letter).await;
    let refused = sent.unwrap_err();
    assert_eq!(refused.code(), ApiCode::Conflict);
    let refused = refused.to_string();
    assert!(
        refused.contains("opens no window that is over") && refused.contains("dead-letters show"),
        "{refused}"
    );
    assert!(running.queries.dead_letter(&per_minute(), letter).await.is_ok());
    // What was closed before the windows waited longer, the partition knows alone.
    apply(&running, ", grace: 10m").await;
    assert!(running.commands.redrive(&per_minute(), letter).await.unwrap());
    tokio::time::sleep(PATIENCE).await;
    let left = running.queries.dead_letters(&per_minute(), 0, 100).await.unwrap();
    let again = |reason: &Reason| reason.time_ms == 2_000 && reason.reason.contains("stays late");
    assert!(left.iter().any(|left| again(&left.reason)), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn of_those_who_send_a_letter_at_once_one_is_told_that_it_has_sent_it() {
    let (_stage, running, letter) = set().await;
    apply(&running, ", grace: 10m").await;
    let (commands, of) = (&running.commands, per_minute());
    let all = (0..8).map(|_| commands.redrive(&of, letter));
    let told = futures::future::join_all(all).await;
    let sent = told.iter().filter(|told| matches!(told, Ok(true))).count();
    assert_eq!(sent, 1, "{told:?}");
    let is_told = |told: &Result<bool, _>| match told {
        Ok(_) => true,
        Err(cause) => ControlError::code(cause) == ApiCode::NotFound,
    };
    assert!(told.iter().all(is_told), "{told:?}");
}
