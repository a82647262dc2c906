//! What is asked of a pipeline, and done to it.

use crate::{
    candidates, collections, dead_letters,
    described::{delete, get, post, put},
    graph, outputs, pipelines, queries,
    route::Route,
    sketches, state_deletions, views,
};

macro_rules! pipeline {
    ($rest:literal) => {
        concat!("/v1/tenants/{tenant}/pipelines/{pipeline}", $rest)
    };
}

/// Its routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::own(
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
        Route::own(
            "GET",
            pipeline!(""),
            "show a pipeline and its active revision",
            get(pipelines::show),
        ),
        Route::own(
            "DELETE",
            pipeline!(""),
            "delete a pipeline, its state and its outputs",
            delete(pipelines::delete),
        ),
        Route::own(
            "GET",
            pipeline!("/status"),
            "show the status of a pipeline",
            get(pipelines::status),
        ),
        Route::own(
            "GET",
            pipeline!("/graph"),
            "draw the flow of a pipeline",
            get(graph::of_pipeline),
        )
        .asks(&["format"]),
        Route::own(
            "GET",
            pipeline!("/tap"),
            "watch samples of a pipeline's plugin calls, as server-sent events",
            get(views::tap),
        )
        .asks(&["step", "key", "limit"]),
        Route::own(
            "GET",
            pipeline!("/logs"),
            "show log lines of a pipeline's plugins, or follow them as server-sent events",
            get(views::logs),
        )
        .asks(&["follow", "lines"]),
        Route::own(
            "POST",
            pipeline!("/pause"),
            "pause a pipeline",
            post(pipelines::pause),
        )
        .takes_json(),
        Route::own(
            "POST",
            pipeline!("/resume"),
            "resume a pipeline that is paused or parked",
            post(pipelines::resume),
        )
        .asks(&["accept-loss", "accept-repeats", "from", "stream", "new-stream"]),
        Route::own(
            "GET",
            pipeline!("/revisions"),
            "list the numbers of the kept revisions",
            get(pipelines::revisions),
        ),
        Route::own(
            "GET",
            pipeline!("/revisions/{revision}"),
            "show a revision",
            get(pipelines::revision),
        ),
        Route::own(
            "POST",
            pipeline!("/rollback"),
            "make an earlier revision active again",
            post(pipelines::roll_back),
        )
        .takes_json(),
        Route::own(
            "GET",
            pipeline!("/candidate"),
            "show the candidate revision and its comparison with the active one",
            get(candidates::show),
        ),
        Route::own(
            "DELETE",
            pipeline!("/candidate"),
            "abandon the candidate revision",
            delete(candidates::abandon),
        ),
        Route::own(
            "POST",
            pipeline!("/candidate/promote"),
            "promote the candidate revision to the active one",
            post(candidates::promote),
        ),
        Route::own(
            "GET",
            pipeline!("/steps/{step}/state"),
            "list state entries of a step by prefix",
            get(queries::scan),
        )
        .of_what_is_committed()
        .asks(&["prefix", "after", "limit"]),
        Route::own(
            "GET",
            pipeline!("/steps/{step}/state/{key}"),
            "get the value of a state entry",
            get(queries::state),
        )
        .of_what_is_committed(),
        Route::own(
            "GET",
            pipeline!("/windows/{window}"),
            "list what is open of a window, with its results so far",
            get(queries::windows),
        )
        .of_what_is_committed()
        .asks(&["group", "after", "limit"]),
        Route::own(
            "GET",
            pipeline!("/joins/{join}"),
            "list the events that a join keeps for partners that are to come",
            get(collections::joins),
        )
        .of_what_is_committed()
        .asks(&["key", "after", "limit"]),
        Route::own(
            "GET",
            pipeline!("/tables/{table}"),
            "list the rows of a table",
            get(collections::rows),
        )
        .of_what_is_committed()
        .asks(&["key", "prefix", "after", "limit"]),
        Route::own(
            "GET",
            pipeline!("/timers"),
            "list the timers of a pipeline's plugins, those due next first",
            get(collections::timers),
        )
        .of_what_is_committed()
        .asks(&["step", "after", "limit"]),
        Route::own(
            "GET",
            pipeline!("/vectors/{collection}"),
            "list the vectors of a collection",
            get(collections::vectors),
        )
        .of_what_is_committed()
        .asks(&["after", "limit"]),
        Route::own(
            "GET",
            pipeline!("/vectors/{collection}/{id}"),
            "get a vector",
            get(queries::vector),
        )
        .of_what_is_committed(),
        Route::own(
            "GET",
            pipeline!("/sketches"),
            "show all sketches of a pipeline",
            get(sketches::sketches),
        )
        .of_what_is_committed(),
        Route::own(
            "GET",
            pipeline!("/sketches/{sketch}"),
            "query a sketch, with its error bound",
            get(sketches::sketch),
        )
        .of_what_is_committed()
        .asks(&["q", "item", "from", "to", "by", "group", "rest"]),
        Route::own(
            "GET",
            pipeline!("/sketches/{sketch}/drift"),
            "tell how far the values of the last stretch of event time are from those before",
            get(sketches::drift),
        )
        .of_what_is_committed()
        .asks(&["last", "base"]),
        Route::own(
            "GET",
            pipeline!("/outputs"),
            "read the results of a pipeline, or follow them as server-sent events",
            get(outputs::outputs),
        )
        .asks(&["from", "after", "key", "limit", "follow"]),
        Route::own(
            "GET",
            pipeline!("/dead-letters"),
            "list dead letters, oldest first",
            get(dead_letters::list),
        )
        .asks(&["after", "limit"]),
        Route::own(
            "GET",
            pipeline!("/dead-letters/{letter}"),
            "show a dead letter",
            get(dead_letters::show),
        ),
        Route::own(
            "POST",
            pipeline!("/dead-letters/{letter}/redrive"),
            "redrive a dead letter",
            post(dead_letters::redrive),
        ),
        Route::own(
            "POST",
            pipeline!("/steps/{step}/state-deletions"),
            "order the deletion of a step's state, by key or by prefix",
            post(state_deletions::order),
        )
        .takes_json(),
        Route::own(
            "GET",
            pipeline!("/state-deletions/{number}"),
            "tell how far the deletion of state has come",
            get(state_deletions::show),
        ),
    ]
}
