//! The generator of `docs/reference/openapi.json`: the description that the API serves. The console's types are
//! made from that file, so a route that changes breaks the console's build.

use serde_json::Map;

use crate::{document_types::DocumentTypes, openapi::document, routes::routes};

#[test]
fn the_description_is_in_the_reference() {
    let text = serde_json::to_string_pretty(&document(&routes())).expect("a description is JSON");
    tailrace_reference::file("openapi.json", &text);
}

#[test]
fn the_table_names_the_query_parameters_that_handlers_take() {
    for route in routes() {
        let mut types = DocumentTypes::new();
        let spoken = (route.describe)(&mut types);
        let taken = spoken.query.map_or_else(Map::new, |query| {
            query["properties"].as_object().cloned().unwrap_or_default()
        });
        let mut taken: Vec<&str> = taken.keys().map(String::as_str).collect();
        let mut named = route.queries.to_vec();
        taken.sort_unstable();
        named.sort_unstable();
        assert_eq!(taken, named, "{} {}", route.method, route.path);
    }
}

#[test]
fn every_body_in_json_and_every_answer_has_a_schema() {
    let document = document(&routes());
    for route in routes() {
        let shown = format!("{} {}", route.method, route.path);
        let operation = &document["paths"][route.path][route.method.to_ascii_lowercase()];
        for kind in route.bodies {
            let schema = &operation["requestBody"]["content"][kind]["schema"];
            assert!(
                schema["$ref"].is_string() || schema["type"].is_string(),
                "{shown}: {schema}"
            );
        }
        for (status, response) in operation["responses"].as_object().into_iter().flatten() {
            for (kind, content) in response["content"].as_object().into_iter().flatten() {
                assert!(content["schema"].is_object(), "{shown} {status} {kind}");
            }
        }
    }
}
