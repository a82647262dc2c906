//! What a tenant without a way to NATS does over HTTP: streams of its own, events into them, results out of a
//! pipeline. All of it within its grants and quotas.

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use tailrace_admin::{ApiOptions, RequestRates};
use tailrace_core::rate::Rate;
use tower::ServiceExt as _;

use crate::{
    edge::in_time,
    stage::{Answer, OPERATOR, Stage},
};

const EVENTS: &str = "/v1/tenants/shop/events";
const INBOX: &str = "/v1/tenants/shop/streams/inbox";
const OUTPUTS: &str = "/v1/tenants/shop/pipelines/emitter/outputs";

/// Publishes an event, without a payload where none is given.
async fn publish(stage: &Stage, mut event: Value) -> Answer {
    if event.get("payload").is_none() && event.get("text").is_none() {
        event["text"] = json!("");
    }
    let body = json!({ "events": [event] }).to_string();
    stage.ask("POST", EVENTS, &[&stage.shop], body).await
}

/// A pipeline whose results a test puts into its stream as commits would.
async fn emitter(stage: &Stage) {
    let manifest = r#"
name: emitter
input: { stream: SHOP, subjects: ["shop.>"] }
steps:
  - { name: count, plugin: counter@1.0.0, grants: [state] }
output: { subject: "results.out.{key}" }
"#;
    stage
        .ok("PUT", "/v1/tenants/shop/pipelines/emitter", manifest)
        .await;
}

fn commit(stage: &Stage, key: &str, payload: &'static str) {
    let subject = format!("results.out.{key}");
    stage.fake.broker.publish("TR_shop_emitter", &subject, payload);
}

fn values(page: &Value) -> Vec<Value> {
    let outputs = page["outputs"].as_array().unwrap().iter();
    outputs.map(|output| output["value"].clone()).collect()
}

