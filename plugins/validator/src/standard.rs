//! A JSON Schema 2020-12 as it is. The engine's own crate judges: an `input.schema` and this plugin never disagree.
//!
//! An event that fits is forwarded as it came.
//!
//! Why: docs/decisions/0156-the-validator-judges-by-the-engines-crate.md

use serde_json::Value;
use tailrace_schema::{JsonSchema, read_json};
use tailrace_sdk::{Event, Failure};

/// Longest reason: names in a schema may be of any length.
const MAX_REASON_CHARACTERS: usize = 1_000;

/// A JSON Schema, ready to judge.
pub(crate) struct Standard(JsonSchema);

impl Standard {
    /// Reads a schema, given as an object or as text.
    pub(crate) fn new(schema: Value, asserts_formats: bool) -> Result<Self, String> {
        let text = match schema {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let read = JsonSchema::parse(&text, &[], asserts_formats);
        read.map(Self)
            .map_err(|fault| format!("config.json-schema: {fault}"))
    }

    /// Judges the payload of an event.
    pub(crate) fn judge(&self, event: &Event, payload: &str) -> Result<(), Failure> {
        let json = read_json(payload.as_bytes()).map_err(|fault| {
            if fault.is_of_a_member_twice() {
                Failure::invalid("duplicate-member", shown(&fault))
            } else {
                event.malformed(fault)
            }
        })?;
        let judged = self.0.judge(&json);
        judged.map_err(|fault| Failure::invalid("schema-mismatch", shown(&fault)))
    }
}

fn shown(fault: &dyn std::fmt::Display) -> String {
    fault.to_string().chars().take(MAX_REASON_CHARACTERS).collect()
}
