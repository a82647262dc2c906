//! The description of the API, made from the table of routes.

use std::sync::Arc;

use axum::{Extension, Json};
use serde_json::Value;
use tailrace_core::spec::parse::json_schema;
use utoipa::openapi::{
    Components, Content, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref,
    Required, ResponseBuilder,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
    schema::{ObjectBuilder, Schema, Type},
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use crate::{access::Audience, route::Route};

/// The description, which the router attaches to the requests that ask for it.
pub(crate) type Description = Arc<OpenApi>;

pub(crate) async fn describe(Extension(description): Extension<Description>) -> Json<Description> {
    Json(description)
}

pub(crate) async fn pipeline_schema() -> Json<Value> {
    Json(json_schema())
}

/// Describes these routes.
pub(crate) fn document(routes: &[Route]) -> OpenApi {
    let mut paths = PathsBuilder::new();
    for route in routes {
        paths = paths.path(route.path, PathItem::new(method(route.method), operation(route)));
    }
    let info = InfoBuilder::new()
        .title("Tailrace")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Tenants, plugins, pipelines, and queries of what they have computed.",
        ));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths.build())
        .components(Some(components()))
        .build()
}

fn method(name: &str) -> HttpMethod {
    match name {
        "PUT" => HttpMethod::Put,
        "POST" => HttpMethod::Post,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route) -> utoipa::openapi::path::Operation {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let failed = ResponseBuilder::new()
        .description("a problem (RFC 9457)")
        .content("application/problem+json", problem);
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(route)))
        .summary(Some(route.summary))
        .response("2XX", ResponseBuilder::new().description(route.summary).build())
        .response("default", failed.build());
    for name in path_parameters(route.path) {
        operation = operation.parameter(parameter(name, ParameterIn::Path, Required::True));
    }
    for name in route.queries {
        operation = operation.parameter(parameter(name, ParameterIn::Query, Required::False));
    }
    if !route.bodies.is_empty() {
        operation = operation.request_body(Some(body(route)));
    }
    if route.audience != Audience::Public {
        operation = operation.security(SecurityRequirement::new::<_, [&str; 0], &str>("token", []));
    }
    operation.build()
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

fn parameter(name: &str, place: ParameterIn, required: Required) -> ParameterBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .schema(Some(text))
}

fn body(route: &Route) -> RequestBody {
    let kinds = route.bodies.iter().fold(RequestBodyBuilder::new(), |body, kind| {
        let schema = (*kind == "multipart/form-data").then(upload_form);
        body.content(*kind, Content::new(schema))
    });
    kinds.description(Some(route.summary)).build()
}

/// The one form that there is.
fn upload_form() -> Schema {
    let part = |description: &str| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(description))
    };
    let form = ObjectBuilder::new()
        .property("plugin", part("the component, or the core module that cargo made"))
        .property(
            "config",
            part("JSON; the plugin is configured with it, and if it refuses, nothing is kept"),
        )
        .property(
            "event",
            part("payload of an event; it is processed on empty state with every grant, and the answer tells verdict, fuel and time"),
        )
        .required("plugin");
    Schema::Object(form.build())
}

fn components() -> Components {
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let problem = ObjectBuilder::new()
        .property("type", text())
        .property("title", text())
        .property("status", ObjectBuilder::new().schema_type(Type::Integer).build())
        .property("detail", text())
        .property("code", text())
        .property("field", text())
        .required("code")
        .required("detail");
    let mut components = Components::new();
    components
        .schemas
        .insert("Problem".to_owned(), problem.build().into());
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    components.add_security_scheme("token", bearer);
    components
}
