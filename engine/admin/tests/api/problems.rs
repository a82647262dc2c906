//! What a refusal looks like: a problem that names the thing, whatever refused it, and never anything
//! of the host's.

use axum::http::StatusCode;
use tailrace_admin::routes;
use tailrace_testing::{link::ADDRESS, store::FOLDER};

use crate::stage::{OPERATOR, PIPELINE, Stage, path};

const CLICKS: &str = "/v1/tenants/shop/pipelines/clicks";

#[tokio::test]
async fn an_unknown_route_is_a_problem_that_says_where_to_look() {
    let stage = Stage::set().await;
    for path in [
        "/",
        "/v1",
        "/v1/tenants/",
        "/v2/tenants",
        "/v1/tenants/shop/nothing",
        "/healthz/x",
    ] {
        let answer = stage.ask("GET", path, &[OPERATOR], "").await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (StatusCode::NOT_FOUND, "not-found"),
            "{path}"
        );
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .contains("/openapi.json"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_says_which_are_right() {
    let stage = Stage::set().await;
    for route in routes() {
        let answer = stage.ask("PATCH", &path(&route), &[OPERATOR], "").await;
        assert_eq!(answer.problem(), "method-not-allowed", "{}", route.path);
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(
            answer.header("allow").contains(route.method),
            "{} {answer:?}",
            route.path
        );
    }
}

#[tokio::test]
async fn a_wrong_query_is_a_problem_that_names_the_parameter() {
    let stage = Stage::set().await;
    for (path, name) in [
        ("/dead-letters?after=x", "after"),
        ("/dead-letters?limit=-1", "limit"),
        ("/dead-letters?afterr=1", "afterr"),
        ("/steps/count/state?limit=many", "limit"),
        ("/steps/count/state?prefiks=a", "prefiks"),
        ("/sketches/amounts?q=2", "q="),
        ("/sketches/amounts?q=0.5,NaN", "q="),
        ("/sketches/amounts?quantile=1", "quantile"),
        ("/sketches/amounts?from=yesterday", "from="),
        ("/sketches/amounts?to=1h", "to="),
        ("/sketches/amounts?by=true&group=en", "group="),
        ("/sketches/amounts?rest=everything", "rest"),
    ] {
        let answer = stage
            .ask("GET", &format!("{CLICKS}{path}"), &[OPERATOR], "")
            .await;
        assert_eq!(answer.problem(), "invalid-query", "{path}");
        assert!(answer.status.is_client_error(), "{path}");
        assert!(
            answer.json()["detail"].as_str().unwrap().contains(name),
            "{path}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_field_is_named_by_its_path() {
    let stage = Stage::set().await;
    for (from, to, field) in [
        ("partitions", "partitons: 1 #", "partitons"),
        ("name: clicks", "name: clacks", "name"),
        ("[state]", "[]", "steps[0].grants"),
        ("counter@1.0.0", "counter@9.0.0", "steps[0].plugin"),
    ] {
        let wrong = format!("partitions: 1\n{}", PIPELINE.trim()).replacen(from, to, 1);
        let answer = stage.ask("PUT", CLICKS, &[OPERATOR], wrong).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-pipeline")
        );
        assert_eq!(answer.json()["field"], field, "{answer:?}");
    }
}

#[tokio::test]
async fn each_error_of_the_control_plane_has_its_status() {
    let stage = Stage::set().await;
    let plugin = "/v1/tenants/shop/plugins/counter/versions/1.0.0";
    for (method, path, body, status, code) in [
        ("GET", "/v1/tenants/nobody", "", 404, "not-found"),
        ("GET", "/v1/tenants/shop/pipelines/none", "", 404, "not-found"),
        (
            "POST",
            "/v1/tenants/shop/pipelines/none/pause",
            "",
            404,
            "not-found",
        ),
        (
            "GET",
            "/v1/tenants/shop/pipelines/clicks/revisions/9",
            "",
            404,
            "not-found",
        ),
        (
            "GET",
            "/v1/tenants/shop/pipelines/clicks/revisions/x",
            "",
            404,
            "not-found",
        ),
        (
            "GET",
            "/v1/tenants/shop/pipelines/clicks/dead-letters/8",
            "",
            404,
            "not-found",
        ),
        (
            "POST",
            "/v1/tenants/shop/pipelines/clicks/dead-letters/8/redrive",
            "",
            404,
            "not-found",
        ),
        (
            "GET",
            "/v1/tenants/shop/pipelines/clicks/steps/none/state/json",
            "",
            404,
            "not-found",
        ),
        (
            "GET",
            "/v1/tenants/shop/pipelines/clicks/sketches/none",
            "",
            404,
            "not-found",
        ),
        (
            "GET",
            "/v1/tenants/shop/pipelines/clicks/vectors/none/u1",
            "",
            404,
            "not-found",
        ),
        ("PUT", plugin, "\0asm other", 409, "conflict"),
        (
            "PUT",
            "/v1/tenants/shop/plugins/p/versions/1.0.0",
            "no wasm",
            422,
            "invalid-plugin",
        ),
        (
            "PUT",
            "/v1/tenants/shop/plugins/p/versions/1",
            "\0asm",
            422,
            "invalid-version",
        ),
        (
            "PUT",
            "/v1/tenants/shop",
            r#"{"read":[">"],"write":[]}"#,
            422,
            "invalid-request",
        ),
        ("PUT", "/v1/tenants/shop", r#"{"reads":[]}"#, 422, "invalid-body"),
        ("DELETE", "/v1/tenants/shop", "", 409, "conflict"),
    ] {
        let answer = stage.ask(method, path, &[OPERATOR], body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (status, code),
            "{method} {path}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_said() {
    let stage = Stage::set().await;
    let request = r#"{"read":["shop.>"],"write":[],"quotas":{"plugins":1}}"#;
    stage.ok("PUT", "/v1/tenants/shop", request).await;
    let path = "/v1/tenants/shop/plugins/counter/versions/2.0.0";
    let answer = stage.ask("PUT", path, &[&stage.shop], "\0asm two").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (StatusCode::FORBIDDEN, "quota-exceeded")
    );
}

#[tokio::test]
async fn a_failure_of_ours_shows_nothing_of_the_host() {
    let stage = Stage::set().await;
    let answer = stage
        .ask(
            "GET",
            &format!("{CLICKS}/steps/count/state/damaged"),
            &[&stage.shop],
            "",
        )
        .await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, "internal")
    );
    assert!(
        !String::from_utf8_lossy(&answer.body).contains(FOLDER),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_broker_that_is_away_is_503_and_its_address_stays_here() {
    let stage = Stage::set().await;
    stage.fake.broker.link().set_connected(false);
    for path in ["/readyz", &format!("{CLICKS}/dead-letters")] {
        let answer = stage.ask("GET", path, &[&stage.shop], "").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        answer.problem();
        assert!(
            !String::from_utf8_lossy(&answer.body).contains(ADDRESS),
            "{answer:?}"
        );
    }
    assert_eq!(
        stage.ask("GET", "/healthz", &[], "").await.status,
        StatusCode::OK,
        "the process lives"
    );
}

#[tokio::test]
async fn every_answer_can_be_found_in_the_log() {
    let stage = Stage::set().await;
    let mut ids = Vec::new();
    for path in ["/healthz", "/nothing", "/v1/tenants", "/openapi.json"] {
        ids.push(
            stage
                .ask("GET", path, &[], "")
                .await
                .header("tr-request-id")
                .to_owned(),
        );
    }
    ids.sort();
    ids.dedup();
    assert!(ids.len() == 4 && !ids[0].is_empty(), "{ids:?}");
}
