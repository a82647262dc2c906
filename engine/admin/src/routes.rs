//! The table of all routes. The router, the OpenAPI description and the access tests are made from it, so
//! none of them can miss one.

use axum::{
    extract::DefaultBodyLimit,
    routing::{delete, get, post, put},
};
use tailrace_core::registry::Role;

use crate::{
    access::Audience, audit, candidates, dead_letters, graph, input::MAX_PLUGIN_BYTES, openapi, pipelines,
    plugins, probes, queries, route::Route, sketches, tenants, tokens, views,
};

/// What a route takes that takes JSON.
const JSON: &[&str] = &["application/json"];

/// Every route there is.
pub fn routes() -> Vec<Route> {
    let tenant = "/v1/tenants/{tenant}";
    let plugin = "/v1/tenants/{tenant}/plugins/{plugin}/versions/{version}";
    macro_rules! pipeline {
        ($rest:literal) => {
            concat!("/v1/tenants/{tenant}/pipelines/{pipeline}", $rest)
        };
    }
    let public =
        |method, path, summary, handler| Route::new(Audience::Public, method, path, summary, handler);
    // Who looks needs to read; who changes what is an operator's needs the most.
    let operator = |method, path, summary, handler| {
        let role = if method == "GET" { Role::Read } else { Role::Admin };
        Route::new(Audience::Operator(role), method, path, summary, handler)
    };
    let operator_tokens = |method, path, summary, handler| {
        Route::new(Audience::Operator(Role::Admin), method, path, summary, handler)
    };
    // Who looks needs to read, who changes to deploy.
    let own = |method, path, summary, handler| {
        let role = if method == "GET" { Role::Read } else { Role::Deploy };
        Route::new(Audience::Tenant(role), method, path, summary, handler)
    };
    let admin = |method, path, summary, handler| {
        Route::new(Audience::Tenant(Role::Admin), method, path, summary, handler)
    };
    vec![
        public(
            "GET",
            "/healthz",
            "whether the process lives",
            get(probes::health),
        ),
        public(
            "GET",
            "/readyz",
            "whether the engine can serve",
            get(probes::ready),
        ),
        public("GET", "/openapi.json", "this description", get(openapi::describe)),
        public(
            "GET",
            "/v1/schemas/pipeline.json",
            "JSON Schema of a pipeline",
            get(openapi::pipeline_schema),
        ),
        operator("GET", "/metrics", "metrics for Prometheus", get(probes::metrics)),
        operator("GET", "/v1/tenants", "all tenants", get(tenants::list)),
        operator(
            "PUT",
            tenant,
            "make a tenant, or change its grants",
            put(tenants::put),
        )
        .takes(JSON),
        own("GET", tenant, "a tenant", get(tenants::get)),
        operator(
            "DELETE",
            tenant,
            "delete a tenant without pipelines",
            delete(tenants::delete),
        ),
        operator_tokens(
            "GET",
            "/v1/operator/tokens",
            "the operators' tokens, without their secrets",
            get(tokens::list_operators),
        ),
        operator_tokens(
            "POST",
            "/v1/operator/tokens",
            "a new operator's token, shown once",
            post(tokens::make_operators),
        )
        .takes(JSON),
        operator_tokens(
            "DELETE",
            "/v1/operator/tokens/{token}",
            "end an operator's token at once; the last of scope admin stays",
            delete(tokens::revoke_operators),
        ),
        operator(
            "GET",
            "/v1/audit",
            "who changed what, newest first",
            get(audit::all),
        )
        .asks(&["before", "limit"]),
        own(
            "GET",
            "/v1/tenants/{tenant}/audit",
            "who changed what of a tenant, newest first",
            get(audit::of_tenant),
        )
        .asks(&["before", "limit"]),
        admin(
            "GET",
            "/v1/tenants/{tenant}/tokens",
            "a tenant's tokens, without their secrets",
            get(tokens::list),
        ),
        admin(
            "POST",
            "/v1/tenants/{tenant}/tokens",
            "a new token, shown once",
            post(tokens::make),
        )
        .takes(JSON),
        admin(
            "DELETE",
            "/v1/tenants/{tenant}/tokens/{token}",
            "end a token at once",
            delete(tokens::revoke),
        ),
        own(
            "GET",
            "/v1/tenants/{tenant}/plugins",
            "all plugin versions",
            get(plugins::list),
        ),
        own(
            "PUT",
            plugin,
            "upload a plugin version",
            put(plugins::upload).layer(DefaultBodyLimit::max(MAX_PLUGIN_BYTES)),
        )
        .takes(&["application/wasm", "multipart/form-data"]),
        own("GET", plugin, "a plugin version", get(plugins::describe)),
        own(
            "GET",
            "/v1/tenants/{tenant}/pipelines",
            "all pipelines",
            get(pipelines::list),
        ),
        own(
            "GET",
            "/v1/tenants/{tenant}/graph",
            "all pipelines and what feeds what, as a picture",
            get(graph::of_tenant),
        )
        .asks(&["format", "detail"]),
        own(
            "PUT",
            pipeline!(""),
            "apply a pipeline (YAML or JSON)",
            put(pipelines::apply),
        )
        .takes(&["application/yaml", "application/json"])
        .asks(&[
            "force",
            "shadow",
            "canary",
            "max-error-ratio",
            "max-p99",
            "min-events",
        ]),
        own(
            "GET",
            pipeline!(""),
            "a pipeline and its active revision",
            get(pipelines::show),
        ),
        own(
            "DELETE",
            pipeline!(""),
            "delete a pipeline, its state and its outputs",
            delete(pipelines::delete),
        ),
        own(
            "GET",
            pipeline!("/status"),
            "what a pipeline is doing",
            get(pipelines::status),
        ),
        own(
            "GET",
            pipeline!("/graph"),
            "a pipeline's flow as a picture",
            get(graph::of_pipeline),
        )
        .asks(&["format"]),
        own(
            "GET",
            pipeline!("/tap"),
            "samples of a pipeline's calls, as server-sent events",
            get(views::tap),
        )
        .asks(&["step", "key", "limit"]),
        own(
            "GET",
            pipeline!("/logs"),
            "lines of a pipeline's plugins: the last ones, or as server-sent events",
            get(views::logs),
        )
        .asks(&["follow", "lines"]),
        own(
            "POST",
            pipeline!("/pause"),
            "pause a pipeline",
            post(pipelines::pause),
        )
        .takes(JSON),
        own(
            "POST",
            pipeline!("/resume"),
            "let a pipeline go on",
            post(pipelines::resume),
        ),
        own(
            "GET",
            pipeline!("/revisions"),
            "numbers of the kept revisions",
            get(pipelines::revisions),
        ),
        own(
            "GET",
            pipeline!("/revisions/{revision}"),
            "a revision",
            get(pipelines::revision),
        ),
        own(
            "POST",
            pipeline!("/rollback"),
            "make an earlier revision active again",
            post(pipelines::roll_back),
        )
        .takes(JSON),
        own(
            "GET",
            pipeline!("/candidate"),
            "the revision that runs beside the active one, and what was found of it",
            get(candidates::show),
        ),
        own(
            "DELETE",
            pipeline!("/candidate"),
            "end the revision that runs beside the active one",
            delete(candidates::abandon),
        ),
        own(
            "POST",
            pipeline!("/candidate/promote"),
            "make the revision that runs beside the active one active",
            post(candidates::promote),
        ),
        own(
            "GET",
            pipeline!("/steps/{step}/state"),
            "state entries by prefix",
            get(queries::scan),
        )
        .of_what_is_committed()
        .asks(&["prefix", "after", "limit"]),
        own(
            "GET",
            pipeline!("/steps/{step}/state/{key}"),
            "a state entry",
            get(queries::state),
        )
        .of_what_is_committed(),
        own(
            "GET",
            pipeline!("/vectors/{collection}/{id}"),
            "a vector",
            get(queries::vector),
        )
        .of_what_is_committed(),
        own(
            "GET",
            pipeline!("/sketches"),
            "all sketches",
            get(sketches::sketches),
        )
        .of_what_is_committed(),
        own(
            "GET",
            pipeline!("/sketches/{sketch}"),
            "a sketch, with its bound",
            get(sketches::sketch),
        )
        .of_what_is_committed()
        .asks(&["q", "item", "from", "to", "by", "group", "rest"]),
        own(
            "GET",
            pipeline!("/dead-letters"),
            "dead letters, oldest first",
            get(dead_letters::list),
        )
        .asks(&["after", "limit"]),
        own(
            "GET",
            pipeline!("/dead-letters/{letter}"),
            "a dead letter",
            get(dead_letters::show),
        ),
        own(
            "POST",
            pipeline!("/dead-letters/{letter}/redrive"),
            "send a dead letter again",
            post(dead_letters::redrive),
        ),
    ]
}
