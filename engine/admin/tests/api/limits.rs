//! Who asks too often is told when to come back; others are served meanwhile. The clock of this world
//! stands still.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode, header},
    response::Response,
};
use tailrace_admin::{ApiOptions, RequestRates};
use tailrace_core::rate::Rate;
use tower::ServiceExt as _;

use crate::stage::Stage;

async fn stage() -> Stage {
    Stage::with(ApiOptions {
        rates: RequestRates {
            per_token: Rate::a_second(50),
            per_address: Rate::a_second(3),
        },
        ..ApiOptions::default()
    })
    .await
}

async fn ask(stage: &Stage, path: &str, token: &str, peer: &str) -> Response {
    let peer: SocketAddr = peer.parse().unwrap();
    let request = Request::get(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .extension(ConnectInfo(peer))
        .body(Body::empty())
        .unwrap();
    stage.app.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn who_tries_tokens_is_held_back_and_who_has_one_is_not() {
    let stage = stage().await;
    let path = "/v1/tenants/shop";
    let mut seen = Vec::new();
    for number in 0..6 {
        let answer = ask(&stage, path, &format!("tr_guess{number}"), "10.0.0.1:1").await;
        seen.push(answer.status().as_u16());
    }
    assert_eq!(seen, [401, 401, 401, 429, 429, 429]);
    let refused = ask(&stage, path, "tr_guess", "10.0.0.1:2").await;
    // A window of a second must end, and a third of the next.
    assert_eq!(refused.headers()[header::RETRY_AFTER], "2");
    // Somebody else, somebody with a token from there, and the balancer's probe are served.
    let elsewhere = ask(&stage, path, "tr_guess", "10.0.0.2:1").await;
    assert_eq!(elsewhere.status(), StatusCode::UNAUTHORIZED);
    let known = ask(&stage, path, &stage.shop, "10.0.0.1:3").await;
    assert_eq!(known.status(), StatusCode::OK);
    let probe = ask(&stage, "/healthz", "", "10.0.0.1:4").await;
    assert_eq!(probe.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_has_a_limit_of_its_own_wherever_it_is_used() {
    let stage = stage().await;
    let mut seen = Vec::new();
    for number in 0..52 {
        let peer = format!("10.0.0.{number}:1");
        let answer = ask(&stage, "/v1/tenants/shop", &stage.shop, &peer).await;
        seen.push(answer.status().as_u16());
    }
    assert_eq!(seen[..50], [200; 50]);
    assert_eq!(seen[50..], [429; 2]);
    let other = ask(&stage, "/v1/tenants/bank", &stage.bank, "10.0.0.1:1").await;
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong_and_when_to_come_back() {
    let stage = stage().await;
    let ask = async || stage.ask("GET", "/v1/tenants/shop", &[&stage.shop], "").await;
    for _ in 0..50 {
        ask().await;
    }
    let refused = ask().await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "2")
    );
    assert_eq!(refused.problem(), "rate-limited");
}
