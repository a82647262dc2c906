//! The parts of a pipeline's manifest, with their defaults.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    grant::{CallLimits, Grant},
    manifest::{
        AlarmManifest, CloudeventsPayload, Decode, Extract, JoinManifest, NamedInputManifest,
        OutputCloudeventsManifest, PayloadSchemaManifest, PluginRef, SchemaRules, SketchManifest,
        TableManifest, TimeManifest, WatermarkManifest, WindowManifest, defaults::is_default, start,
    },
    name::Name,
    units::{Bytes, Span},
    vectors::{Metric, Search},
};

/// A pipeline reads events, passes them through a chain of steps and publishes the results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PipelineManifest {
    /// The name is unique within the tenant.
    pub name: Name,
    /// The source of the events.
    #[serde(default)]
    pub input: InputManifest,
    /// Several inputs of one stream, by name. At most 8 are allowed. Their subjects take the place of
    /// `input.subjects`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<Name, NamedInputManifest>,
    /// The keys are divided into this many partitions, from 1 to 48. It is fixed for the life of the
    /// pipeline.
    #[serde(default = "one")]
    pub partitions: u32,
    /// The guarantee that holds after a crash.
    #[serde(default)]
    pub delivery: Delivery,
    /// Each event passes these plugins in this order. A pipeline has at most 16 steps. One without steps measures
    /// its sketches, and hands each event on to its output.
    #[serde(default)]
    pub steps: Vec<StepManifest>,
    /// Collections of embeddings, by name. At most 32 are allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vectors: BTreeMap<Name, VectorManifest>,
    /// Approximate metrics, by name. At most 32 are allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sketches: BTreeMap<Name, SketchManifest>,
    /// Tables, by name: the newest value of each key, for joins and plugins to look up. At most 8 are allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<Name, TableManifest>,
    /// Joins of two inputs, or of an input and a table, by name. At most 8 are allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub joins: BTreeMap<Name, JoinManifest>,
    /// Aggregates over stretches of event time, by name. At most 16 are allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub windows: BTreeMap<Name, WindowManifest>,
    /// The destination of the results. Without it the pipeline only keeps state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputManifest>,
    /// The pipeline pauses when too many events become dead letters. Without it the pipeline never pauses
    /// for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<BreakerManifest>,
    /// Alarms of the pipeline. At most 32 are allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmManifest>,
    /// Limits on the rate of the pipeline. Without it only the tenant's quotas limit the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<crate::manifest::RateManifest>,
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

/// The source of the events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct InputManifest {
    /// The JetStream stream. Without it the engine finds the stream that holds the subjects. The name has 1 to
    /// 128 letters, digits, `-` and `_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Subject patterns within the tenant's read grant. There are 1 to 32 of them, and they must not overlap.
    /// With `inputs` they are left out.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// The place of an event's key. Without it the subject is the key. Events of one key are processed in
    /// order.
    #[serde(default)]
    pub key: Extract,
    /// The place of an event's partition, where the subject names it. Each engine then reads its share of the
    /// events. Without it the engine finds the partition by the key, and each engine reads all events. It is fixed
    /// for the life of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionManifest>,
    /// The place of an event's time, and how it is read. Without it the time is when the broker received the
    /// event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeManifest>,
    /// The schema of payloads. A payload that does not fit it becomes a dead letter, `schema-mismatch`. Without it
    /// payloads are any bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<PayloadSchemaManifest>,
    /// The treatment of the tenant's rules that bind subjects to schemas.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schema_rules: SchemaRules,
    /// The form in which plugins get a payload that has a schema.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decode: Decode,
    /// Events are CloudEvents 1.0, in binary or structured mode. One that is malformed becomes a dead letter,
    /// `malformed-cloudevent`. `schema` is then that of their data. Without it a message is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudevents: Option<CloudeventsPayload>,
    /// The rules of the pipeline's clock in event time.
    #[serde(default, skip_serializing_if = "is_default")]
    pub watermark: WatermarkManifest,
    /// The first run of the pipeline begins here.
    #[serde(default)]
    pub start: Start,
    /// The rule that finds duplicate events. Without it each event counts as new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup: Option<DedupManifest>,
    /// The treatment of messages that are no events.
    #[serde(default, skip_serializing_if = "is_default")]
    pub markers: Markers,
    /// The reaction if the stream drops events before the pipeline has processed them.
    #[serde(default, skip_serializing_if = "OnLoss::is_default")]
    pub on_loss: OnLoss,
}

