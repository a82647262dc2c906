//! The console beside the API: everybody gets its files, always under its policy, and it stands in no table.
//! Whether it was built does not matter here; `tailrace-console` tests what it answers.

use axum::http::StatusCode;
use tailrace_admin::routes;

use crate::stage::Stage;

#[tokio::test]
async fn everybody_gets_the_console_under_its_policy() {
    let stage = Stage::set().await;
    for path in ["/console/", "/console/t/shop/p/clicks", "/console/assets/gone.js"] {
        let answer = stage.ask("GET", path, &[], "").await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let told = [
            StatusCode::OK,
            StatusCode::NOT_FOUND,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        assert!(told.contains(&answer.status), "{path}: {}", answer.status);
    }
}

#[tokio::test]
async fn the_address_without_a_slash_leads_to_the_console() {
    let stage = Stage::set().await;
    let answer = stage.ask("GET", "/console", &[], "").await;
    assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(answer.header("location"), "/console/");
}

#[tokio::test]
async fn the_console_takes_nothing_but_get() {
    let stage = Stage::set().await;
    let answer = stage.ask("POST", "/console/", &[], "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn no_route_of_the_api_is_the_consoles() {
    assert!(routes().iter().all(|route| !route.path.starts_with("/console")));
}
