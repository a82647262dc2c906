//! What a body may be: bounded by its route, and judged as a whole.

use axum::{body::Body, http::StatusCode};

use crate::stage::{OPERATOR, PLUGIN, Stage};

const TENANT: &str = "/v1/tenants/shop";
const CLICKS: &str = "/v1/tenants/shop/pipelines/clicks";
const UPLOAD: &str = "/v1/tenants/shop/plugins/large/versions/1.0.0";
const MIB: usize = 1 << 20;

/// A body whose length is not announced.
fn unannounced(bytes: &[u8]) -> Body {
    let halves = [
        bytes[..bytes.len() / 2].to_vec(),
        bytes[bytes.len() / 2..].to_vec(),
    ];
    let frames = halves.map(Ok::<_, std::io::Error>);
    Body::from_stream(futures::stream::iter(frames))
}

fn wasm(length: usize) -> Vec<u8> {
    let mut bytes = PLUGIN.to_vec();
    bytes.resize(length, 0);
    bytes
}

#[tokio::test]
async fn an_upload_may_be_32_mib_and_no_byte_more() {
    let stage = Stage::set().await;
    let before = stage.fake.acts();
    for body in [Body::from(wasm(32 * MIB + 1)), unannounced(&wasm(32 * MIB + 1))] {
        let answer = stage.ask("PUT", UPLOAD, &[&stage.shop], body).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (StatusCode::PAYLOAD_TOO_LARGE, "too-large")
        );
        assert!(
            answer.json()["detail"].as_str().unwrap().contains("33554432"),
            "{answer:?}"
        );
    }
    assert_eq!(stage.fake.acts(), before, "nothing was done");
    let answer = stage.ask("PUT", UPLOAD, &[&stage.shop], wasm(32 * MIB)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn any_other_body_may_be_1_mib() {
    let stage = Stage::set().await;
    let before = stage.fake.acts();
    for (method, path) in [
        ("PUT", TENANT),
        ("PUT", CLICKS),
        ("POST", &*format!("{CLICKS}/pause")),
    ] {
        for body in [Body::from(vec![b' '; MIB + 1]), unannounced(&vec![b' '; MIB + 1])] {
            let answer = stage.ask(method, path, &[OPERATOR], body).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
                "{path}"
            );
        }
    }
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

#[tokio::test]
async fn a_body_that_is_nonsense_is_refused() {
    let stage = Stage::set().await;
    let before = stage.fake.acts();
    let deep = "[".repeat(10_000);
    let bodies = [
        b"{".to_vec(),
        b"\xff\xfe".to_vec(),
        b"null".to_vec(),
        b"{\"reason\":{}}".to_vec(),
        deep.into_bytes(),
    ];
    for (method, path) in [
        ("PUT", TENANT),
        ("PUT", CLICKS),
        ("POST", &*format!("{CLICKS}/pause")),
    ] {
        for body in &bodies {
            let answer = stage.ask(method, path, &[OPERATOR], body.clone()).await;
            assert_eq!(
                answer.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{path}: {answer:?}"
            );
            answer.problem();
        }
    }
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused_and_half_of_it_does_nothing() {
    let stage = Stage::set().await;
    let before = stage.fake.acts();
    let frames = [Ok(PLUGIN.to_vec()), Err(std::io::Error::other("gone"))];
    let body = Body::from_stream(futures::stream::iter(frames));
    let answer = stage.ask("PUT", UPLOAD, &[&stage.shop], body).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (StatusCode::BAD_REQUEST, "invalid-body")
    );
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

#[tokio::test]
async fn the_same_plugin_again_is_fine() {
    let stage = Stage::set().await;
    for status in [StatusCode::CREATED, StatusCode::OK] {
        assert_eq!(
            stage.ask("PUT", UPLOAD, &[&stage.shop], PLUGIN).await.status,
            status
        );
    }
}