/// The place of the partition's number in an event's subject. All events of one key must have one number, from 0 to
/// `partitions` less one. A stream's subject transform writes it with `{{partition(16,2)}}`, another pipeline with
/// `{partition:16}` in its `output.subject`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PartitionManifest {
    /// A token of the subject, counted from 1. Every pattern of `subjects` has `*` there.
    pub subject_token: u32,
}

/// The treatment of messages that are no events: delete markers, which the broker writes when the last message of a
/// subject ends by its time to live or is purged, and schedules (`Nats-Schedule`). A message that a schedule publishes
/// is an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Markers {
    /// They are counted and not processed.
    #[default]
    Skip,
    /// They are processed like events, with a header `Tr-Marker`: `max-age`, `purge`, `remove` or `schedule`. A
    /// delete marker has no payload, so its key must be in the subject or a header.
    Pass,
}

/// The reaction to events that the stream drops before they are processed, by its limits or by a purge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnLoss {
    /// The pipeline is parked until somebody accepts the loss.
    #[default]
    Park,
    /// The pipeline goes on. The loss is counted and shown.
    Continue,
}

impl OnLoss {
    /// Whether it need not be written down.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Duplicate events have the same key and the same identifier within a window of event time. Exactly one of `json`, `header`,
/// `subject-token` and `cloudevent` names its place. An event without an identifier counts as new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DedupManifest {
    /// A JSON pointer into the payload: `/id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// A header. `Nats-Msg-Id` is the publisher's identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// A token of the subject, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_token: Option<u32>,
    /// An attribute of a CloudEvent. `id` counts together with `source`, since only both identify an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudevent: Option<String>,
    /// An identifier is remembered for this long, from 1s to 7d.
    pub window: Span,
    /// The events whose identifiers are remembered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub remember: Remember,
}

/// The events whose identifiers are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Remember {
    /// Events that were processed. An event that became a dead letter is new when it is sent again, so a publisher
    /// can mend it and keep its identifier.
    #[default]
    Processed,
    /// All events.
    Seen,
}

impl DedupManifest {
    /// Where the identifier is; none where not exactly one place is given.
    pub fn place(&self) -> Option<Extract> {
        let places = [
            self.json.clone().map(Extract::Json),
            self.header.clone().map(Extract::Header),
            self.subject_token.map(Extract::SubjectToken),
            self.cloudevent.clone().map(Extract::Cloudevent),
        ];
        let mut given = places.into_iter().flatten();
        given.next().filter(|_| given.next().is_none())
    }
}

/// The circuit breaker pauses a pipeline when too many events become dead letters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BreakerManifest {
    /// The share of the window's events that may become dead letters, from 0 to 1.
    pub dead_letter_ratio: f64,
    /// Events are counted over this time, from 1s to 24h.
    #[serde(default = "a_minute")]
    pub window: Span,
    /// The breaker needs this many events in the window before it acts.
    #[serde(default = "a_hundred")]
    pub minimum: u64,
}

fn a_minute() -> Span {
    Span(Duration::from_mins(1))
}

fn a_hundred() -> u64 {
    100
}

/// The first event of the first run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// The oldest event of the stream.
    #[default]
    All,
    /// The first event that arrives after the pipeline was created.
    New,
    /// The event with this sequence, counted from 1.
    Sequence(u64),
    /// The first event that the broker received at or after this time (RFC 3339, with its offset or `Z`). The broker
    /// counts from 1970 to April 2262, so a time outside is the nearest of these.
    Time(#[serde(deserialize_with = "start::strict_time")] String),
}

/// The guarantee that holds after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// All effects of an event take place once and together.
    #[default]
    ExactlyOnce,
    /// State changes once. After a crash an output may be published twice, with the same `Nats-Msg-Id`.
    AtLeastOnce,
    /// An event whose processing is interrupted is not processed again.
    AtMostOnce,
}

/// A step runs one plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StepManifest {
    /// The name is unique within the pipeline. The step's state belongs to this name.
    pub name: Name,
    /// An uploaded plugin, as `name@version`.
    pub plugin: PluginRef,
    /// The plugin's own configuration. If the plugin declares a JSON Schema of it, that types and checks it.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub config: serde_json::Value,
    /// The host interfaces that the plugin may use. The grant `vectors` needs a collection under `vectors`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// The version of the layout of the step's state. The default is 1. Plugins with different numbers cannot
    /// read each other's state. A revision or a rollback that changes the number is refused unless it is forced.
    /// A forced change keeps the state as it is.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub state_version: u32,
    /// The limits of one call of the plugin.
    #[serde(default)]
    pub limits: Limits,
    /// The policy for events on which the plugin fails.
    #[serde(default)]
    pub on_error: ErrorPolicy,
}