#[tokio::test]
async fn events_lie_in_the_stream_in_the_order_of_the_request() {
    let stage = Stage::set().await;
    let body = json!({ "events": [
        { "subject": "results.in.a", "payload": { "n": 1 }, "headers": { "source": "test" }, "id": "1" },
        { "subject": "results.in.b", "text": "plain" },
    ] });
    let answer = stage
        .ask("POST", EVENTS, &[&stage.shop], body.to_string())
        .await
        .json();
    assert_eq!(answer["published"], 2, "{answer}");
    assert_eq!(
        answer["events"][1],
        json!({ "stream": "IN_shop_inbox", "sequence": 2 })
    );
    let stored = stage.fake.broker.messages("IN_shop_inbox", ">");
    assert_eq!(&stored[0].payload[..], br#"{"n":1}"#);
    assert_eq!(
        (&*stored[0].headers[0].name, &*stored[0].headers[0].value),
        ("source", "test")
    );
    assert_eq!(
        (&*stored[1].subject, &stored[1].payload[..]),
        ("results.in.b", &b"plain"[..])
    );
}

#[tokio::test]
async fn lines_are_payloads_of_one_subject() {
    let stage = Stage::set().await;
    let headers = [
        ("authorization", format!("Bearer {}", stage.shop)),
        ("content-type", "application/x-ndjson".to_owned()),
    ];
    let path = format!("{EVENTS}?subject=results.in.a");
    let answer = stage
        .send_with("POST", &path, headers, "{\"a\":1}\n{\"a\":2}\n")
        .await;
    assert_eq!(answer.json()["published"], 2);
    assert_eq!(
        stage.fake.broker.messages("IN_shop_inbox", "results.in.a").len(),
        2
    );
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused_and_not_read_as_json() {
    let stage = Stage::set().await;
    let body = r#"{"events":[{"subject":"results.in.a","text":"x"}]}"#;
    for (kind, status) in [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/x-ndjson-other", 415),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
    ] {
        let headers = [
            ("authorization", format!("Bearer {}", stage.shop)),
            ("content-type", kind.to_owned()),
        ];
        let answer = stage.send_with("POST", EVENTS, headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{kind}");
        if status == 415 {
            let problem = answer.json();
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert_eq!(problem["code"], "unsupported-media-type");
            assert!(
                detail.contains("application/json") && detail.contains("application/x-ndjson"),
                "{detail}"
            );
        }
    }
}

#[tokio::test]
async fn a_parameter_that_a_query_does_not_take_is_refused() {
    let stage = Stage::set().await;
    for path in [
        "sketches?nonsense=1",
        "sketches/amounts?nonsense=1",
        "sketches/amounts?q=0.5&nonsense=1",
        "sketches/amounts/drift?nonsense=1",
        "windows/w?nonsense=1",
    ] {
        let path = format!("/v1/tenants/shop/pipelines/clicks/{path}");
        let answer = stage.ask("GET", &path, &[&stage.shop], "").await;
        assert_eq!(answer.status.as_u16() / 100, 4, "{path}");
        assert_eq!(answer.json()["code"], "invalid-query", "{path}");
    }
}

#[tokio::test]
async fn nothing_is_published_that_is_not_the_tenants_to_publish() {
    let stage = Stage::set().await;
    emitter(&stage).await;
    let before = stage.fake.acts();
    let long = "x".repeat(5_000);
    for (event, code) in [
        (json!({ "subject": "bank.in.a" }), "forbidden"),
        (json!({ "subject": "shop.in.a" }), "forbidden"),
        (json!({ "subject": "tr.shop.clicks.commit.0" }), "forbidden"),
        (json!({ "subject": "$JS.API.STREAM.DELETE.SHOP" }), "forbidden"),
        (json!({ "subject": "results.in.*" }), "invalid-request"),
        (json!({ "subject": "results..a" }), "invalid-request"),
        (
            json!({ "subject": "results.in.a", "headers": { "Nats-Msg-Id": "1" } }),
            "invalid-request",
        ),
        (
            json!({ "subject": "results.in.a", "headers": { "tr-hops": "1" } }),
            "invalid-request",
        ),
        (
            json!({ "subject": "results.in.a", "headers": { "a": "b\r\nc" } }),
            "invalid-request",
        ),
        (
            json!({ "subject": "results.in.a", "headers": { "a": long } }),
            "invalid-request",
        ),
        (
            json!({ "subject": "results.in.a", "id": "a b" }),
            "invalid-request",
        ),
        (
            json!({ "subject": "results.in.a", "text": "x".repeat(2 << 20) }),
            "invalid-request",
        ),
        // The results of a pipeline, which only its commits write.
        (json!({ "subject": "results.out.ada" }), "conflict"),
        (json!({ "subject": "results.elsewhere" }), "conflict"),
    ] {
        let answer = publish(&stage, event.clone()).await;
        assert_eq!(answer.problem(), code, "{event}: {answer:?}");
        assert!(answer.status.is_client_error(), "{event}: {answer:?}");
    }
    let none = stage
        .ask("POST", EVENTS, &[&stage.shop], r#"{"events":[]}"#)
        .await;
    assert_eq!(none.problem(), "invalid-request");
    let many: Vec<_> = (0..1_001)
        .map(|_| json!({ "subject": "results.in.a", "text": "" }))
        .collect();
    let many = json!({ "events": many }).to_string();
    assert_eq!(
        stage.ask("POST", EVENTS, &[&stage.shop], many).await.problem(),
        "invalid-request"
    );
    // One that may not be published keeps the others back.
    let mixed = json!({ "events": [{ "subject": "results.in.a", "text": "" }, { "subject": "bank.in.a", "text": "" }] });
    let mixed = stage.ask("POST", EVENTS, &[&stage.shop], mixed.to_string()).await;
    assert!(
        mixed.json()["detail"].as_str().unwrap().starts_with("event 2: "),
        "{mixed:?}"
    );
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

#[tokio::test]
async fn events_are_held_back_as_all_requests_are_and_leave_the_audit_log_alone() {
    let rates = RequestRates {
        per_token: Rate::a_second(3),
        ..RequestRates::default()
    };
    let options = ApiOptions {
        rates,
        ..ApiOptions::default()
    };
    let stage = Stage::set().await;
    let log = "/v1/tenants/shop/audit";
    let before = stage.ok("GET", log, "").await.json().as_array().unwrap().len();
    assert_eq!(
        publish(&stage, json!({ "subject": "results.in.a" })).await.status,
        StatusCode::OK
    );
    let after = stage.ok("GET", log, "").await.json().as_array().unwrap().len();
    assert_eq!(
        after, before,
        "events would push out of the log what it is there for"
    );
    let limited = stage.twin(tailrace_admin::router(tailrace_admin::ApiState {
        commands: stage.commands.clone(),
        queries: stage.queries.clone(),
        options,
    }));
    let mut last = StatusCode::OK;
    for _ in 0..20 {
        last = publish(&limited, json!({ "subject": "results.in.a" }))
            .await
            .status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_stream_is_made_changed_and_deleted_by_its_tenant_alone() {
    let stage = Stage::set().await;
    let made = stage.ask("GET", INBOX, &[&stage.shop], "").await.json();
    assert_eq!(made["stream"], "IN_shop_inbox", "{made}");
    assert_eq!(made["max_bytes"], 1 << 30);
    let change = r#"{"subjects":["results.in.>"],"max-bytes":"2MiB","when-full":"refuse"}"#;
    let changed = stage.ask("PUT", INBOX, &[&stage.shop], change).await.json();
    assert_eq!(
        (&changed["max_bytes"], &changed["when_full"]),
        (&json!(2 << 20), &json!("refuse"))
    );
    let foreign = stage
        .ask("GET", "/v1/tenants/bank/streams/inbox", &[&stage.bank], "")
        .await;
    assert_eq!(foreign.problem(), "not-found");
    // The subjects are held, so the other tenant cannot have them, and is not told by whom.
    let taken = stage
        .ask("PUT", "/v1/tenants/bank/streams/mine", &[&stage.bank], change)
        .await;
    assert_eq!(taken.problem(), "conflict");
    assert!(
        !String::from_utf8_lossy(&taken.body).contains("IN_shop"),
        "{taken:?}"
    );
    let gone = stage.ask("DELETE", INBOX, &[&stage.shop], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(
        stage.ask("GET", INBOX, &[&stage.shop], "").await.problem(),
        "not-found"
    );
}

#[tokio::test]
async fn a_stream_outside_grants_and_bounds_is_refused() {
    let stage = Stage::set().await;
    let path = "/v1/tenants/shop/streams/other";
    for (body, code) in [
        (json!({ "subjects": [] }), "invalid-request"),
        (json!({ "subjects": ["shop.other"] }), "forbidden"),
        (json!({ "subjects": ["results.other"] }), "forbidden"),
        (json!({ "subjects": ["bank.>"] }), "forbidden"),
        (json!({ "subjects": [">"] }), "invalid-request"),
        (json!({ "subjects": ["results.in..x"] }), "invalid-request"),
        (
            json!({ "subjects": ["results.in.x"], "max-age": "1ms" }),
            "invalid-request",
        ),
        (
            json!({ "subjects": ["results.in.x"], "max-bytes": 1 }),
            "invalid-request",
        ),
        (
            json!({ "subjects": ["results.in.x"], "max-bytes": "1TiB" }),
            "quota-exceeded",
        ),
        (
            json!({ "subjects": ["results.in.x"], "retention": "interest" }),
            "invalid-body",
        ),
        (json!({ "subjects": ["results.in.x"] }), "conflict"),
    ] {
        let answer = stage.ask("PUT", path, &[&stage.shop], body.to_string()).await;
        assert_eq!(answer.problem(), code, "{body}: {answer:?}");
    }
    let wrong_name = stage
        .ask(
            "PUT",
            "/v1/tenants/shop/streams/Nonsense_",
            &[&stage.shop],
            r#"{"subjects":["results.in.y"]}"#,
        )
        .await;
    assert_eq!(wrong_name.problem(), "invalid-name");
}

#[tokio::test]
async fn a_tenant_has_no_more_streams_than_its_quota_and_they_end_with_it() {
    let stage = Stage::set().await;
    let tenant = r#"{"read":["few.>"],"write":["few.>"],"quotas":{"streams":1}}"#;
    stage.ok("PUT", "/v1/tenants/few", tenant).await;
    let first = r#"{"subjects":["few.a.>"]}"#;
    stage.ok("PUT", "/v1/tenants/few/streams/a", first).await;
    // The same once more is no second one.
    stage.ok("PUT", "/v1/tenants/few/streams/a", first).await;
    let second = stage
        .ask(
            "PUT",
            "/v1/tenants/few/streams/b",
            &[OPERATOR],
            r#"{"subjects":["few.b.>"]}"#,
        )
        .await;
    assert_eq!(second.problem(), "quota-exceeded");
    stage.ok("DELETE", "/v1/tenants/few", "").await;
    stage.ok("PUT", "/v1/tenants/few", tenant).await;
    let left = stage.ok("GET", "/v1/tenants/few/streams", "").await.json();
    assert_eq!(
        left,
        json!([]),
        "nothing of an ended tenant is left to another of its name"
    );
}

#[tokio::test]
async fn a_stream_that_a_pipeline_reads_stays_unless_that_is_forced() {
    let stage = Stage::set().await;
    let reader = r#"
name: reader
input: { subjects: ["results.in.>"] }
steps:
  - { name: count, plugin: counter@1.0.0, grants: [state] }
"#;
    stage.ok("PUT", "/v1/tenants/shop/pipelines/reader", reader).await;
    let refused = stage.ask("DELETE", INBOX, &[&stage.shop], "").await;
    assert_eq!(refused.problem(), "conflict");
    assert!(
        refused.json()["detail"].as_str().unwrap().contains("reader"),
        "{refused:?}"
    );
    let forced = stage
        .ask("DELETE", &format!("{INBOX}?force=true"), &[&stage.shop], "")
        .await;
    assert_eq!(forced.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn results_are_read_page_by_page_and_by_key() {
    let stage = Stage::set().await;
    emitter(&stage).await;
    for (key, payload) in [("ada", r#"{"n":1.50}"#), ("bob", "text"), ("ada", r#"{"n":2}"#)] {
        commit(&stage, key, payload);
    }
    let page = stage
        .ask("GET", &format!("{OUTPUTS}?limit=2"), &[&stage.shop], "")
        .await;
    assert!(
        String::from_utf8_lossy(&page.body).contains(r#""value":{"n":1.50}"#),
        "as it was written: {page:?}"
    );
    let page = page.json();
    assert_eq!(
        (&page["stream"], &page["subjects"]),
        (&json!("TR_shop_emitter"), &json!("results.out.*"))
    );
    assert_eq!(values(&page), [json!({ "n": 1.5 }), json!("text")]);
    assert_eq!(page["pending"], 1, "{page}");
    let after = page["outputs"][1]["sequence"].as_u64().unwrap();
    let rest = stage
        .ok("GET", &format!("{OUTPUTS}?after={after}"), "")
        .await
        .json();
    assert_eq!(
        (values(&rest), &rest["pending"]),
        (vec![json!({ "n": 2 })], &json!(0))
    );
    let ada = stage.ok("GET", &format!("{OUTPUTS}?key=ada"), "").await.json();
    assert_eq!(values(&ada).len(), 2, "{ada}");
    let new = stage.ok("GET", &format!("{OUTPUTS}?from=new"), "").await.json();
    assert_eq!(values(&new).len(), 0, "{new}");
    for (time, outputs) in [("1960-01-01T00:00:00Z", 3), ("9999-12-31T23:59:59Z", 0)] {
        let page = stage.ok("GET", &format!("{OUTPUTS}?from={time}"), "").await;
        assert_eq!(values(&page.json()).len(), outputs, "{time}");
    }
    let beyond = format!("{OUTPUTS}?from=1796059837369");
    let beyond = stage.ask("GET", &beyond, &[OPERATOR], "").await;
    let detail = beyond.json()["detail"].to_string();
    assert!(
        detail.contains("newest") && detail.contains("2026-11-30T"),
        "{detail}"
    );
    for wrong in ["from=soon", "from=1&after=1", "limit=-1", "frm=1"] {
        let answer = stage
            .ask("GET", &format!("{OUTPUTS}?{wrong}"), &[OPERATOR], "")
            .await;
        assert_eq!(answer.problem(), "invalid-query", "{wrong}");
    }
    let nothing = "/v1/tenants/shop/pipelines/clicks/outputs";
    assert_eq!(
        stage.ask("GET", nothing, &[OPERATOR], "").await.problem(),
        "conflict"
    );
    let status = stage
        .ok("GET", "/v1/tenants/shop/pipelines/emitter/status", "")
        .await
        .json();
    assert_eq!(
        status["output"],
        json!({ "stream": "TR_shop_emitter", "subjects": "results.out.*" })
    );
}

#[tokio::test]
async fn a_follower_sees_what_comes_until_it_has_enough() {
    let stage = Stage::set().await;
    emitter(&stage).await;
    commit(&stage, "ada", "1");
    let path = format!("{OUTPUTS}?follow=true&limit=2");
    let request = Request::get(path).header("authorization", format!("Bearer {}", stage.shop));
    let request = request.body(Body::empty()).unwrap();
    let answer = in_time(stage.app.clone().oneshot(request)).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    commit(&stage, "ada", "2");
    commit(&stage, "bob", "3");
    commit(&stage, "bob", "4");
    let body = in_time(to_bytes(answer.into_body(), 1 << 20)).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let values: Vec<&str> = text.lines().filter(|line| line.contains("\"value\":")).collect();
    assert_eq!(values.len(), 2, "{text}");
    assert!(
        values[0].contains("\"value\":2") && values[1].contains("\"value\":3"),
        "{text}"
    );
    assert!(text.starts_with("event: shown\n"), "{text}");
}

#[tokio::test]
async fn a_follower_whose_token_is_revoked_is_told_so() {
    let stage = Stage::set().await;
    emitter(&stage).await;
    let made = stage
        .ok("POST", "/v1/tenants/shop/tokens", r#"{"scope":"read"}"#)
        .await
        .json();
    let request = Request::get(format!("{OUTPUTS}?follow=true")).header(
        "authorization",
        format!("Bearer {}", made["token"].as_str().unwrap()),
    );
    let answer = in_time(stage.app.clone().oneshot(request.body(Body::empty()).unwrap()))
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let id = made["id"].as_str().unwrap();
    stage
        .ok("DELETE", &format!("/v1/tenants/shop/tokens/{id}"), "")
        .await;
    let body = in_time(to_bytes(answer.into_body(), 1 << 20)).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(text.contains("event: ended"), "{text}");
}
