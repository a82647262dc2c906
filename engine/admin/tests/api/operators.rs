//! Tokens of operators: what each scope may do on every route of the table, that none of them is shown twice,
//! and that one of those that may do everything is always left.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tailrace_admin::{Audience, Route};
use tailrace_core::registry::Role;

use crate::{
    scopes,
    stage::{OPERATOR, Stage},
};

const TOKENS: &str = "/v1/operator/tokens";

/// A new token of an operator, and its id.
async fn token(stage: &Stage, request: Value) -> (String, String) {
    scopes::token(stage, TOKENS, request).await
}

/// Every route, with the role that it needs of an operator.
fn needing() -> Vec<(Route, Role)> {
    scopes::needing(|audience| match audience {
        Audience::Tenant(role) | Audience::Operator(role) => Some(*role),
        Audience::Public | Audience::Bearer => None,
    })
}

/// The path of the token that the configuration holds.
async fn first(stage: &Stage) -> String {
    let list = stage.ok("GET", TOKENS, "").await.json();
    let mut tokens = list.as_array().unwrap().iter();
    let first = tokens.find(|token| token["expires_ms"].is_null()).unwrap();
    format!("{TOKENS}/{}", first["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_operators_token_of_too_small_a_scope_is_refused_on_every_route_and_does_nothing() {
    let refused = scopes::refuses_what_needs_more(TOKENS, &needing()).await;
    assert!(refused > 20, "the table holds routes for every role");
}

#[tokio::test]
async fn an_operators_token_of_its_scope_is_let_through() {
    scopes::lets_through_what_needs_no_more(TOKENS, &needing()).await;
}

#[tokio::test]
async fn the_last_token_that_may_do_everything_stays_until_there_is_another() {
    let stage = Stage::set().await;
    let first = first(&stage).await;
    // None of these takes its place: one may only look, the other ends by itself.
    token(&stage, json!({ "scope": "read" })).await;
    token(&stage, json!({ "expires-in": "1h" })).await;
    let before = stage.fake.acts();
    let refused = stage.ask("DELETE", &first, &[OPERATOR], "").await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
    assert_eq!(stage.fake.acts(), before, "nothing was done");

    let (other, _) = token(&stage, json!({ "label": "second" })).await;
    stage.ok("DELETE", &first, "").await;
    let gone = stage.ask("GET", TOKENS, &[OPERATOR], "").await;
    assert_eq!(gone.status, StatusCode::UNAUTHORIZED, "at once");
    let list = stage.ask("GET", TOKENS, &[&other], "").await;
    let shown = String::from_utf8_lossy(&list.body).into_owned();
    assert!(!shown.contains("tr_") && !shown.contains("hash"), "{shown}");
    let id = first.rsplit('/').next().unwrap();
    assert!(shown.contains("second") && !shown.contains(id), "{shown}");
}

#[tokio::test]
async fn two_who_revoke_each_other_leave_one() {
    let stage = Stage::set().await;
    let first = first(&stage).await;
    let (other, id) = token(&stage, json!({})).await;
    let second = format!("{TOKENS}/{id}");
    let bearers = ([OPERATOR], [&*other]);
    let (one, two) = tokio::join!(
        stage.ask("DELETE", &second, &bearers.0, ""),
        stage.ask("DELETE", &first, &bearers.1, ""),
    );
    let done = [one.status, two.status].map(|status| status == StatusCode::NO_CONTENT);
    assert_ne!(done[0], done[1], "{one:?} {two:?}");
}

#[tokio::test]
async fn a_tenants_list_holds_no_operators_token_and_the_other_way_round() {
    let stage = Stage::set().await;
    let (_, id) = token(&stage, json!({})).await;
    let of_shop = stage.ok("GET", "/v1/tenants/shop/tokens", "").await.json();
    assert!(!of_shop.to_string().contains(&id), "{of_shop}");
    let path = format!("/v1/tenants/shop/tokens/{id}");
    for bearer in [OPERATOR, &*stage.shop] {
        let answer = stage.ask("DELETE", &path, &[bearer], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    }
    let shops = of_shop[0]["id"].as_str().unwrap();
    let answer = stage
        .ask("DELETE", &format!("{TOKENS}/{shops}"), &[OPERATOR], "")
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
}
