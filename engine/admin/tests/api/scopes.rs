//! What a token of each scope may do on the routes of the table, whoever it is of.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tailrace_admin::{Audience, Route, routes};
use tailrace_core::registry::Role;

use crate::stage::{Stage, body, path};

/// A new token, made under this path, and its id.
pub async fn token(stage: &Stage, tokens: &str, request: Value) -> (String, String) {
    let made = stage.ok("POST", tokens, request.to_string()).await.json();
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

/// The routes for some, with the role that each needs.
pub fn needing(role_of: impl Fn(&Audience) -> Option<Role>) -> Vec<(Route, Role)> {
    let needed = |route: Route| role_of(&route.audience).map(|role| (route, role));
    routes().into_iter().filter_map(needed).collect()
}

/// Every route that needs more is refused, and nothing is done; gives how many there were.
pub async fn refuses_what_needs_more(tokens: &str, routes: &[(Route, Role)]) -> usize {
    let stage = Stage::set().await;
    let mut refused = 0;
    for own in [Role::Read, Role::Deploy] {
        let (token, _) = token(&stage, tokens, json!({ "scope": own })).await;
        let before = stage.fake.acts();
        for (route, _) in routes.iter().filter(|(_, needed)| *needed > own) {
            let answer = stage
                .ask(route.method, &path(route), &[&token], body(route))
                .await;
            let asked = format!("{} {} as {own:?}", route.method, route.path);
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{asked}: {answer:?}");
            assert_eq!(answer.problem(), "forbidden", "{asked}");
            refused += 1;
        }
        assert_eq!(stage.fake.acts(), before, "{own:?}: nothing was done");
    }
    refused
}

/// Every route that needs no more is let through.
pub async fn lets_through_what_needs_no_more(tokens: &str, routes: &[(Route, Role)]) {
    for own in [Role::Read, Role::Deploy] {
        for (route, _) in routes.iter().filter(|(_, needed)| *needed <= own) {
            let stage = Stage::set().await;
            let (token, _) = token(&stage, tokens, json!({ "scope": own })).await;
            let answer = stage
                .ask(route.method, &path(route), &[&token], body(route))
                .await;
            let barred = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
            let asked = format!("{} {} as {own:?}", route.method, route.path);
            assert!(!barred.contains(&answer.status), "{asked}: {answer:?}");
        }
    }
}
