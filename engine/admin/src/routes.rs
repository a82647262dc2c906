//! The table of all routes. The router, the OpenAPI description and the access tests are made from it, so
//! none of them can miss one.
//!
//! Why: docs/decisions/0039-rights-in-the-table-of-routes.md

use tailrace_core::registry::Role;

use crate::{
    access::Audience,
    audit, candidates, collections, dead_letters,
    described::{delete, get, post, put},
    doctor, events, graph,
    input::{MAX_EVENTS_BYTES, MAX_PLUGIN_BYTES},
    openapi, operators, outputs, pipelines, plugins, probes, queries,
    route::Route,
    schemas, sketches, state_deletions, streams, tenants, tokens, views, whoami,
};

/// What a route takes that takes JSON.
const JSON: &[&str] = &["application/json"];

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
    macro_rules! pipeline {
        ($rest:literal) => {
            concat!("/v1/tenants/{tenant}/pipelines/{pipeline}", $rest)
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
    // Reading needs the role read, changing needs deploy.
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
        .takes(JSON),
        own("GET", tenant, "show a tenant", get(tenants::get)),
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
        .takes(JSON),
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
        own(
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
        .takes(JSON),
        admin(
            "DELETE",
            "/v1/tenants/{tenant}/tokens/{token}",
            "revoke a token of a tenant at once",
            delete(tokens::revoke),
        ),
        own(
            "GET",
            "/v1/tenants/{tenant}/streams",
            "list the streams that a tenant has made",
            get(streams::list),
        ),
        own("GET", stream, "show a stream of a tenant", get(streams::get)),
        own(
            "PUT",
            stream,
            "create a stream for events, or change it",
            put(streams::put),
        )
        .takes(JSON),
        own(
            "DELETE",
            stream,
            "delete a stream of a tenant, and its events",
            delete(streams::delete),
        )
        .asks(&["force"]),
        own(
            "GET",
            "/v1/tenants/{tenant}/schemas",
            "list all schemas",
            get(schemas::list),
        ),
        own(
            "GET",
            "/v1/tenants/{tenant}/schema-rules",
            "list the rules that bind subjects to schemas",
            get(schemas::rules),
        ),
        own(
            "PUT",
            "/v1/tenants/{tenant}/schema-rules/{subject}",
            "bind subjects to a schema",
            put(schemas::bind),
        )
        .takes(JSON),
        own(
            "DELETE",
            "/v1/tenants/{tenant}/schema-rules/{subject}",
            "take a rule away that binds subjects to a schema",
            delete(schemas::unbind),
        ),
        own("GET", schema!(""), "show a schema", get(schemas::show)),
        own(
            "DELETE",
            schema!(""),
            "delete a schema with all its versions, which nothing uses",
            delete(schemas::delete),
        ),
        own(
            "GET",
            schema!("/uses"),
            "list the pipelines and the schemas that use a schema",
            get(schemas::uses),
        ),
        own(
            "PUT",
            schema!("/compatibility"),
            "choose what new versions of a schema are compared with",
            put(schemas::compatibility),
        )
        .takes(JSON),
        own(
            "POST",
            schema!("/check"),
            "tell whether a version of a schema could be pushed",
            post(schemas::check),
        )
        .takes(JSON)
        // It changes nothing, so the audit log does not tell of it.
        .of_data(),
        own(
            "POST",
            schema!("/versions"),
            "push a version of a schema",
            post(schemas::push),
        )
        .takes(JSON),
        own(
            "GET",
            schema!("/versions/{number}"),
            "show a version of a schema, by its number or as `latest`",
            get(schemas::version),
        ),
        own(
            "DELETE",
            schema!("/versions/{number}"),
            "delete a version of a schema that nothing uses",
            delete(schemas::delete_version),
        ),
        own(
            "POST",
            "/v1/tenants/{tenant}/events",
            "publish events on subjects of the write grant",
            post(events::publish).up_to(MAX_EVENTS_BYTES),
        )
        .takes(&["application/json", events::LINES])
        .asks(&["subject"])
        .of_data(),
        own(
            "GET",
            "/v1/tenants/{tenant}/plugins",
            "list all plugin versions",
            get(plugins::list),
        ),
        own(
            "PUT",
            plugin,
            "upload a plugin version",
            put(plugins::upload).up_to(MAX_PLUGIN_BYTES),
        )
        .takes(&["application/wasm", "multipart/form-data"]),
        own("GET", plugin, "show a plugin version", get(plugins::describe)),
        own(
            "DELETE",
            plugin,
            "delete a plugin version that no revision names",
            delete(plugins::delete),
        ),
        own(
            "GET",
            component,
            "download the component of a plugin version",
            get(plugins::component),
        ),
        own(
            "GET",
            "/v1/tenants/{tenant}/pipelines",
            "list all pipelines",
            get(pipelines::list),
        ),
        own(
            "GET",
            "/v1/tenants/{tenant}/graph",
            "draw all pipelines of a tenant and the flow between them",
            get(graph::of_tenant),
        )
        .asks(&["format", "detail"]),
        own(
            "PUT",
            pipeline!(""),
            "apply a pipeline manifest (YAML or JSON)",
            put(pipelines::apply),
        )
        .takes(&["application/yaml", "application/json"])
        .asks(&[
            "force",
            "dry-run",
            "shadow",
            "canary",
            "max-error-ratio",
            "max-p99",
            "min-events",
        ]),
        own(
            "GET",
            pipeline!(""),
            "show a pipeline and its active revision",
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
            "show the status of a pipeline",
            get(pipelines::status),
        ),
        own(
            "GET",
            pipeline!("/graph"),
            "draw the flow of a pipeline",
            get(graph::of_pipeline),
        )
        .asks(&["format"]),
        own(
            "GET",
            pipeline!("/tap"),
            "watch samples of a pipeline's plugin calls, as server-sent events",
            get(views::tap),
        )
        .asks(&["step", "key", "limit"]),
        own(
            "GET",
            pipeline!("/logs"),
            "show log lines of a pipeline's plugins, or follow them as server-sent events",
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
            "resume a pipeline that is paused or parked",
            post(pipelines::resume),
        )
        .asks(&["accept-loss", "from", "stream", "new-stream"]),
        own(
            "GET",
            pipeline!("/revisions"),
            "list the numbers of the kept revisions",
            get(pipelines::revisions),
        ),
        own(
            "GET",
            pipeline!("/revisions/{revision}"),
            "show a revision",
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
            "show the candidate revision and its comparison with the active one",
            get(candidates::show),
        ),
        own(
            "DELETE",
            pipeline!("/candidate"),
            "abandon the candidate revision",
            delete(candidates::abandon),
        ),
        own(
            "POST",
            pipeline!("/candidate/promote"),
            "promote the candidate revision to the active one",
            post(candidates::promote),
        ),
        own(
            "GET",
            pipeline!("/steps/{step}/state"),
            "list state entries of a step by prefix",
            get(queries::scan),
        )
        .of_what_is_committed()
        .asks(&["prefix", "after", "limit"]),
        own(
            "GET",
            pipeline!("/steps/{step}/state/{key}"),
            "get the value of a state entry",
            get(queries::state),
        )
        .of_what_is_committed(),
        own(
            "GET",
            pipeline!("/windows/{window}"),
            "list what is open of a window, with its results so far",
            get(queries::windows),
        )
        .of_what_is_committed()
        .asks(&["group", "after", "limit"]),
        own(
            "GET",
            pipeline!("/joins/{join}"),
            "list the events that a join keeps for partners that are to come",
            get(collections::joins),
        )
        .of_what_is_committed()
        .asks(&["key", "after", "limit"]),
        own(
            "GET",
            pipeline!("/timers"),
            "list the timers of a pipeline's plugins, those due next first",
            get(collections::timers),
        )
        .of_what_is_committed()
        .asks(&["step", "after", "limit"]),
        own(
            "GET",
            pipeline!("/vectors/{collection}"),
            "list the vectors of a collection",
            get(collections::vectors),
        )
        .of_what_is_committed()
        .asks(&["after", "limit"]),
        own(
            "GET",
            pipeline!("/vectors/{collection}/{id}"),
            "get a vector",
            get(queries::vector),
        )
        .of_what_is_committed(),
        own(
            "GET",
            pipeline!("/sketches"),
            "show all sketches of a pipeline",
            get(sketches::sketches),
        )
        .of_what_is_committed(),
        own(
            "GET",
            pipeline!("/sketches/{sketch}"),
            "query a sketch, with its error bound",
            get(sketches::sketch),
        )
        .of_what_is_committed()
        .asks(&["q", "item", "from", "to", "by", "group", "rest"]),
        own(
            "GET",
            pipeline!("/sketches/{sketch}/drift"),
            "tell how far the values of the last stretch of event time are from those before",
            get(sketches::drift),
        )
        .of_what_is_committed()
        .asks(&["last", "base"]),
        own(
            "GET",
            pipeline!("/outputs"),
            "read the results of a pipeline, or follow them as server-sent events",
            get(outputs::outputs),
        )
        .asks(&["from", "after", "key", "limit", "follow"]),
        own(
            "GET",
            pipeline!("/dead-letters"),
            "list dead letters, oldest first",
            get(dead_letters::list),
        )
        .asks(&["after", "limit"]),
        own(
            "GET",
            pipeline!("/dead-letters/{letter}"),
            "show a dead letter",
            get(dead_letters::show),
        ),
        own(
            "POST",
            pipeline!("/dead-letters/{letter}/redrive"),
            "redrive a dead letter",
            post(dead_letters::redrive),
        ),
        own(
            "POST",
            pipeline!("/steps/{step}/state-deletions"),
            "order the deletion of a step's state, by key or by prefix",
            post(state_deletions::order),
        )
        .takes(JSON),
        own(
            "GET",
            pipeline!("/state-deletions/{number}"),
            "tell how far the deletion of state has come",
            get(state_deletions::show),
        ),
    ]
}
