//! Results of a pipeline, read from the stream of its own. The broker shows a message of a batch when the whole is
//! stored, so what is read here is committed, each once.

use std::{
    str::FromStr,
    time::{Duration, UNIX_EPOCH},
};

use serde::Serialize;
use tailrace_core::{
    broker_time::{LAST_TIME_MS, countable_ms},
    identity::PipelineId,
    manifest::OutputManifest,
    observe::watch_permits::WatchPermit,
    ports::{
        broker::{BrokerError, Incoming},
        messages::{MessagePage, ReadFrom},
    },
    registry::{Pipeline, PipelinePhase},
    subject,
    world::World,
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
    /// With this sequence, as somebody wrote it: it may be none of the stream's.
    Written(u64),
    /// Where the stream says.
    At(ReadFrom),
}

impl FromStr for OutputsFrom {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sequence = || text.parse().ok().map(Self::Written);
        let time = || {
            let ms = tailrace_time::rfc3339_ms(text).ok()?;
            Some(Self::At(ReadFrom::Time(countable_ms(ms))))
        };
        match text {
            "first" => Ok(Self::First),
            "new" => Ok(Self::New),
            _ => sequence()
                .or_else(time)
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
        if let OutputsFrom::Written(sequence) = from
            && let Ok(facts) = world.streams.stream(&place.stream).await
            && let Some(refusal) = beyond(&place.stream, facts.last_sequence, sequence)
        {
            return Err(ControlError::Invalid(refusal));
        }
        let read = read(&world, place.clone(), &pattern, from, limit).await;
        match read {
            Err(cause) => Err(own_stream_error(&world, id, &pipeline, cause).await),
            Ok(page) => Ok(page),
        }
    }

    /// A permit to follow a pipeline's results.
    pub fn outputs_permit(&self, id: &PipelineId) -> ControlResult<WatchPermit> {
        self.context.pipeline(id)?;
        Ok(self.context.overview.places().take(id)?)
    }
}

/// A pipeline's own stream begins below this. So larger numbers are more likely milliseconds, of November 2004 and later.
const LIKELY_MS: u64 = 1 << 40;

/// Why nothing is at a sequence, and nothing comes there soon: it is behind the next one of the stream.
fn beyond(stream: &str, last: u64, sequence: u64) -> Option<String> {
    if sequence <= last.saturating_add(1) {
        return None;
    }
    let hint = if (LIKELY_MS..=LAST_TIME_MS).contains(&sequence) {
        let time = UNIX_EPOCH + Duration::from_millis(sequence);
        let written = humantime::format_rfc3339_millis(time);
        format!("it looks like a time in milliseconds, which is written {written}")
    } else {
        "new begins with the next".to_owned()
    };
    Some(format!(
        "from={sequence} is a sequence, and the newest message of stream {stream} has {last}; {hint}"
    ))
}

async fn read(
    world: &World,
    place: OutputPlace,
    pattern: &str,
    from: OutputsFrom,
    limit: usize,
) -> Result<OutputPage, BrokerError> {
    let from = match from {
        OutputsFrom::First => ReadFrom::Sequence(1),
        OutputsFrom::Written(sequence) => ReadFrom::Sequence(sequence),
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
            .read(&place.stream, pattern, from, limit, MAX_PAGE_BYTES)
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

/// Why the pipeline's own stream cannot be read: that it is gone, with the way out, or what the broker says.
pub(crate) async fn own_stream_error(
    world: &World,
    id: &PipelineId,
    pipeline: &Pipeline,
    cause: BrokerError,
) -> ControlError {
    let name = subject::stream_name(id);
    let looked = world.streams.stream(&name).await;
    if !matches!(looked, Err(BrokerError::NoStream(_))) {
        return cause.into();
    }
    let PipelineId { tenant, pipeline: p } = id;
    ControlError::Conflict(match pipeline.phase {
        PipelinePhase::Ready => format!(
            "the pipeline's own stream {name} is gone, and with it its outputs and dead letters; to begin again with an empty state: tailrace pipeline resume {p} --new-stream (tenant {tenant}); to give it up: tailrace pipeline delete {p} --yes"
        ),
        PipelinePhase::Deleting => format!("pipeline {p} is being deleted, and its stream {name} is gone"),
        PipelinePhase::Creating | PipelinePhase::Renewing => {
            format!(
                "pipeline {p} is being made, and its stream {name} is not there yet; try again in a moment"
            )
        }
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> u64 {
        match text.parse() {
            Ok(OutputsFrom::At(ReadFrom::Time(ms))) => ms,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_time_that_the_broker_cannot_count_to_is_the_nearest_that_it_can() {
        assert_eq!(time("2026-11-01T00:00:00Z"), 1_793_491_200_000);
        assert_eq!(time("9999-12-31T23:59:59Z"), LAST_TIME_MS);
        assert_eq!(time("1960-01-01T00:00:00Z"), 0);
    }

    #[test]
    fn a_sequence_beyond_the_newest_is_said_to_be_so() {
        assert_eq!(beyond("S", 7, 8), None);
        let far = beyond("S", 7, 9).unwrap();
        assert!(
            far.contains("stream S has 7") && far.contains("new begins"),
            "{far}"
        );
        let life = beyond("S", 910_516_522_975, 910_516_522_977).unwrap();
        assert!(life.contains("new begins"), "{life}");
        let ms = beyond("S", 7, 1_796_059_837_369).unwrap();
        assert!(ms.contains("2026-11-30T"), "{ms}");
    }
}
