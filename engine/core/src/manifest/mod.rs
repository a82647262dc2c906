//! The pipeline as a tenant writes it. These types are its documentation: the JSON Schema that is
//! served and committed is made from them. [`parse`] reads the text, [`check`] refuses what cannot work.

mod aggregate;
pub mod alarm_rules;
pub mod alarms;
pub(crate) mod bounds;
pub mod check;
mod cloudevents;
mod cloudevents_rules;
pub mod config;
mod defaults;
pub mod error;
pub mod extract;
pub mod input_parts;
pub mod inputs;
mod join_rules;
pub mod joins;
mod mend;
pub mod mistakes;
mod output;
pub mod parse;
mod partition;
mod parts;
pub mod payload_schema;
mod plugin_ref;
mod rate;
mod schema_rules;
pub mod sketches;
mod start;
pub mod step_needs;
pub mod table_rules;
pub mod tables;
mod time;
mod token_rules;
mod watermark;
mod window_rules;
pub mod windows;
pub mod words;

pub(crate) use aggregate::VALUE as KEPT_VALUE;
pub use aggregate::{Aggregate, AggregateOf, Measure};
pub use alarms::{AlarmManifest, NotifyManifest};
pub use bounds::MAX_PARTITIONS;
pub use cloudevents::{
    CloudeventsMode, CloudeventsPayload, MAX_ATTRIBUTE_BYTES, OutputCloudeventsManifest, is_attribute_name,
};
pub use extract::{Extract, is_pointer};
pub use input_parts::InputPart;
pub use inputs::NamedInputManifest;
pub use joins::{JoinKind, JoinManifest, JoinOnManifest, JoinSide, WithinManifest};
pub use output::{KEY_TOKEN, Stands};
pub use parts::*;
pub use payload_schema::{Decode, Framing, PayloadSchemaManifest, SchemaRules};
pub use plugin_ref::{PluginRef, parse_version};
pub use rate::*;
pub use sketches::SketchManifest;
pub use tables::{PipelineTable, TableManifest, TableScope};
pub use time::{OnUnreadable, TimeManifest, TimeUnit};
pub use watermark::{Advance, Ahead, Delay, IdleAfter, IdleManifest, Lag, Late, Upstream, WatermarkManifest};
pub use windows::{Frame, LateForWindow, StretchesManifest, WindowManifest};

/// A step's config as the plugin gets it: JSON text, `null` where there is none.
pub fn config_text(config: &serde_json::Value) -> String {
    config.to_string()
}
