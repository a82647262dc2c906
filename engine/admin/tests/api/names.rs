//! What a name in a path may hold: hostile ones are refused at every place of every route, never with
//! a 5xx, and nothing comes of them.

use tailrace_admin::routes;

use crate::stage::{OPERATOR, Stage, body, parameters, path_with};

/// As they stand in a URI.
fn hostile() -> Vec<String> {
    let given = [
        "../x",
        "..",
        ".",
        "%2e%2e%2f",
        "%2e%2e",
        "%2F",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f%2e%2e%2fetc",
        "%252e%252e%252f",
        "..%5c..%5cetc",
        "%00",
        "a%00b",
        "%0d%0aset-cookie:x",
        "%ff%fe",
        "%C3%A4",
        "%EF%BD%93hop",
        "SHOP",
        "Shop",
        "sHop",
        "%D1%95hop",
        "sh%E2%80%8Bop",
        "shop%E2%80%AE",
        "shop%cc%81",
        "CON",
        "con.txt",
        "NUL%20",
        "AUX:",
        "a_b",
        "-a",
        "a-",
        "*",
        "%3E",
        "$JS.API.%3E",
        "tr.shop",
        "shop%20",
        "%",
        "{tenant}",
        "a;b",
    ];
    let long = ["a".repeat(33), "a".repeat(10_000), "%61".repeat(10_000)];
    given.into_iter().map(str::to_owned).chain(long).collect()
}

#[tokio::test]
async fn a_hostile_name_is_refused_at_every_place_of_every_route() {
    let stage = Stage::set().await;
    let shop = stage.shop.clone();
    let before = stage.fake.acts();
    for route in routes() {
        // A subject pattern is no name; what it may be is tested with the rules.
        for parameter in parameters(route.path).into_iter().filter(|of| *of != "subject") {
            for name in hostile() {
                let path = path_with(&route, parameter, &name);
                if path.parse::<axum::http::Uri>().is_err() {
                    continue;
                }
                for token in [OPERATOR, &shop] {
                    let answer = stage.ask(route.method, &path, &[token], body(&route)).await;
                    let shown: String = path.chars().take(200).collect();
                    let refused = matches!(answer.status.as_u16(), 404 | 405 | 422);
                    assert!(refused, "{} {shown}: {} {answer:?}", route.method, answer.status);
                    answer.problem();
                }
            }
        }
    }
    assert_eq!(stage.fake.acts(), before, "nothing came of it");
}

#[tokio::test]
async fn one_validator_refuses_what_is_no_name_wherever_a_name_is_made() {
    let stage = Stage::set().await;
    for route in routes() {
        // What is looked up and never made (steps, collections, sketches, numbers) may be answered with
        // "there is no such", like any other that is not there.
        for parameter in ["tenant", "plugin", "version", "pipeline"] {
            if !parameters(route.path).contains(&parameter) {
                continue;
            }
            for name in hostile() {
                let path = path_with(&route, parameter, &name);
                // What is no URI does not arrive, what has a slash is another route, and what is not
                // UTF-8 is no text.
                let is_text = !name.contains("%ff") && name != "%";
                if path.parse::<axum::http::Uri>().is_err() || name.contains('/') || !is_text {
                    continue;
                }
                let answer = stage.ask(route.method, &path, &[OPERATOR], body(&route)).await;
                let code = answer.problem();
                let shown: String = path.chars().take(200).collect();
                assert_eq!(
                    answer.status.as_u16(),
                    422,
                    "{} {shown}: {answer:?}",
                    route.method
                );
                assert!(
                    matches!(&*code, "invalid-name" | "invalid-version"),
                    "{} {shown}: {code}",
                    route.method
                );
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_called_so() {
    let stage = Stage::set().await;
    for path in [
        "/v1/tenants/%2e%2e%2f",
        "/v1/tenants/SHOP/pipelines",
        "/v1/tenants/shop/pipelines/a_b",
        "/v1/tenants/shop/pipelines/%00/status",
        "/v1/tenants/shop/plugins/../versions/1.0.0",
    ] {
        let answer = stage.ask("GET", path, &[OPERATOR], "").await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (422, "invalid-name"),
            "{path}"
        );
    }
}
