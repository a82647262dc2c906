//! The table of all routes. The router, the OpenAPI description and the access tests are made from it, so
//! none of them can miss one.
//!
//! Why: docs/decisions/0039-rights-in-the-table-of-routes.md

mod of_a_pipeline;

use tailrace_core::registry::Role;

use crate::{
    access::Audience,
    audit,
    described::{delete, get, post, put},
    doctor, events, graph,
    input::{MAX_EVENTS_BYTES, MAX_PLUGIN_BYTES},
    openapi, operators, pipelines, plugins, probes,
    route::Route,
    schemas, streams, tenants, tokens, whoami,
};

/// Every route there is.
pub fn routes() -> Vec<Route> {
    let tenant = "/v1/tenants/{tenant}";
    let plugin = "/v1/tenants/{tenant}/plugins/{plugin}/versions/{version}";
    let component = "/v1/tenants/{tenant}/plugins/{plugin}/versions/{version}/component";
    let stream = "/v1/tenants/{tenant}/streams/{stream}";
    macro_rules! schema {
        ($rest:literal) => {
            concat!("/v1/tenants/{tenant}/schemas/{schema}", $rest)
        };
    }
    let public =
        |method, path, summary, handler| Route::new(Audience::Public, method, path, summary, handler);
    // Reading needs the role read. Changing operators' things needs admin.
    let operator = |method, path, summary, handler| {
        let role = if method == "GET" { Role::Read } else { Role::Admin };
        Route::new(Audience::Operator(role), method, path, summary, handler)
    };
    let operator_tokens = |method, path, summary, handler| {
        Route::new(Audience::Operator(Role::Admin), method, path, summary, handler)
    };
    let admin = |method, path, summary, handler| {
        Route::new(Audience::Tenant(Role::Admin), method, path, summary, handler)
    };
    let mut all = vec![
        public(
            "GET",
            "/healthz",
            "tell that the process is alive",
            get(probes::health),
        ),
        public(
            "GET",
            "/readyz",
            "tell whether the engine can serve",
            get(probes::ready),
        ),
        public(
            "GET",
            "/openapi.json",
            "get the OpenAPI description of this API",
            get(openapi::describe),
        ),
        public(
            "GET",
            "/v1/schemas/pipeline.json",
            "get the JSON Schema of a pipeline manifest",
            get(openapi::pipeline_schema),
        ),
        operator(
            "GET",
            "/metrics",
            "get the metrics for Prometheus",
            get(probes::metrics),
        ),
        operator(
            "GET",
            "/v1/doctor",
            "find what is not as it should be, and what mends it",
            get(doctor::examine),
        ),
        operator(
            "POST",
            "/v1/doctor/fix",
            "mend what can be mended without a person's judgement",
            post(doctor::fix),
        )
        .asks(&["accept-registry-loss"]),
        operator(
            "GET",
            "/v1/engines",
            "list the engines that are alive, with their shares of the partitions",
            get(operators::engines),
        ),
        operator(
            "GET",
            "/v1/streams",
            "list the streams of a NATS account, with their replicas",
            get(operators::streams),
        )
        .asks(&["account", "after"]),
        operator("GET", "/v1/tenants", "list all tenants", get(tenants::list)),
        operator(
            "PUT",
            tenant,
            "create a tenant, or change its grants and quotas",
            put(tenants::put),
        )
        .takes_json(),
        Route::own("GET", tenant, "show a tenant", get(tenants::get)),
        operator(
            "DELETE",
            tenant,
            "delete a tenant without pipelines",
            delete(tenants::delete),
        ),
        Route::new(
            Audience::Bearer,
            "GET",
            "/v1/whoami",
            "tell what the request's own token is, and which engine answers",
            get(whoami::whoami),
        ),
        operator_tokens(
            "GET",
            "/v1/operator/tokens",
            "list the operators' tokens, without their secrets",
            get(tokens::list_operators),
        ),
        operator_tokens(
            "POST",
            "/v1/operator/tokens",
            "create a token for an operator; its secret is shown once",
            post(tokens::make_operators),
        )
        .takes_json(),
        operator_tokens(
            "DELETE",
            "/v1/operator/tokens/{token}",
            "revoke an operator's token at once; the last one of scope admin stays",
            delete(tokens::revoke_operators),
        ),
        operator(
            "GET",
            "/v1/audit",
            "list the audit log, newest first",
            get(audit::all),
        )
        .asks(&["before", "limit"]),
        Route::own(
            "GET",
            "/v1/tenants/{tenant}/audit",
            "list the audit log of a tenant, newest first",
            get(audit::of_tenant),
        )
        .asks(&["before", "limit"]),
        admin(
            "GET",
            "/v1/tenants/{tenant}/tokens",
            "list a tenant's tokens, without their secrets",
            get(tokens::list),
        ),
        admin(
            "POST",
            "/v1/tenants/{tenant}/tokens",
            "create a token for a tenant; its secret is shown once",
            post(tokens::make),
        )
        .takes_json(),
        admin(
            "DELETE",
            "/v1/tenants/{tenant}/tokens/{token}",
            "revoke a token of a tenant at once",
            delete(tokens::revoke),
        ),
        Route::own(
            "GET",
            "/v1/tenants/{tenant}/streams",
            "list the streams that a tenant has made",
            get(streams::list),
        ),
        Route::own("GET", stream, "show a stream of a tenant", get(streams::get)),
        Route::own(
            "PUT",
            stream,
            "create a stream for events, or change it",
            put(streams::put),
        )
        .takes_json(),
        Route::own(
            "DELETE",
            stream,
            "delete a stream of a tenant, and its events",
            delete(streams::delete),
        )
        .asks(&["force"]),
        Route::own(
            "GET",
            "/v1/tenants/{tenant}/schemas",
            "list all schemas",
            get(schemas::list),
        ),
        Route::own(
            "GET",
            "/v1/tenants/{tenant}/schema-rules",
            "list the rules that bind subjects to schemas",
            get(schemas::rules),
        ),
        Route::own(
            "PUT",
            "/v1/tenants/{tenant}/schema-rules/{subject}",
            "bind subjects to a schema",
            put(schemas::bind),
        )
        .takes_json(),
        Route::own(
            "DELETE",
            "/v1/tenants/{tenant}/schema-rules/{subject}",
            "take a rule away that binds subjects to a schema",
            delete(schemas::unbind),
        ),
        Route::own("GET", schema!(""), "show a schema", get(schemas::show)),
        Route::own(
            "DELETE",
            schema!(""),
            "delete a schema with all its versions, which nothing uses",
            delete(schemas::delete),
        ),
        Route::own(
            "GET",
            schema!("/uses"),
            "list the pipelines and the schemas that use a schema",
            get(schemas::uses),
        ),
        Route::own(
            "PUT",
            schema!("/compatibility"),
            "choose what new versions of a schema are compared with",
            put(schemas::compatibility),
        )
        .takes_json(),
        Route::own(
            "POST",
            schema!("/check"),
            "tell whether a version of a schema could be pushed",
            post(schemas::check),
        )
        .takes_json()
        // It changes nothing, so the audit log does not tell of it.
        .of_data(),
        Route::own(
            "POST",
            schema!("/versions"),
            "push a version of a schema",
            post(schemas::push),
        )
        .takes_json(),
        Route::own(
            "GET",
            schema!("/versions/{number}"),
            "show a version of a schema, by its number or as `latest`",
            get(schemas::version),
        ),
        Route::own(
            "DELETE",
            schema!("/versions/{number}"),
            "delete a version of a schema that nothing uses",
            delete(schemas::delete_version),
        ),
        Route::own(
            "POST",
            "/v1/tenants/{tenant}/events",
            "publish events on subjects of the write grant",
            post(events::publish).up_to(MAX_EVENTS_BYTES),
        )
        .takes(&["application/json", events::LINES])
        .asks(&["subject"])
        .of_data(),
        Route::own(
            "GET",
            "/v1/tenants/{tenant}/plugins",
            "list all plugin versions",
            get(plugins::list),
        ),
        Route::own(
            "PUT",
            plugin,
            "upload a plugin version",
            put(plugins::upload).up_to(MAX_PLUGIN_BYTES),
        )
        .takes(&["application/wasm", "multipart/form-data"]),
        Route::own("GET", plugin, "show a plugin version", get(plugins::describe)),
        Route::own(
            "DELETE",
            plugin,
            "delete a plugin version that no revision names",
            delete(plugins::delete),
        ),
        Route::own(
            "GET",
            component,
            "download the component of a plugin version",
            get(plugins::component),
        ),
        Route::own(
            "GET",
            "/v1/tenants/{tenant}/pipelines",
            "list all pipelines",
            get(pipelines::list),
        ),
        Route::own(
            "GET",
            "/v1/tenants/{tenant}/graph",
            "draw all pipelines of a tenant and the flow between them",
            get(graph::of_tenant),
        )
        .asks(&["format", "detail"]),
    ];
    all.extend(of_a_pipeline::routes());
    all
}
