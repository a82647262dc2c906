//! What a query gives: values as the plugin wrote them, with their kind, and lists that say how each
//! value is written down.

use axum::http::StatusCode;
use serde_json::json;

use crate::stage::{PIPELINE, Stage};

const CLICKS: &str = "/v1/tenants/shop/pipelines/clicks";

#[tokio::test]
async fn a_state_entry_is_served_as_it_is_with_the_kind_that_it_has() {
    let stage = Stage::set().await;
    for (key, kind, body) in [
        ("json", "application/json", &b"{\"n\":1.50}"[..]),
        ("text", "text/plain; charset=utf-8", b"plain"),
        ("binary", "application/octet-stream", &[0, 0xff]),
        ("a%2Fb", "text/plain; charset=utf-8", b"slash"),
    ] {
        let path = format!("{CLICKS}/steps/count/state/{key}");
        let answer = stage.ask("GET", &path, &[&stage.shop], "").await;
        assert_eq!(
            (answer.header("content-type"), &*answer.body),
            (kind, body),
            "{key}"
        );
        assert_eq!(
            (answer.header("tr-partition"), answer.header("tr-expires-ms")),
            ("0", "99"),
            "{key}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            "nosniff",
            "a browser must not guess"
        );
    }
    let path = format!("{CLICKS}/steps/count/state/a/b");
    assert_eq!(
        stage.ask("GET", &path, &[&stage.shop], "").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_scan_says_how_each_value_is_written_down() {
    let stage = Stage::set().await;
    let path = format!("{CLICKS}/steps/count/state");
    let all = stage.ok("GET", &path, "").await;
    let shown: Vec<_> = all
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["encoding"].clone())
        .collect();
    assert_eq!(
        shown,
        [json!("text"), json!("base64"), json!("json"), json!("text")]
    );
    assert!(
        String::from_utf8_lossy(&all.body).contains("1.50"),
        "numbers keep their digits"
    );
    assert_eq!(all.json()[1]["value"], "AP8=");
    let page = stage
        .ok("GET", &format!("{path}?prefix=&after=binary&limit=1"), "")
        .await
        .json();
    assert_eq!(page.as_array().unwrap().len(), 1);
    assert_eq!(
        (&page[0]["key"], &page[0]["value"]),
        (&json!("json"), &json!({ "n": 1.5 }))
    );
    let none = stage.ok("GET", &format!("{path}?prefix=x%2F"), "").await.json();
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn a_sketch_answers_for_windows_and_groups_that_it_has() {
    let stage = Stage::set().await;
    for (asked, hint) in [
        ("from=-1h", "window: 1m"),
        ("by=true", "by: {"),
        ("group=en", "by: {"),
    ] {
        let path = format!("{CLICKS}/sketches/amounts?{asked}");
        let refused = stage.ask("GET", &path, &[&stage.shop], "").await;
        assert_eq!(refused.problem(), "invalid-request", "{asked}");
        let detail = refused.json()["detail"].to_string();
        assert!(detail.contains(hint), "{detail}");
    }
    let path = format!("{CLICKS}/sketches/divided?from=2015-09-12T00:46:30Z&to=2015-09-12T00:47:30Z&by=true");
    let answer = stage.ok("GET", &path, "").await.json();
    let covers = serde_json::json!({
        "from": "2015-09-12T00:46:00.000Z", "to": "2015-09-12T00:48:00.000Z", "window": "1m"
    });
    assert_eq!(answer["covers"], covers);
    assert_eq!(
        (&answer["count"], &answer["groups"]),
        (&0.into(), &serde_json::json!([]))
    );
}

#[tokio::test]
async fn sketches_answer_with_their_bound() {
    let stage = Stage::set().await;
    let all = stage.ok("GET", &format!("{CLICKS}/sketches"), "").await.json();
    assert_eq!(all["amounts"]["kind"], "quantiles");
    let asked = stage
        .ok("GET", &format!("{CLICKS}/sketches/amounts?q=0.5,0.99"), "")
        .await
        .json();
    assert_eq!(asked["answer"]["quantiles"], json!([[0.5, null], [0.99, null]]));
    assert!(asked["bound"]["type"].is_string(), "{asked}");
    let item = stage
        .ok("GET", &format!("{CLICKS}/sketches/items?item=a%20b"), "")
        .await
        .json();
    assert_eq!(item["answer"]["asked"], 0, "{item}");
}

#[tokio::test]
async fn a_revision_runs_beside_the_active_one_until_it_is_promoted_or_abandoned() {
    let stage = Stage::set().await;
    let ask = |method, path: &str, body: String| {
        let (stage, path) = (&stage, format!("{CLICKS}{path}"));
        async move { stage.ask(method, &path, &[&stage.shop], body).await }
    };
    let manifest = |key: &str| {
        let config = format!("grants: [state], config: {{ key: {key} }}");
        crate::stage::PIPELINE.replace("grants: [state]", &config)
    };
    let begun = ask("PUT", "?shadow=true", manifest("a")).await.json();
    assert_eq!(
        (&begun["revision"], &begun["candidate"]),
        (&json!(2), &json!(true)),
        "{begun}"
    );
    // The same revision as a canary keeps its number; another one takes its place.
    let canary = ask(
        "PUT",
        "?canary=5%25&max-error-ratio=0.01&max-p99=50ms",
        manifest("a"),
    )
    .await
    .json();
    assert_eq!(canary["revision"], 2, "{canary}");
    let shown = ask("GET", "/candidate", String::new()).await.json();
    assert_eq!(shown["candidate"]["share_ppm"], 50_000, "{shown}");
    assert_eq!(
        (&shown["active_revision"], &shown["candidate"]["max_p99_ms"]),
        (&json!(1), &json!(50.0))
    );
    for (query, body, status) in [
        ("?canary=200%25", manifest("a"), StatusCode::UNPROCESSABLE_ENTITY),
        (
            "?shadow=true&canary=5%25",
            manifest("a"),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "?shadow=true",
            crate::stage::PIPELINE.to_owned(),
            StatusCode::CONFLICT,
        ),
        (
            "?canary=5%25",
            manifest("a").replace("dimensions: 2", "dimensions: 3"),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "",
            manifest("a").replace("count, plugin", "count, state-version: 2, plugin"),
            StatusCode::CONFLICT,
        ),
    ] {
        let refused = ask("PUT", query, body).await;
        assert_eq!(refused.status, status, "{query}: {refused:?}");
    }
    let abandoned = ask("POST", "/rollback", String::new()).await.json();
    assert_eq!(
        abandoned["revision"], 1,
        "a rollback ends what runs beside: {abandoned}"
    );
    assert_eq!(
        ask("DELETE", "/candidate", String::new()).await.status,
        StatusCode::CONFLICT
    );
    assert_eq!(
        ask("PUT", "?shadow=true", manifest("b")).await.json()["revision"],
        3,
        "no number twice"
    );
    assert_eq!(
        ask("POST", "/candidate/promote", String::new()).await.json()["revision"],
        3
    );
    let back = ask("POST", "/rollback", String::new()).await.json();
    assert_eq!(back["revision"], 4, "{back}");
    let kept = ask("GET", "/revisions/4", String::new()).await.json();
    assert_eq!(
        kept["rolled_back_to"], 1,
        "the one that was active before, not the one abandoned: {kept}"
    );
}

#[tokio::test]
async fn a_pipeline_pauses_goes_on_and_keeps_its_revisions() {
    let stage = Stage::set().await;
    let own = |method, path: &str, body: &'static str| {
        let (stage, path) = (&stage, format!("{CLICKS}{path}"));
        async move {
            let answer = stage.ask(method, &path, &[&stage.shop], body).await;
            assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
            answer
        }
    };
    own("POST", "/pause", r#"{"reason":"lunch"}"#).await;
    assert_eq!(own("GET", "", "").await.json()["paused"], "lunch");
    own("POST", "/resume", "").await;
    assert!(own("GET", "", "").await.json()["paused"].is_null());
    let more = format!(
        "{}\npartitions: 1\ndelivery: at-least-once\n",
        crate::stage::PIPELINE
    );
    assert_eq!(
        stage.ask("PUT", CLICKS, &[&stage.shop], more).await.json()["revision"],
        2
    );
    assert_eq!(
        own("POST", "/rollback", r#"{"to":1}"#).await.json()["revision"],
        3
    );
    assert_eq!(own("GET", "/revisions", "").await.json(), json!([1, 2, 3]));
    assert_eq!(own("GET", "/revisions/3", "").await.json()["rolled_back_to"], 1);
    own("DELETE", "", "").await;
    assert_eq!(
        stage.ask("GET", CLICKS, &[&stage.shop], "").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_dead_letter_shows_why_it_is_one() {
    let stage = Stage::set().await;
    let letter = 1_u64 << 50;
    let all = stage
        .ok("GET", &format!("{CLICKS}/dead-letters?after=0&limit=10"), "")
        .await
        .json();
    assert_eq!(
        (&all[0]["id"], &all[0]["code"]),
        (&json!(letter), &json!("crash"))
    );
    assert_eq!(
        stage
            .ok("GET", &format!("{CLICKS}/dead-letters?after={letter}"), "")
            .await
            .json(),
        json!([])
    );
    assert_eq!(
        stage
            .ok("GET", &format!("{CLICKS}/dead-letters/{letter}"), "")
            .await
            .json()["payload_text"],
        "payload"
    );
}

#[tokio::test]
async fn another_plugin_on_state_whose_layout_nobody_declares_is_warned_of() {
    let stage = Stage::set().await;
    let at = "/v1/tenants/shop/plugins/counter/versions/2.0.0";
    stage.ok("PUT", at, &b"\0asm another counter"[..]).await;
    let next = PIPELINE.replace("counter@1.0.0", "counter@2.0.0");
    let applied = stage.ok("PUT", CLICKS, next.clone()).await.json();
    let warning = applied["warnings"][0].as_str().unwrap_or_default();
    assert!(
        warning.contains("step count") && warning.contains("state-version"),
        "{applied}"
    );
    // The same once more changes nothing, and so warns of nothing.
    let again = stage.ok("PUT", CLICKS, next).await.json();
    assert!(again.get("warnings").is_none(), "{again}");
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let stage = Stage::set().await;
    let next = PIPELINE.replace("grants: [state]", "grants: [state], config: { a: 1 }");
    let before = stage.fake.written();
    let path = format!("{CLICKS}?dry-run=true");
    let dry = stage.ok("PUT", &path, next).await.json();
    assert_eq!(
        (&dry["revision"], &dry["dry_run"]),
        (&json!(2), &json!(true)),
        "{dry}"
    );
    assert_eq!(
        dry["changes"],
        json!([{ "field": "/steps/0/config", "before": null, "after": { "a": 1 } }])
    );
    let same = stage.ok("PUT", &path, PIPELINE).await.json();
    assert_eq!(same, json!({ "revision": 1, "changed": false }));
    let wrong = PIPELINE.replace("counter@1.0.0", "counter@9.0.0");
    let refused = stage.ask("PUT", &path, &[&stage.shop], wrong).await;
    assert_eq!(refused.problem(), "invalid-pipeline", "checked like any other");
    assert_eq!(stage.fake.written(), before, "nothing was written");
}
