//! What a refusal looks like: a problem that names the thing, whatever refused it, and never anything
//! of the host's.

use std::fmt::Write as _;

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

#[tokio::test]
async fn all_mistakes_of_a_manifest_are_told_at_once_with_their_places() {
    let stage = Stage::set().await;
    let mistakes = async |manifest: &str| {
        let refused = stage
            .ask("PUT", CLICKS, &[&stage.shop], manifest.to_owned())
            .await;
        assert_eq!(refused.problem(), "invalid-pipeline");
        let body = refused.json();
        assert_eq!(body["field"], body["mistakes"][0]["field"], "{body}");
        let mistakes = body["mistakes"].as_array().unwrap().clone();
        let told = mistakes.iter().map(|mistake| {
            let at = |name: &str| mistake[name].as_u64().unwrap();
            (
                mistake["field"].as_str().unwrap().to_owned(),
                at("line"),
                at("column"),
            )
        });
        told.collect::<Vec<_>>()
    };
    let expect = |expected: &[(&str, u64, u64)]| {
        let expected = expected
            .iter()
            .map(|(field, line, column)| ((*field).to_owned(), *line, *column));
        expected.collect::<Vec<_>>()
    };
    // What does not read.
    let found = mistakes("name: clicks\ninput: { subjects: [shop.>] }\nstep: []\npartitions: two\n").await;
    assert_eq!(found, expect(&[("step", 3, 1), ("partitions", 4, 13)]));
    // What cannot work by itself, and plugins that are not there.
    let found = mistakes(
        "name: clicks\ninput: { stream: SHOP, subjects: [shop.>] }\npartitions: 99\nsteps:\n  - { name: a, plugin: nobody@1.0.0 }\n  - name: b\n    plugin: counter@1.0.0\nrate: { events: { limit: 0 } }\n",
    )
    .await;
    let expected = [
        ("partitions", 3, 13),
        ("steps[0].plugin", 5, 24),
        ("steps[1].grants", 6, 5),
        ("rate.events.limit", 8, 26),
    ];
    assert_eq!(found, expect(&expected));
    // What does not fit what is there.
    let found = mistakes(
        "name: clicks\ninput: { stream: NOPE, subjects: [shop.>] }\nsteps:\n  - { name: a, plugin: nobody@1.0.0 }\noutput: { subject: results.out, schema: { name: nothing } }\n",
    )
    .await;
    let fields: Vec<&str> = found.iter().map(|(field, ..)| &**field).collect();
    assert_eq!(
        fields,
        ["input.stream", "steps[0].plugin", "output.schema"],
        "{found:?}"
    );
    let broken = stage
        .ask("PUT", CLICKS, &[&stage.shop], "name: clicks\ninput: [1\n")
        .await
        .json();
    assert_eq!(broken["mistakes"][0]["line"], 2, "{broken}");
    assert!(
        broken["detail"].as_str().unwrap().contains("`[` is not closed"),
        "{broken}"
    );
}

#[tokio::test]
async fn many_long_mistakes_have_an_end() {
    let stage = Stage::set().await;
    let mut text = "name: clicks\ninput: { subjects: [shop.>] }\n".to_owned();
    for number in 0..5_000 {
        writeln!(text, "{}{number}: 1", "x".repeat(90)).unwrap();
    }
    let refused = stage.ask("PUT", CLICKS, &[&stage.shop], text).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["mistakes"].as_array().map(Vec::len), Some(20));
    assert!(refused.body.len() < 20_000, "{}", refused.body.len());
}
