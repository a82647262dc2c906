//! Uploads: what the answer tells, what a form may hold, and how many there may be at a time.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use tailrace_core::name::Name;
use tower::ServiceExt as _;

use crate::stage::{Answer, OPERATOR, PLUGIN, Stage};

const PATH: &str = "/v1/tenants/shop/plugins/tried/versions/1.0.0";

/// Sends a form with these parts to the route of a plugin that is not there yet.
async fn send_form(stage: &Stage, parts: &[(&str, &[u8])]) -> Answer {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x--\r\n");
    send_raw_form(stage, body).await
}

async fn send_raw_form(stage: &Stage, body: Vec<u8>) -> Answer {
    let request = Request::builder()
        .method("PUT")
        .uri(PATH)
        .header(header::AUTHORIZATION, format!("Bearer {OPERATOR}"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
        .body(Body::from(body))
        .unwrap();
    let response = stage.app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let headers: HeaderMap = parts.headers;
    Answer {
        status: parts.status,
        headers,
        body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
    }
}

async fn is_kept(stage: &Stage) -> bool {
    let answer = stage.ask("GET", PATH, &[OPERATOR], "").await;
    answer.status == StatusCode::OK
}

#[tokio::test]
async fn the_answer_tells_imports_memory_and_what_compiling_took() {
    let stage = Stage::set().await;
    let answer = stage.ok("PUT", PATH, PLUGIN).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let told = answer.json();
    assert_eq!(told["imports"], serde_json::json!(["state"]));
    assert_eq!(told["size_bytes"], PLUGIN.len());
    assert_eq!(told["memory"]["initial_bytes"], 65_536);
    assert_eq!(told["compiled"]["processor_ms"], 3);
    assert_eq!(told["trial"]["configured"], true);
    assert!(told["trial"]["event"].is_null(), "no event was sent: {told}");
    // What belongs to the version is told later too; what belonged to the upload is not.
    let later = stage.ok("GET", PATH, "").await.json();
    assert_eq!(later["memory"], told["memory"]);
    assert!(later["compiled"].is_null(), "{later}");
}

#[tokio::test]
async fn a_trial_event_is_answered_with_its_verdict_and_its_cost() {
    let stage = Stage::set().await;
    let parts: [(&str, &[u8]); 3] = [("plugin", PLUGIN), ("config", b"{\"a\":1}"), ("event", b"\xff\0")];
    let told = send_form(&stage, &parts).await.json();
    assert_eq!(told["trial"]["event"]["verdict"], "forward", "{told}");
    assert_eq!(told["trial"]["event"]["fuel"], 7, "{told}");
    assert!(told["trial"]["event"]["took_us"].is_u64(), "{told}");
    assert!(is_kept(&stage).await);
}

#[tokio::test]
async fn a_config_that_the_plugin_refuses_keeps_nothing() {
    let stage = Stage::set().await;
    let refused = send_form(&stage, &[("config", b"\"bad\""), ("plugin", PLUGIN)]).await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "invalid-plugin")
    );
    assert!(!is_kept(&stage).await);
}

#[tokio::test]
async fn a_plugin_that_needs_more_memory_is_kept_and_the_limit_to_write_is_told() {
    let stage = Stage::set().await;
    let parts: [(&str, &[u8]); 2] = [("plugin", PLUGIN), ("config", b"\"hungry\"")];
    let trial = &send_form(&stage, &parts).await.json()["trial"];
    assert_eq!(
        (&trial["configured"], &trial["needs_memory"]),
        (&false.into(), &"32MiB".into())
    );
    assert!(is_kept(&stage).await);
}

#[tokio::test]
async fn a_form_of_another_shape_is_refused_and_does_nothing() {
    let stage = Stage::set().await;
    let before = stage.fake.acts();
    let many = vec![("plugin", PLUGIN); 1_000];
    let plugin = ("plugin", PLUGIN);
    let wrong: [Vec<(&str, &[u8])>; 9] = [
        vec![],
        vec![("config", b"{}")],
        vec![plugin, plugin],
        vec![plugin, ("config", b"{} {}")],
        vec![plugin, ("config", b"a: 1: 2")],
        vec![plugin, ("config", b"\xff")],
        vec![plugin, ("secret", b"")],
        vec![("../plugin", PLUGIN)],
        many,
    ];
    for parts in wrong {
        let refused = send_form(&stage, &parts).await;
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-body"),
            "{} parts: {refused:?}",
            parts.len()
        );
    }
    for torn in [
        &b""[..],
        b"--x",
        b"--x\r\nContent-Disposition: form-data; name=\"plugin\"\r\n\r\n\0asm",
    ] {
        let refused = send_raw_form(&stage, torn.to_vec()).await;
        assert_eq!(refused.problem(), "invalid-body");
    }
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

#[tokio::test]
async fn a_form_is_bounded_like_a_file() {
    let stage = Stage::set().await;
    let large = vec![0; (32 << 20) + 1];
    let refused = send_form(&stage, &[("plugin", PLUGIN), ("event", &large)]).await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "too-large")
    );
}

#[tokio::test]
async fn a_tenant_that_uploads_too_much_at_a_time_is_told_to_wait_and_others_are_not() {
    let stage = Stage::set().await;
    let shop = Name::new("shop").unwrap();
    let held: Vec<_> = (0..4)
        .map(|_| stage.commands.upload_permit(&shop).unwrap())
        .collect();
    let before = stage.fake.acts();
    let refused = stage.ask("PUT", PATH, &[&stage.shop], PLUGIN).await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "too-many-uploads")
    );
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    assert_eq!(stage.fake.acts(), before, "nothing was done");
    let other = "/v1/tenants/bank/plugins/tried/versions/1.0.0";
    let taken = stage.ask("PUT", other, &[&stage.bank], PLUGIN).await;
    assert_eq!(taken.status, StatusCode::CREATED);
    drop(held);
    stage.ok("PUT", PATH, PLUGIN).await;
}
