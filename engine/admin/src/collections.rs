//! What a pipeline keeps, page by page: vectors of a collection, timers that have not fired, events that wait in a join,
//! rows of tables.

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tailrace_control::query::{
    joins::JoinPage,
    queries::MAX_SCAN,
    tables::{TableEntry, TableQuestion},
    timers::PendingTimer,
    vectors::VectorPage,
};

use crate::{
    ApiState,
    access::Access,
    input::{Asked, PAGE, PathParameters, page_of},
    problem::Answer,
    queries::{Value, plain},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VectorsAsked {
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimersAsked {
    #[serde(default)]
    step: Option<String>,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinsAsked {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowsAsked {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

/// Rows of a table in the order of their keys.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TablePage")]
pub(crate) struct Rows {
    rows: Vec<ListedRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A row of a table.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TableRow")]
pub(crate) struct ListedRow {
    #[serde(flatten)]
    row: TableEntry,
    #[serde(flatten)]
    value: Value,
}

/// Timers in the order in which they are due.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TimerPage")]
pub(crate) struct Timers {
    timers: Vec<ListedTimer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A timer, with what its plugin gave it to take along.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ListedTimer {
    #[serde(flatten)]
    timer: PendingTimer,
    #[serde(flatten)]
    value: Value,
}

pub(crate) async fn vectors(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(asked): Asked<VectorsAsked>,
) -> Answer<Json<VectorPage>> {
    let pipeline = path.pipeline(&access)?;
    let (collection, after) = (path.text("collection"), asked.after.as_deref());
    let limit = page_of(asked.limit, PAGE, MAX_SCAN)?;
    let found = api.queries.vectors(&pipeline, collection, after, limit);
    Ok(Json(found.await?))
}

pub(crate) async fn timers(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(asked): Asked<TimersAsked>,
) -> Answer<Json<Timers>> {
    let pipeline = path.pipeline(&access)?;
    let (step, after) = (asked.step.as_deref(), asked.after.as_deref());
    let limit = page_of(asked.limit, PAGE, MAX_SCAN)?;
    let found = api.queries.timers(&pipeline, step, after, limit).await?;
    let listed = found.timers.into_iter().map(|mut timer| {
        let value = plain(std::mem::take(&mut timer.payload));
        ListedTimer { timer, value }
    });
    Ok(Json(Timers {
        timers: listed.collect(),
        next: found.next,
    }))
}

pub(crate) async fn joins(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(asked): Asked<JoinsAsked>,
) -> Answer<Json<JoinPage>> {
    let pipeline = path.pipeline(&access)?;
    let (key, after) = (asked.key.as_deref(), asked.after.as_deref());
    let limit = page_of(asked.limit, PAGE, MAX_SCAN)?;
    let found = api.queries.joins(&pipeline, path.text("join"), key, after, limit);
    Ok(Json(found.await?))
}

pub(crate) async fn rows(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(asked): Asked<RowsAsked>,
) -> Answer<Json<Rows>> {
    let pipeline = path.pipeline(&access)?;
    let question = TableQuestion {
        key: asked.key.as_deref(),
        prefix: &asked.prefix,
        after: asked.after.as_deref(),
        limit: page_of(asked.limit, PAGE, MAX_SCAN)?,
    };
    let found = api.queries.rows(&pipeline, path.text("table"), question).await?;
    let listed = found.rows.into_iter().map(|mut row| {
        let value = plain(std::mem::take(&mut row.payload));
        ListedRow { row, value }
    });
    Ok(Json(Rows {
        rows: listed.collect(),
        next: found.next,
    }))
}
