//! What befalls what is there: two who change the same thing at once, entries that are damaged, an input stream that
//! was left.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tailrace_core::ports::registry::Bucket as _;

use crate::stage::{OPERATOR, PIPELINE, Stage};

const CLICKS: &str = "/v1/tenants/shop/pipelines/clicks";
const FIRST: &str = "revision.shop.clicks.1";
const SECOND: &str = "revision.shop.clicks.2";
const SHOP: &str = "/v1/tenants/shop";
const GRANTS: &str = r#"{"read":["shop.>","results.in.>"],"write":["results.>","more.>"]}"#;

fn other(number: u32) -> String {
    PIPELINE.replace("size: 5", &format!("size: 5 }}\n  n{number}: {{ kind: distinct"))
}

impl Stage {
    async fn tag(&self, path: &str) -> String {
        self.ok("GET", path, "").await.header("etag").to_owned()
    }

    /// Somebody damages an entry.
    async fn damage(&self, key: &str) {
        let known = self.fake.registry.get(key).await.unwrap();
        let expected = known.map_or(0, |entry| entry.revision);
        let written = self.fake.registry.put(key, "garbage".into(), expected).await;
        let written = written.unwrap();
        while self.queries.context().registry().unwrap().revision < written {
            tokio::task::yield_now().await;
        }
    }

    async fn findings(&self) -> Vec<Value> {
        let found = self.ok("GET", "/v1/doctor", "").await.json();
        found["findings"].as_array().unwrap().clone()
    }

    async fn finding(&self, key: &str) -> Value {
        let found = self.findings().await;
        let mut its = found.iter().filter(|found| found["what"] == key);
        its.next()
            .unwrap_or_else(|| panic!("{key} is not in {found:?}"))
            .clone()
    }
}

#[tokio::test]
async fn who_loses_a_race_with_a_tag_is_told_the_same_as_who_comes_too_late() {
    let changes = [
        (CLICKS, other(1), other(2)),
        (SHOP, GRANTS.to_owned(), GRANTS.replace("more", "most")),
    ];
    for (path, slow, fast) in changes {
        let stage = Stage::set().await;
        let tag = stage.tag(path).await;
        let put = |body: String, tag: String| {
            let bearer = ("authorization", format!("Bearer {OPERATOR}"));
            stage.send_with("PUT", path, [bearer, ("if-match", tag)], body)
        };
        let (waits, go) = stage.fake.audit.hold_next();
        let (slow, ()) = tokio::join!(put(slow, tag.clone()), async {
            waits.await.unwrap();
            let fast = put(fast, tag.clone()).await;
            assert_eq!(fast.status, StatusCode::OK, "{fast:?}");
            go.send(()).unwrap();
        });
        assert_eq!(slow.status, StatusCode::PRECONDITION_FAILED, "{slow:?}");
        assert_eq!(slow.problem(), "precondition-failed");
        let late = put(other(3), tag).await;
        if path == CLICKS {
            let detail = late.json()["detail"].as_str().unwrap().to_owned();
            assert!(
                detail.contains("pipeline clicks (at its revision 2 now)"),
                "{detail}"
            );
        }
    }
}

#[tokio::test]
async fn who_loses_a_race_without_a_tag_is_told_of_the_pipeline_and_of_no_key() {
    let stage = Stage::set().await;
    let (waits, go) = stage.fake.audit.hold_next();
    let (slow, ()) = tokio::join!(stage.ask("PUT", CLICKS, &[OPERATOR], other(1)), async {
        waits.await.unwrap();
        stage.ok("PUT", CLICKS, other(2)).await;
        go.send(()).unwrap();
    });
    assert_eq!(slow.problem(), "conflict");
    let detail = slow.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("pipeline clicks was changed"), "{detail}");
}

