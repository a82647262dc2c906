//! Who may do what: every route of the table with every kind of wrong token.

use axum::http::StatusCode;
use tailrace_admin::{Audience, Route, routes};

use crate::stage::{ENDED, OPERATOR, Stage, body, methods, parameters, path, path_with};

#[tokio::test]
async fn without_a_valid_token_every_route_answers_401_and_does_nothing() {
    let stage = Stage::set().await;
    let wrong: [&[String]; 10] = [
        &[],
        &["Bearer tr_wrong".into()],
        &[format!("Bearer {ENDED}")],
        &[format!("Bearer {OPERATOR}"), "Bearer tr_wrong".into()],
        &[format!("Bearer {OPERATOR}"), format!("Bearer {OPERATOR}")],
        &[format!("Bearer {}", stage.shop), format!("Bearer {}", stage.bank)],
        &[format!("Basic {OPERATOR}")],
        &[OPERATOR.into()],
        &["Bearer".into()],
        &["Bearer ".into()],
    ];
    let before = stage.fake.acts();
    let mut bodies = Vec::new();
    for route in routes().iter().filter(|route| route.audience != Audience::Public) {
        for method in methods(route) {
            for headers in wrong {
                let answer = stage
                    .send(
                        method.as_str(),
                        &path(route),
                        headers.iter().cloned(),
                        body(route),
                    )
                    .await;
                let asked = format!("{method} {} {headers:?}", route.path);
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{asked}");
                assert_eq!(answer.header("www-authenticate"), "Bearer", "{asked}");
                if !answer.body.is_empty() {
                    assert_eq!(answer.problem(), "unauthorized", "{asked}");
                    bodies.push(answer.body);
                }
            }
        }
    }
    bodies.dedup();
    assert_eq!(
        bodies.len(),
        1,
        "the answer does not tell a missing token from a wrong one"
    );
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

#[tokio::test]
async fn another_tenants_path_is_the_very_path_of_a_tenant_that_does_not_exist() {
    let stage = Stage::set().await;
    let before = stage.fake.acts();
    let of_somebody = |route: &&Route| !matches!(route.audience, Audience::Public | Audience::Bearer);
    for route in routes().iter().filter(of_somebody) {
        for method in methods(route) {
            let ask = |path: String| {
                let (stage, method) = (&stage, method.clone());
                async move {
                    stage
                        .ask(method.as_str(), &path, &[&stage.bank], body(route))
                        .await
                }
            };
            let foreign = ask(path(route)).await;
            let missing = ask(path_with(route, "tenant", "nobody")).await;
            let asked = format!("{method} {}", route.path);
            assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{asked}");
            assert_eq!(
                (foreign.status, &foreign.body),
                (missing.status, &missing.body),
                "{asked}"
            );
        }
    }
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

#[tokio::test]
async fn a_tenant_cannot_do_an_operators_work_on_itself() {
    let stage = Stage::set().await;
    let before = stage.fake.acts();
    for route in routes()
        .iter()
        .filter(|route| matches!(route.audience, Audience::Operator(_)))
    {
        let answer = stage
            .ask(route.method, &path(route), &[&stage.shop], body(route))
            .await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (StatusCode::NOT_FOUND, "not-found"),
            "{}",
            route.path
        );
    }
    assert_eq!(stage.fake.acts(), before, "nothing was done");
}

/// Whether a route shows what runs, so that it needs a running engine: see `views`; or what is published, and this
/// stage's pipeline publishes nothing: see `by_hand`.
fn is_view(route: &Route) -> bool {
    let views = ["/tap", "/logs", "/outputs"];
    views.iter().any(|view| route.path.ends_with(view))
}

#[tokio::test]
async fn every_route_serves_those_whom_it_is_for() {
    for route in routes() {
        let stage = Stage::set().await;
        let token = match route.audience {
            Audience::Public | Audience::Operator(_) => OPERATOR,
            Audience::Tenant(_) | Audience::Bearer => &*stage.shop,
        };
        let answer = stage
            .ask(route.method, &path(&route), &[token], body(&route))
            .await;
        let expected = match (route.method, route.path) {
            // A pipeline names it.
            ("DELETE", path) if path.contains("/plugins/") => answer.status == StatusCode::CONFLICT,
            // It still has a pipeline.
            ("DELETE", "/v1/tenants/{tenant}") => answer.status == StatusCode::CONFLICT,
            // There is no such token; see `tokens`.
            ("DELETE", path) if path.ends_with("/tokens/{token}") => answer.status == StatusCode::NOT_FOUND,
            // No revision runs beside the active one; see `audit`.
            (method, path) if method != "GET" && path.contains("/candidate") => {
                answer.status == StatusCode::CONFLICT
            }
            // There is no revision before the first.
            (_, path) if path.ends_with("/rollback") => answer.status == StatusCode::CONFLICT,
            // Nothing runs beside the active revision.
            ("POST" | "DELETE", path) if path.contains("/candidate") => answer.status == StatusCode::CONFLICT,
            ("GET", path) if is_not_declared(path) => answer.status == StatusCode::NOT_FOUND,
            // No engine runs on this stage, and its pipeline publishes nothing.
            _ if is_view(&route) => answer.status == StatusCode::CONFLICT,
            _ => answer.status.is_success(),
        };
        assert!(expected, "{} {}: {answer:?}", route.method, route.path);
    }
}

/// The stage's pipeline has neither windows nor joins nor tables.
fn is_not_declared(path: &str) -> bool {
    let ends = ["/windows/{window}", "/joins/{join}", "/tables/{table}"];
    ends.iter().any(|end| path.ends_with(end))
}

#[tokio::test]
async fn an_operator_may_do_a_tenants_work() {
    let stage = Stage::set().await;
    for route in routes()
        .iter()
        .filter(|route| matches!(route.audience, Audience::Tenant(_)) && route.method == "GET")
        .filter(|route| !is_view(route))
        .filter(|route| !is_not_declared(route.path))
    {
        stage.ok("GET", &path(route), "").await;
    }
}

#[tokio::test]
async fn a_token_is_gone_with_its_tenant() {
    let stage = Stage::set().await;
    let token = [&*stage.bank];
    let look = || stage.ask("GET", "/v1/tenants/bank", &token, "");
    assert_eq!(look().await.status, StatusCode::OK);
    stage.ok("DELETE", "/v1/tenants/bank", "").await;
    assert_eq!(look().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_scheme_of_a_token_may_be_written_in_any_case() {
    let stage = Stage::set().await;
    let answer = stage
        .send("GET", "/v1/tenants", [format!("bearer {OPERATOR}")], "")
        .await;
    assert_eq!(answer.status, StatusCode::OK, "RFC 9110, section 11.1");
}

#[tokio::test]
async fn no_answer_holds_a_tenants_seed() {
    let stage = Stage::set().await;
    for route in routes()
        .iter()
        .filter(|route| route.method == "GET" && parameters(route.path).len() <= 1)
    {
        let answer = stage.ok("GET", &path(route), "").await;
        assert!(
            !String::from_utf8_lossy(&answer.body).contains("seed"),
            "{}",
            route.path
        );
    }
}
