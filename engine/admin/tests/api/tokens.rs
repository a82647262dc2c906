//! Tokens and their scopes: what each may do on every route of the table, and that one which has ended or
//! was revoked opens nothing.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tailrace_admin::{Audience, Route};
use tailrace_core::registry::Role;

use crate::{
    scopes,
    stage::{ENDED_OF_SHOP, OPERATOR, Stage, body, methods, path},
};

const TOKENS: &str = "/v1/tenants/shop/tokens";

/// A new token of `shop`, and its id.
async fn token(stage: &Stage, request: Value) -> (String, String) {
    scopes::token(stage, TOKENS, request).await
}

#[tokio::test]
async fn a_token_of_which_nothing_is_said_may_deploy_for_90_days_and_a_list_is_no_token() {
    let stage = Stage::set().await;
    for (body, scope, has_end) in [
        ("", "deploy", true),
        ("{}", "deploy", true),
        (r#"{"scope":"admin","expires-in":null}"#, "admin", false),
    ] {
        let made = stage.ok("POST", TOKENS, body).await.json();
        assert_eq!(made["scope"], scope, "{body}");
        let days = made["expires_ms"]
            .as_u64()
            .map(|end| (end - made["created_ms"].as_u64().unwrap()) / 86_400_000);
        assert_eq!(days, has_end.then_some(90), "{body}");
    }
    let before = stage.fake.acts();
    for body in ["[]", r#"["read","lab","30d"]"#] {
        let answer = stage.ask("POST", TOKENS, &[OPERATOR], body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
        let told = answer.json()["detail"].to_string();
        assert!(told.contains("a list stands where fields"), "{told}");
    }
    let tenant = stage
        .ask("PUT", "/v1/tenants/arr", &[OPERATOR], r#"[["arr.>"],["arr.>"]]"#)
        .await;
    assert_eq!(tenant.status, StatusCode::UNPROCESSABLE_ENTITY, "{tenant:?}");
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

/// Routes of tenants, with the role that each needs.
fn of_tenants() -> Vec<(Route, Role)> {
    scopes::needing(|audience| match audience {
        Audience::Tenant(role) => Some(*role),
        Audience::Public | Audience::Bearer | Audience::Operator(_) => None,
    })
}

#[tokio::test]
async fn a_token_of_too_small_a_scope_is_refused_on_every_route_and_does_nothing() {
    let refused = scopes::refuses_what_needs_more(TOKENS, &of_tenants()).await;
    assert!(refused > 10, "the table holds routes for every role");
}

#[tokio::test]
async fn a_token_of_any_scope_sees_another_tenants_path_as_one_that_is_not_there() {
    let stage = Stage::set().await;
    for own in [Role::Read, Role::Deploy, Role::Admin] {
        let made = stage
            .ok(
                "POST",
                "/v1/tenants/bank/tokens",
                json!({ "scope": own }).to_string(),
            )
            .await;
        let token = made.json()["token"].as_str().unwrap().to_owned();
        let before = stage.fake.acts();
        for (route, _) in of_tenants() {
            let answer = stage
                .ask(route.method, &path(&route), &[&token], body(&route))
                .await;
            let asked = format!("{} {} as {own:?}", route.method, route.path);
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{asked}: {answer:?}");
        }
        assert_eq!(stage.fake.acts(), before, "{own:?}: nothing was done");
    }
}

#[tokio::test]
async fn a_token_of_its_scope_is_let_through() {
    scopes::lets_through_what_needs_no_more(TOKENS, &of_tenants()).await;
}

#[tokio::test]
async fn a_token_that_has_ended_or_was_revoked_opens_no_route() {
    let stage = Stage::set().await;
    let (revoked, id) = token(&stage, json!({ "label": "lost" })).await;
    stage.ok("DELETE", &format!("{TOKENS}/{id}"), "").await;
    let before = stage.fake.acts();
    for (route, _) in of_tenants() {
        for method in methods(&route) {
            for token in [&*revoked, ENDED_OF_SHOP] {
                let answer = stage
                    .ask(method.as_str(), &path(&route), &[token], body(&route))
                    .await;
                let asked = format!("{method} {}", route.path);
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{asked}: {answer:?}");
            }
        }
    }
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

#[tokio::test]
async fn a_list_of_tokens_shows_everything_but_the_secrets() {
    let stage = Stage::set().await;
    let (secret, id) = token(
        &stage,
        json!({ "scope": "read", "label": "dashboard", "expires-in": "30d" }),
    )
    .await;
    assert!(secret.len() >= 3 + 64, "256 bits: {secret}");
    let answer = stage.ask("GET", TOKENS, &[&stage.shop], "").await;
    let shown = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!shown.contains("tr_") && !shown.contains("hash"), "{shown}");
    let list = answer.json();
    let known = list
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["id"] == json!(id));
    let known = known.unwrap_or_else(|| panic!("{list}"));
    assert_eq!(
        (&known["scope"], &known["label"]),
        (&json!("read"), &json!("dashboard"))
    );
    let life = known["expires_ms"].as_u64().unwrap() - known["created_ms"].as_u64().unwrap();
    assert_eq!(life, 30 * 24 * 3_600 * 1_000);
}

#[tokio::test]
async fn a_token_of_an_earlier_engine_is_listed_and_can_be_revoked() {
    let stage = Stage::set().await;
    // Written before tokens had ids, labels and roles.
    let list = stage.ok("GET", TOKENS, "").await.json();
    let old = list
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["created_ms"] == json!(1));
    let old = old.unwrap_or_else(|| panic!("{list}"));
    assert_eq!(old["scope"], json!("admin"));
    let id = old["id"].as_str().unwrap();
    stage.ok("DELETE", &format!("{TOKENS}/{id}"), "").await;
    let list = stage.ok("GET", TOKENS, "").await.json();
    assert!(!list.to_string().contains(id), "{list}");
}

#[tokio::test]
async fn nobody_revokes_a_token_of_another_tenant() {
    let stage = Stage::set().await;
    let list = stage.ok("GET", "/v1/tenants/bank/tokens", "").await.json();
    let id = list[0]["id"].as_str().unwrap().to_owned();
    for token in [OPERATOR, &*stage.shop] {
        let answer = stage.ask("DELETE", &format!("{TOKENS}/{id}"), &[token], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    }
    let bank = stage.ask("GET", "/v1/tenants/bank", &[&stage.bank], "").await;
    assert_eq!(bank.status, StatusCode::OK);
}

#[tokio::test]
async fn what_makes_no_sense_of_a_token_is_refused() {
    let stage = Stage::set().await;
    let before = stage.fake.acts();
    for request in [
        json!({ "scope": "operator" }),
        json!({ "expires-in": "0s" }),
        json!({ "expires-in": "soon" }),
        json!({ "expires-in": "90000d" }),
        json!({ "label": "" }),
        json!({ "label": "a\nb" }),
        json!({ "label": "x".repeat(65) }),
        json!({ "rights": "all" }),
    ] {
        let answer = stage.ask("POST", TOKENS, &[OPERATOR], request.to_string()).await;
        assert_eq!(answer.status.as_u16(), 422, "{request}: {answer:?}");
        answer.problem();
    }
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}
