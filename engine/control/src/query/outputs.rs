//! Results of a pipeline, read from the stream of its own. The broker shows a message of a batch when the whole is
//! stored, so what is read here is committed, each once.

use std::str::FromStr;

use serde::Serialize;
use tailrace_core::{
    identity::PipelineId,
    manifest::OutputManifest,
    observe::watch_permits::WatchPermit,
    ports::{
        broker::Incoming,
        messages::{MessagePage, ReadFrom},
    },
    registry::Pipeline,
    subject,
};

use crate::{
    error::{ControlError, ControlResult},
    query::Queries,
};

/// Most outputs of a page.
pub const MAX_OUTPUTS: usize = 500;
/// Most bytes of a page, unless one output alone has more.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// Where a pipeline's results go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct OutputPlace {
    /// The stream of its own, which holds them.
    pub stream: String,
    /// The subjects that they are on, as a pattern.
    pub subjects: String,
}

impl OutputPlace {
    /// None where it publishes nothing.
    pub fn of(id: &PipelineId, pipeline: &Pipeline) -> Option<Self> {
        let output = pipeline.active.manifest.output.as_ref()?;
        Some(Self {
            stream: subject::stream_name(id),
            subjects: OutputManifest::pattern(output),
        })
    }
}

/// Where to begin to read results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputsFrom {
    /// With the first that there is.
    First,
    /// With the next that comes.
    New,
    /// Where the stream says.
    At(ReadFrom),
}

impl FromStr for OutputsFrom {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sequence = || text.parse().ok().map(ReadFrom::Sequence);
        let time = || {
            let ms = tailrace_time::rfc3339_ms(text).ok()?;
            Some(ReadFrom::Time(u64::try_from(ms).ok()?))
        };
        match text {
            "first" => Ok(Self::First),
            "new" => Ok(Self::New),
            _ => sequence()
                .or_else(time)
                .map(Self::At)
                .ok_or("it is first, new, a sequence, or a time such as 2026-11-01T00:00:00Z"),
        }
    }
}

/// Some results.
#[derive(Debug, Clone)]
pub struct OutputPage {
    /// Where they lie.
    pub place: OutputPlace,
    /// They themselves.
    pub outputs: Vec<Incoming>,
    /// How many come after these.
    pub pending: u64,
    /// The sequence to read on from.
    pub next: ReadFrom,
}

impl Queries {
    /// Results of a pipeline, in the order of its stream; those of one key where `key` is given.
    pub async fn outputs(
        &self,
        id: &PipelineId,
        from: OutputsFrom,
        key: Option<&str>,
        limit: usize,
    ) -> ControlResult<OutputPage> {
        let pipeline = self.context.pipeline(id)?;
        let place = OutputPlace::of(id, &pipeline).ok_or_else(|| {
            ControlError::Conflict(format!(
                "pipeline {} publishes nothing: it has no output",
                id.pipeline
            ))
        })?;
        let pattern = pattern(&pipeline, &place, key)?;
        let world = self.context.world_of(&id.tenant).await?;
        let from = match from {
            OutputsFrom::First => ReadFrom::Sequence(1),
            OutputsFrom::At(from) => from,
            OutputsFrom::New => {
                let last = world.streams.stream(&place.stream).await?.last_sequence;
                ReadFrom::Sequence(last + 1)
            }
        };
        let limit = limit.min(MAX_OUTPUTS);
        let MessagePage { messages, pending } = if limit == 0 {
            MessagePage::default()
        } else {
            world
                .messages
                .read(&place.stream, &pattern, from, limit, MAX_PAGE_BYTES)
                .await?
        };
        let after_last = messages.last().map(|last| ReadFrom::Sequence(last.sequence + 1));
        Ok(OutputPage {
            place,
            outputs: messages,
            pending,
            next: after_last.unwrap_or(from),
        })
    }

    /// A permit to follow a pipeline's results.
    pub fn outputs_permit(&self, id: &PipelineId) -> ControlResult<WatchPermit> {
        self.context.pipeline(id)?;
        Ok(self.context.overview.places().take(id)?)
    }
}

/// The subjects on which a key's results are: those of the pipeline, with the key in its place.
fn pattern(pipeline: &Pipeline, place: &OutputPlace, key: Option<&str>) -> ControlResult<String> {
    let Some(key) = key else {
        return Ok(place.subjects.clone());
    };
    let output = pipeline.active.manifest.output.as_ref();
    match output.filter(|output| output.names_the_key()) {
        Some(output) => Ok(output.pattern_for(key)),
        None => Err(ControlError::Invalid(
            "key: output.subject has no {key}, so the results of a key cannot be told apart".to_owned(),
        )),
    }
}