#[tokio::test]
async fn a_damaged_revision_that_the_pipeline_says_itself_locks_nothing_and_is_mended() {
    let stage = Stage::set().await;
    stage.ok("PUT", CLICKS, other(1)).await;
    stage.damage(SECOND).await;
    assert_eq!(stage.queries.context().unreadable_entries(), 1);
    assert_eq!(stage.finding(SECOND).await["fixable"], true);
    let fixed = stage.ok("POST", "/v1/doctor/fix", "").await.json();
    assert_eq!(fixed["mended"][0]["mended"], true, "{fixed}");
    assert_eq!(stage.queries.context().unreadable_entries(), 0);
    // Nor is a change refused where nobody has mended it.
    stage.damage(SECOND).await;
    let applied = stage.ok("PUT", CLICKS, other(2)).await.json();
    assert_eq!(applied["revision"], 3);
    stage
        .ok("POST", &format!("{CLICKS}/rollback"), r#"{"to":2}"#)
        .await;
}

#[tokio::test]
async fn a_damaged_revision_of_before_is_found_with_what_mends_it() {
    let stage = Stage::set().await;
    stage.ok("PUT", CLICKS, other(1)).await;
    stage.damage(FIRST).await;
    let found = stage.finding(FIRST).await;
    assert_eq!(found["fixable"], false);
    let mend = found["mend"].as_str().unwrap();
    assert!(
        mend.contains(&format!("nats kv del tailrace_registry {FIRST}")),
        "{mend}"
    );
    let refused = stage
        .ask("POST", &format!("{CLICKS}/rollback"), &[OPERATOR], r#"{"to":1}"#)
        .await;
    assert_eq!(refused.problem(), "conflict");
}

#[tokio::test]
async fn a_damaged_pipeline_comes_back_from_the_last_revision_that_can_be_read() {
    let stage = Stage::set().await;
    for number in 1..=2 {
        stage.ok("PUT", CLICKS, other(number)).await;
    }
    stage.damage("revision.shop.clicks.3").await;
    stage.damage("pipeline.shop.clicks").await;
    assert_eq!(stage.finding("pipeline.shop.clicks").await["fixable"], true);
    stage.ok("POST", "/v1/doctor/fix", "").await;
    let pipeline = stage.ok("GET", CLICKS, "").await.json();
    assert_eq!(pipeline["active"]["number"], 4, "{pipeline}");
    assert_eq!(pipeline["active"]["rolled_back_to"], 2);
    assert!(pipeline["paused"].is_string());
    stage.ok("PUT", CLICKS, other(5)).await;
}

#[tokio::test]
async fn every_kind_of_entry_that_cannot_be_read_is_found() {
    let stage = Stage::set().await;
    let keys = [
        "tenant.bank",
        "plugin.shop.counter.1.0.0",
        "schema.shop.order",
        "schema-version.shop.order.1",
        "revision.shop.clicks.1",
        "pipeline.shop.clicks",
        "of.nobody",
    ];
    for key in keys {
        stage.damage(key).await;
    }
    assert_eq!(stage.queries.context().unreadable_entries(), keys.len());
    for key in keys {
        let found = stage.finding(key).await;
        assert_eq!(found["kind"], "unreadable-entry", "{found}");
        assert!(!found["mend"].as_str().unwrap().is_empty(), "{found}");
    }
}

#[tokio::test]
async fn what_alarms_cannot_read_is_found_and_mended() {
    let stage = Stage::set().await;
    let key = "pipeline.shop.clicks";
    let written = stage.fake.alarms.put(key, "garbage".into(), 0).await;
    written.unwrap();
    let name = format!("{key} (bucket tailrace_alarms)");
    assert_eq!(stage.finding(&name).await["fixable"], true);
    let fixed = stage.ok("POST", "/v1/doctor/fix", "").await.json();
    assert_eq!(fixed["mended"][0]["mended"], true, "{fixed}");
}

#[tokio::test]
async fn what_came_before_another_stream_was_named_stays_good_and_the_stream_stays() {
    let stage = Stage::set().await;
    stage.ok("PUT", CLICKS, other(1)).await;
    stage.fake.broker.lose_stream("SHOP");
    stage.fake.broker.declare("NEW", &["shop.>"]);
    // Sequences are of one stream alone.
    let path = format!("{CLICKS}/resume?stream=NEW");
    let unsaid = stage.ask("POST", &path, &[OPERATOR], "").await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY, "{unsaid:?}");
    assert!(
        unsaid.json()["detail"]
            .as_str()
            .unwrap()
            .contains("where to begin")
    );
    stage.ok("POST", &(path + "&from=first"), "").await;
    let back = stage
        .ok("POST", &format!("{CLICKS}/rollback"), r#"{"to":1}"#)
        .await
        .json();
    let warning = back["warnings"][0].as_str().unwrap();
    assert!(warning.contains("SHOP") && warning.contains("NEW"), "{back}");
    let stream =
        async || stage.ok("GET", CLICKS, "").await.json()["active"]["spec"]["input"]["stream"].clone();
    assert_eq!(stream().await, json!("NEW"));
    // So it is with a manifest that names the stream which was left, and with no other one.
    let naming = |name: &str| other(7).replace("stream: SHOP", &format!("stream: {name}"));
    let applied = stage.ok("PUT", CLICKS, naming("SHOP")).await.json();
    assert!(
        applied["warnings"][0].as_str().unwrap().contains("NEW"),
        "{applied}"
    );
    assert_eq!(stream().await, json!("NEW"));
    stage.fake.broker.declare("OTHER", &["shop.>"]);
    let refused = stage.ask("PUT", CLICKS, &[OPERATOR], naming("OTHER")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
    // One that names none means the stream that it reads, whichever its subjects would find.
    let unnamed = other(8).replace("stream: SHOP", "markers: skip");
    stage.ok("PUT", CLICKS, unnamed).await;
    assert_eq!(stream().await, json!("NEW"));
}
