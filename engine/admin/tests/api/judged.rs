//! Each route is asked so that it succeeds; the stage has every answer judged by the description.

use axum::http::StatusCode;
use tailrace_admin::{Audience, Route, routes};

use crate::{
    audit,
    edge::in_time,
    stage::{OPERATOR, PIPELINE, Stage, body, path},
};

/// Routes whose success needs more than a pipeline that lies there.
fn needs_more(route: &Route) -> bool {
    let more = [
        "/tap",
        "/logs",
        "/outputs",
        "/windows/{window}",
        "/joins/{join}",
        "/tables/{table}",
    ];
    more.iter().any(|end| route.path.ends_with(end))
}

#[tokio::test]
async fn every_route_answers_as_the_description_says() {
    for route in routes().iter().filter(|route| !needs_more(route)) {
        let stage = Stage::set().await;
        let (path, body) = if route.method == "GET" || route.brings_data {
            (path(route), body(route))
        } else {
            (audit::prepare(&stage, route).await, audit::change(route).1)
        };
        let token = match route.audience {
            Audience::Tenant(_) | Audience::Bearer => &*stage.shop,
            Audience::Operator(_) | Audience::Public => OPERATOR,
        };
        let answer = stage.ask(route.method, &path, &[token], body).await;
        assert!(answer.status.is_success(), "{} {path}: {answer:?}", route.method);
    }
}

#[tokio::test]
async fn what_runs_and_what_is_published_is_as_the_description_says() {
    let mut stage = Stage::set().await;
    let manifest = format!(
        "{PIPELINE}output: {{ subject: \"results.out.{{window}}.{{key}}\" }}\nwindows:\n  per-minute: {{ over: {{ tumbling: 1m }}, aggregate: {{ n: count }} }}\n"
    )
    .replace("name: clicks", "name: whole");
    let whole = "/v1/tenants/shop/pipelines/whole";
    stage.ok("PUT", whole, manifest).await;
    stage
        .fake
        .broker
        .publish("TR_shop_whole", "results.out.per-minute.a", "{\"n\":1}");
    stage.start_engine();
    for rest in [
        "/outputs",
        "/outputs?follow=true&from=first&limit=1",
        "/windows/per-minute",
        "/tap?limit=0",
        "/logs",
        "/status",
    ] {
        let asked = format!("{whole}{rest}");
        // The engine takes a pipeline up in a moment.
        let answer = in_time(async {
            loop {
                let answer = stage.ask("GET", &asked, &[&stage.shop], "").await;
                if answer.status != StatusCode::CONFLICT {
                    break answer;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(answer.status.is_success(), "{asked}: {answer:?}");
    }
}
