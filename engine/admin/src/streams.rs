//! Streams that a tenant makes for its events.

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tailrace_control::command::streams::{StreamRequest, WhenFull};
use tailrace_core::{
    ports::tenant_streams::{TenantSource, TenantStreamFacts},
    subject,
};

use crate::{
    ApiState,
    access::Access,
    answers::NoContent,
    input::{Asked, Content, PathParameters},
    problem::Answer,
};

/// A stream, as clients see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Stream")]
pub(crate) struct StreamView {
    name: String,
    /// What the broker calls it.
    stream: String,
    subjects: Vec<String>,
    sources: Vec<SourceView>,
    max_age_ms: u64,
    max_bytes: u64,
    when_full: WhenFull,
    /// Whether it keeps the newest message of each subject only.
    newest_only: bool,
    events: u64,
    bytes: u64,
    first_sequence: u64,
    last_sequence: u64,
    created: String,
}

/// What a stream takes in of another.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StreamSource")]
struct SourceView {
    /// What the broker calls it.
    stream: String,
    subject: String,
}

impl From<TenantSource> for SourceView {
    fn from(TenantSource { stream, subject }: TenantSource) -> Self {
        Self { stream, subject }
    }
}

impl From<TenantStreamFacts> for StreamView {
    fn from(facts: TenantStreamFacts) -> Self {
        let wanted = facts.wanted;
        Self {
            stream: subject::tenant_stream_name(&wanted.tenant, &wanted.name),
            name: wanted.name.to_string(),
            subjects: wanted.subjects,
            sources: wanted.sources.into_iter().map(SourceView::from).collect(),
            max_age_ms: wanted.max_age.as_millis() as u64,
            max_bytes: wanted.max_bytes,
            when_full: if wanted.drops_oldest {
                WhenFull::DropOldest
            } else {
                WhenFull::Refuse
            },
            newest_only: wanted.newest_only,
            events: facts.messages,
            bytes: facts.bytes,
            first_sequence: facts.first_sequence,
            last_sequence: facts.last_sequence,
            created: facts.created,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deletion {
    #[serde(default)]
    force: bool,
}

pub(crate) async fn list(access: Access, State(api): State<ApiState>) -> Answer<Json<Vec<StreamView>>> {
    let streams = api.queries.streams(&access.tenant).await?;
    Ok(Json(streams.into_iter().map(StreamView::from).collect()))
}

pub(crate) async fn get(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<StreamView>> {
    let stream = api.queries.stream(&access.tenant, &path.name("stream")?).await?;
    Ok(Json(stream.into()))
}

pub(crate) async fn put(
    access: Access,
    path: PathParameters,
    body: Content<StreamRequest>,
) -> Answer<Json<StreamView>> {
    let request = body.json()?;
    let name = path.name("stream")?;
    let made = access.commands.put_stream(&access.tenant, &name, request).await?;
    Ok(Json(made.into()))
}

pub(crate) async fn delete(
    access: Access,
    path: PathParameters,
    Asked(how): Asked<Deletion>,
) -> Answer<NoContent> {
    let name = path.name("stream")?;
    access
        .commands
        .delete_stream(&access.tenant, &name, how.force)
        .await?;
    Ok(NoContent)
}