/// The limits of one call of a step's plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Fuel, about one unit for each wasm instruction: 1,000 to 100,000,000,000.
    pub fuel: u64,
    /// Linear memory of an instance: 64KiB to 1GiB. More than the tenant's quota `memory-bytes`, of 64MiB unless an
    /// operator changes it, is refused.
    pub memory: Bytes,
    /// Wall time of a call: 1ms to 10s.
    pub deadline: Span,
    /// Messages that one call may emit: 1 to 500.
    pub messages: u32,
    /// Bytes of messages, state and vectors that one call may write, at most 16MiB.
    pub bytes: Bytes,
    /// State, vector and sketch writes of one call, at most 10,000.
    pub writes: u32,
    /// Log lines of one call, at most 1,000. Further lines are left out.
    pub log_lines: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 50_000_000,
            memory: Bytes::mib(16),
            deadline: Span::from_millis(50),
            messages: 100,
            bytes: Bytes::mib(4),
            writes: 1_000,
            log_lines: 10,
        }
    }
}

impl Limits {
    /// As the sandbox takes them.
    pub fn to_call_limits(&self) -> CallLimits {
        CallLimits {
            fuel: self.fuel,
            memory_bytes: self.memory.0,
            deadline: self.deadline.0,
            messages: self.messages,
            bytes: self.bytes.0,
            writes: self.writes,
            log_lines: self.log_lines,
        }
    }
}

/// The policy for events on which a plugin fails. An event that the plugin rejects becomes a dead letter at
/// once. A transient failure, a missed deadline or a used-up quota is retried after a growing backoff. Another
/// trap is retried once on a fresh instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ErrorPolicy {
    /// Retries after the first failure, from 0 to 100.
    pub retries: u32,
    /// The backoff before the first retry, from 1ms to 1m. It doubles each time, with jitter, up to a minute.
    pub backoff: Span,
    /// The action when all retries have failed.
    pub then: Fallback,
    /// With `then: forward`, this JSON value replaces the payload of the event. The steps behind then get a
    /// payload that they can use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<serde_json::Value>,
}

impl Default for ErrorPolicy {
    fn default() -> Self {
        Self {
            retries: 3,
            backoff: Span(Duration::from_millis(100)),
            then: Fallback::DeadLetter,
            payload: None,
        }
    }
}

/// The action when all retries of an event have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// The event is kept as a dead letter with its reason.
    #[default]
    DeadLetter,
    /// The event is counted and dropped.
    Drop,
    /// The event goes on to the next step as if this step were not there.
    Forward,
    /// The pipeline pauses at this event until somebody resumes it.
    Pause,
}

/// A collection of embeddings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VectorManifest {
    /// The length of its vectors, from 1 to 4096.
    pub dimensions: u32,
    /// The comparison of two vectors.
    #[serde(default)]
    pub metric: Metric,
    /// The way in which the collection is searched.
    #[serde(default)]
    pub search: Search,
}

/// The destination of the results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutputManifest {
    /// The subject of the results, within the tenant's write grant. `{key}` stands for the key of the event, or the
    /// group of the window, or the value of the join, as one subject token. `{partition:16}` stands for the partition of the key among 16,
    /// counted from 0. `{window}` stands for the name of the window, and `{join}` for the name of the join. The subject must not be part of the pipeline's own
    /// input.
    pub subject: String,
    /// Whether events are published beside the results of windows and the rows of joins. `{window}` and `{join}` are
    /// then `events`. A pipeline without windows and joins publishes events anyway.
    #[serde(default, skip_serializing_if = "is_default")]
    pub events: bool,
    /// The schema of the events that are published. They leave the last step as JSON and are written by it. One that
    /// does not fit makes its event a dead letter, `schema-mismatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<PayloadSchemaManifest>,
    /// The pipeline publishes CloudEvents 1.0: events, results of windows and rows of joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudevents: Option<OutputCloudeventsManifest>,
    /// The retention of the results. Without it they are kept for ever.
    #[serde(default)]
    pub keep: Keep,
    /// The fewest replicas of the pipeline's own stream: 1, 3 or 5. Without it there are as many as the engine's
    /// configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u8>,
}

/// The retention of the results.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Keep {
    /// Results older than this are deleted. The least is 1s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Span>,
    /// Results beyond this size are deleted, oldest first. The least is 1MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
}
