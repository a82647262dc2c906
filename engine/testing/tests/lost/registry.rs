//! A registry that is lost is no empty one: whatever it knew stays, until it is back or an operator gives it up.

use std::time::Duration;

use bytes::Bytes;
use tailrace_control::command::{apply::Apply, condition::Condition};
use tailrace_core::ports::registry::{Bucket as _, RegistryStore as _};

use crate::stage::{OWN_STREAM, PATIENCE, Stage, clicks, grants, id, name};

#[tokio::test(start_paused = true)]
async fn nothing_goes_with_a_registry_that_is_lost_while_an_engine_runs() {
    let (stage, running) = Stage::set().await;
    let outputs = stage.outputs();
    stage.registry.lose();
    tokio::time::sleep(PATIENCE).await;
    assert!(
        running.trouble().contains("accept-registry-loss"),
        "{}",
        running.trouble()
    );
    running.holds_still().await;
    assert!(stage.has_state());
    // What runs goes on.
    stage.broker.publish("IN", "in.k", r#"{"user":"u"}"#);
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(stage.outputs().len(), outputs.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_starts_without_its_registry_deletes_nothing_and_makes_none() {
    let (stage, running) = Stage::set().await;
    running.stop.cancel();
    tokio::time::sleep(PATIENCE).await;
    let outputs = stage.outputs();
    stage.registry.lose();
    stage.registry.hold_plugin(Bytes::from_static(b"plugin"));
    let running = stage.start().await;
    tokio::time::sleep(PATIENCE).await;
    let trouble = running.trouble();
    assert!(
        trouble.contains(OWN_STREAM) && trouble.contains("backup"),
        "{trouble}"
    );
    running.holds_still().await;
    assert_eq!(stage.outputs(), outputs);
    assert_eq!(stage.registry.components().len(), 1);
    assert!(stage.has_state());
    assert_eq!(stage.registry.entries(), 0, "a backup finds the place free");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_was_made_by_hand_after_what_there_is_is_no_truth() {
    let (stage, running) = Stage::set().await;
    running.stop.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.registry.lose();
    stage.registry.make().await.unwrap();
    let running = stage.start().await;
    tokio::time::sleep(PATIENCE).await;
    assert!(running.trouble().contains("newer"), "{}", running.trouble());
    running.holds_still().await;
    assert!(stage.has_state() && !stage.outputs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_operator_may_give_up_what_is_lost() {
    let (stage, running) = Stage::set().await;
    running.stop.cancel();
    tokio::time::sleep(PATIENCE).await;
    stage.registry.lose();
    let running = stage.start().await;
    running.commands.accept_registry_loss().await.unwrap();
    assert_eq!(running.queries.context().readiness(), Ok(()));
    let found = running.queries.examine().await.unwrap();
    running.commands.mend(found).await.unwrap();
    tokio::time::sleep(PATIENCE).await;
    assert!(stage.outputs().is_empty() && !stage.has_state());
    let bank = name("bank");
    running.stop.cancel();
    // It is remembered.
    let again = stage.start().await;
    assert_eq!(again.queries.context().readiness(), Ok(()));
    let made = again.commands.put_tenant(&bank, grants(), Condition::Any);
    made.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_purged_without_a_marker_is_no_deletion() {
    let (stage, running) = Stage::set().await;
    let outputs = stage.outputs().len();
    stage.registry.purge("pipeline.shop.clicks");
    tokio::time::sleep(PATIENCE).await;
    let trouble = running.trouble();
    assert!(
        trouble.contains("pipeline.shop.clicks") && trouble.contains("backup"),
        "{trouble}"
    );
    running.holds_still().await;
    // What runs goes on.
    stage.broker.publish("IN", "in.k", r#"{"user":"u"}"#);
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(stage.outputs().len(), outputs + 1);
    // An operator may give it up.
    running.commands.accept_registry_loss().await.unwrap();
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(running.queries.context().readiness(), Ok(()));
    assert!(!stage.has_state());
}

#[tokio::test(start_paused = true)]
async fn an_audit_log_that_is_gone_begins_anew_and_says_so() {
    let (stage, running) = Stage::set().await;
    let bank = name("bank");
    stage.audit.lose();
    let gone = running
        .queries
        .audit(tailrace_core::ports::audit::Whose::Anybodys, None, 10)
        .await;
    assert!(gone.is_err(), "what is gone is not told as nothing: {gone:?}");
    let made = running.commands.put_tenant(&bank, grants(), Condition::Any);
    made.await.unwrap();
    let actions: Vec<_> = stage
        .audit
        .records()
        .into_iter()
        .map(|record| record.action)
        .collect();
    assert_eq!(
        actions.first().map(String::as_str),
        Some("audit-log-lost"),
        "{actions:?}"
    );
    assert!(actions.contains(&"tenant-put".to_owned()), "{actions:?}");
}

/// Longer than an engine looks after lives that have ended.
pub const ENDED: Duration = Duration::from_mins(10);
pub const ENTRY: &str = "pipeline.shop.clicks";

#[tokio::test(start_paused = true)]
async fn an_entry_that_somebody_removes_by_hand_takes_nothing_along_and_may_be_put_back() {
    let (stage, running) = Stage::set().await;
    let outputs = stage.outputs();
    let entry = stage.registry.get(ENTRY).await.unwrap().unwrap();
    stage.registry.delete(ENTRY).await.unwrap();
    tokio::time::sleep(ENDED).await;
    assert_eq!(stage.outputs(), outputs);
    let revision = stage.registry.get("revision.shop.clicks.1").await.unwrap();
    assert!(revision.is_some_and(|entry| entry.value.is_some()));
    let gone = stage.registry.get(ENTRY).await.unwrap();
    let gone = gone.map_or(0, |gone| gone.revision);
    let value = entry.value.unwrap();
    stage.registry.put(ENTRY, value, gone).await.unwrap();
    stage.broker.publish("IN", "in.k", r#"{"user":"u"}"#);
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(stage.outputs().len(), outputs.len() + 1);
    assert_eq!(running.queries.context().readiness(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_an_earlier_life_that_somebody_puts_back_deletes_nothing_of_the_present_one() {
    let (stage, running) = Stage::set().await;
    let earlier = stage.registry.get(ENTRY).await.unwrap().unwrap();
    let shop = name("shop");
    let pipeline = id();
    let deleted = running.commands.delete_pipeline(&pipeline, Condition::Any);
    deleted.await.unwrap();
    // What was deleted on order is gone, and stays so.
    assert!(stage.outputs().is_empty());
    let applied = running.commands.apply_pipeline(&shop, clicks(), Apply::default());
    applied.await.unwrap();
    tokio::time::sleep(PATIENCE).await;
    let outputs = stage.outputs();
    assert!(!outputs.is_empty());
    let present = stage.registry.get(ENTRY).await.unwrap().unwrap();
    let value = earlier.value.unwrap();
    stage.registry.put(ENTRY, value, present.revision).await.unwrap();
    tokio::time::sleep(ENDED).await;
    assert_eq!(stage.outputs(), outputs);
}
