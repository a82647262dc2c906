//! What is kept: plugin versions as they were uploaded, and the last hundred revisions of a pipeline as they
//! were applied.

use axum::http::StatusCode;
use serde_json::json;

use crate::stage::{OPERATOR, PIPELINE, Stage};

const CLICKS: &str = "/v1/tenants/shop/pipelines/clicks";

#[tokio::test]
async fn the_last_hundred_revisions_are_kept_as_they_were_applied() {
    let stage = Stage::set().await;
    for number in 2..=105 {
        let changed = PIPELINE.replace("size: 5", &format!("size: 5 }}\n  n{number}: {{ kind: distinct"));
        let applied = stage.ok("PUT", CLICKS, changed).await.json();
        assert_eq!(applied["revision"], json!(number), "{applied}");
    }
    let gone = stage
        .ask("GET", &format!("{CLICKS}/revisions/5"), &[OPERATOR], "")
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "{gone:?}");
    let oldest = format!("{CLICKS}/revisions/6");
    let before = stage.ok("GET", &oldest, "").await.json();
    assert!(before["spec"]["sketches"]["n6"].is_object(), "{before}");
    stage
        .ok("POST", &format!("{CLICKS}/rollback"), r#"{"to":7}"#)
        .await;
    let rolled_back = stage
        .ok("GET", &format!("{CLICKS}/revisions/106"), "")
        .await
        .json();
    assert!(rolled_back["spec"]["sketches"]["n7"].is_object(), "{rolled_back}");
    assert_eq!(rolled_back["rolled_back_to"], json!(7));
    // What goes is seen a moment later than what comes: the sixth may be there still.
    let kept = stage.ok("GET", &format!("{CLICKS}/revisions"), "").await.json();
    let kept: Vec<u64> = kept
        .as_array()
        .unwrap()
        .iter()
        .filter_map(serde_json::Value::as_u64)
        .collect();
    let later: Vec<u64> = kept.iter().copied().filter(|number| *number > 6).collect();
    assert_eq!(later, (7..=106).collect::<Vec<u64>>());
    assert!(!kept.contains(&5), "{kept:?}");
    let after = stage.ok("GET", &format!("{CLICKS}/revisions/7"), "").await.json();
    assert!(
        after["rolled_back_to"].is_null(),
        "what was applied stays as it was: {after}"
    );
}

#[tokio::test]
async fn a_plugin_version_stays_what_it_was() {
    let stage = Stage::set().await;
    let path = "/v1/tenants/shop/plugins/counter/versions/1.0.0";
    let before = stage.ok("GET", path, "").await.json();
    let other = stage.ask("PUT", path, &[&stage.shop], "\0asm other").await;
    assert_eq!(
        (other.status, other.problem().as_str()),
        (StatusCode::CONFLICT, "conflict")
    );
    let gone = stage.ask("DELETE", path, &[&stage.shop], "").await;
    assert_eq!(gone.problem(), "conflict", "a pipeline names it");
    assert_eq!(stage.ok("GET", path, "").await.json(), before);
}
