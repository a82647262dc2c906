//! The description of the API: the table of routes says paths, audiences and media types, and the handlers' types say
//! what is taken and given.

use std::sync::Arc;

use axum::{Extension, Json};
use serde_json::{Map, Value, json};
use tailrace_core::{manifest::parse::json_schema, name::Name};

use crate::{
    access::Audience,
    described::{Given, Spoken},
    document_types::{Components, DocumentTypes},
    problem::Problem,
    route::Route,
};

/// The description, which the router attaches to the requests that ask for it.
pub(crate) type Description = Arc<Value>;

pub(crate) async fn describe(Extension(description): Extension<Description>) -> Json<Description> {
    Json(description)
}

pub(crate) async fn pipeline_schema() -> Json<Value> {
    Json(json_schema())
}

/// What many routes have.
struct Common {
    /// Every refusal.
    problem: Value,
    /// A name in a path.
    name: Value,
}

/// Describes these routes.
pub(crate) fn document(routes: &[Route]) -> Value {
    let mut types = DocumentTypes::new();
    let spoken: Vec<Spoken> = routes.iter().map(|route| (route.describe)(&mut types)).collect();
    let common = Common {
        problem: types.given::<Problem>(),
        name: types.given::<Name>(),
    };
    let components = types.components();
    let mut paths = Map::new();
    for (route, spoken) in routes.iter().zip(spoken) {
        let operation = operation(route, spoken, &components, &common);
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tailrace",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Tenants, plugins, pipelines, and queries of what they have computed.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": components.schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(route: &Route, spoken: Spoken, components: &Components, common: &Common) -> Value {
    let mut parameters: Vec<Value> = path_parameters(route.path)
        .map(|name| path_parameter(name, &common.name))
        .collect();
    let query = spoken.query.map(|query| components.settle(query));
    let asked = route.queries.iter();
    parameters.extend(asked.map(|name| query_parameter(name, query.as_ref())));
    parameters.extend(
        spoken
            .headers
            .iter()
            .map(|(name, meaning)| header_parameter(name, meaning)),
    );
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "responses": responses(route, &spoken.answers, &common.problem),
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if !route.bodies.is_empty() {
        let body = spoken.body.map(|body| components.settle(body));
        operation["requestBody"] = request_body(route, body.as_ref(), components);
    }
    if route.audience != Audience::Public {
        operation["security"] = json!([{ "token": [] }]);
    }
    operation
}

/// Stable, and unique because method and path are: `put-v1-tenants-tenant`.
fn operation_id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .fold(route.method.to_ascii_lowercase(), |id, word| id + "-" + word)
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str, a_name: &Value) -> Value {
    let schema = match name {
        "revision" | "letter" => json!({ "type": "integer", "minimum": 0 }),
        "tenant" | "plugin" | "pipeline" | "stream" | "schema" => a_name.clone(),
        _ => json!({ "type": "string" }),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

/// A parameter of the query, as the type of the query has it.
fn query_parameter(name: &str, query: Option<&Value>) -> Value {
    let mut schema = query.map_or(Value::Null, |query| query["properties"][name].clone());
    not_null(&mut schema);
    let needed = query.and_then(|query| query["required"].as_array());
    let is_needed = needed.is_some_and(|needed| needed.iter().any(|it| it == name));
    let mut parameter = json!({ "name": name, "in": "query", "required": is_needed });
    if let Some(said) = schema
        .as_object_mut()
        .and_then(|schema| schema.remove("description"))
    {
        parameter["description"] = said;
    }
    parameter["schema"] = schema;
    parameter
}

/// What may be left out of a query is never null in it.
fn not_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [only] = &types[..] {
            schema["type"] = only.clone();
        }
    }
    if let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|choice| choice["type"] != "null");
        if let [only] = &choices[..] {
            let mut only = only.clone();
            if let Some(said) = schema.get("description") {
                only["description"] = said.clone();
            }
            *schema = only;
        }
    }
    if let Some(schema) = schema.as_object_mut()
        && schema.get("default").is_some_and(Value::is_null)
    {
        schema.remove("default");
    }
}

fn header_parameter(name: &str, meaning: &str) -> Value {
    json!({
        "name": name, "in": "header", "required": false, "description": meaning,
        "schema": { "type": "string" },
    })
}

fn request_body(route: &Route, body: Option<&Value>, components: &Components) -> Value {
    let whole = body.map(|body| components.resolve(body));
    let needs = whole.and_then(|whole| whole["required"].as_array());
    // JSON that needs nothing may be left out.
    let is_needed = body.is_none() || needs.is_some_and(|needs| !needs.is_empty());
    let content: Map<String, Value> = route
        .bodies
        .iter()
        .map(|kind| ((*kind).to_owned(), json!({ "schema": content(kind, body) })))
        .collect();
    json!({ "description": route.summary, "required": is_needed, "content": content })
}

fn content(kind: &str, body: Option<&Value>) -> Value {
    match (kind, body) {
        ("multipart/form-data", _) => upload_form(),
        ("application/json" | "application/yaml", Some(body)) => body.clone(),
        ("application/wasm", _) => json!({ "type": "string", "format": "binary" }),
        _ => json!({ "type": "string" }),
    }
}

/// The one form that there is.
fn upload_form() -> Value {
    let part = |format: &str, said: &str| json!({ "type": "string", "format": format, "description": said });
    json!({
        "type": "object",
        "properties": {
            "plugin": part("binary", "The component, or the core module that cargo made."),
            "config": part("binary", "JSON; the plugin is configured with it, and if it refuses, nothing is kept."),
            "event": part(
                "binary",
                "Payload of an event; it is processed on empty state with every grant, and the answer tells verdict, fuel and time.",
            ),
        },
        "required": ["plugin"],
    })
}

fn responses(route: &Route, answers: &[Given], problem: &Value) -> Value {
    let mut responses = Map::new();
    for given in answers {
        let mut response = json!({ "description": route.summary });
        if !given.kinds.is_empty() {
            let kinds = given.kinds.iter();
            let content: Map<String, Value> = kinds
                .map(|(kind, schema)| ((*kind).to_owned(), json!({ "schema": schema })))
                .collect();
            response["content"] = content.into();
        }
        if !given.headers.is_empty() {
            let headers: Map<String, Value> = given
                .headers
                .iter()
                .map(|(name, said)| {
                    let header = json!({ "description": said, "schema": { "type": "string" } });
                    ((*name).to_owned(), header)
                })
                .collect();
            response["headers"] = headers.into();
        }
        responses.insert(given.status.to_string(), response);
    }
    if route.is_query {
        let said = "nothing has changed since the answer with the tag of `If-None-Match`";
        responses.insert("304".to_owned(), json!({ "description": said }));
    }
    let failed = json!({
        "description": "a problem (RFC 9457)",
        "content": { "application/problem+json": { "schema": problem } },
    });
    responses.insert("default".to_owned(), failed);
    responses.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_left_out_of_a_query_is_not_null() {
        let mut plain = json!({ "type": ["string", "null"], "default": null });
        not_null(&mut plain);
        assert_eq!(plain, json!({ "type": "string" }));
        let mut named = json!({ "anyOf": [{ "$ref": "#/a" }, { "type": "null" }], "description": "b" });
        not_null(&mut named);
        assert_eq!(named, json!({ "$ref": "#/a", "description": "b" }));
    }
}
