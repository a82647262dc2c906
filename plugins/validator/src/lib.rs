//! The input interface of a system: checks JSON events, and brings names and types into one form.
//!
//! - [`config`] is what a pipeline writes: fields with their types, bounds, aliases and defaults.
//! - `compile` turns it into rules once, when the pipeline is applied, and refuses what cannot be
//!   meant (a pattern on a number, a default that breaks its own rule).
//! - `standard` is a JSON Schema as it is, judged by the engine's own crate. It changes nothing.
//! - `exists` looks up what an event names in tables of the pipeline, by the places of `pointer`.
//! - `glance` takes a first look, which is enough for an event that has the form.
//! - `json` reads the payload, `object` and `value` apply the rules, `problem` says what is wrong
//!   with the path of the field.
//!
//! An event that already has the form is forwarded as it came: nothing is copied, not even spaces
//! change. One that had to be normalised is handed on as new JSON with its headers: fields that no rule
//! changed keep their bytes and their places, those that are new come last. One that breaks a rule is an invalid event with one of these codes:
//!
//! | code | meaning |
//! | --- | --- |
//! | `malformed-json` | not JSON, or nested deeper than 127 levels; the reason names a compressed payload and UTF-16 |
//! | `duplicate-member` | a field twice in an object, at any depth |
//! | `missing-field` | a required field is missing or null |
//! | `wrong-type` | a value of another type, that may not or cannot be converted |
//! | `out-of-range` | a number or time outside `min` and `max` |
//! | `wrong-length` | a text or list that is too short or too long |
//! | `pattern-mismatch` | a text that does not match `pattern` |
//! | `not-allowed` | a value that is not in `one-of` |
//! | `unknown-field` | a field that the schema does not know, where it refuses those |
//! | `ambiguous-field` | a field under two of its names |
//! | `schema-mismatch` | the payload does not fit the JSON Schema; the reason has the place |
//! | `no-row` | a value that must be the key of a row, and the table has none |
//!
//! Its step needs the grant `tables` where its config has `exists`, and no other.

mod compile;
pub mod config;
mod exists;
mod glance;
mod json;
mod object;
mod pointer;
mod problem;
mod rules;
mod standard;
mod timestamp;
mod value;

pub use config::Config;
use exists::References;
use glance::Glance;
use json::Json;
use rules::ObjectRule;
use standard::Standard;
use tailrace_sdk::prelude::{Event, Failure, Host, Message, Plugin, Verdict, export};

/// The plugin.
pub struct Validator {
    standard: Option<Standard>,
    rules: Option<Rules>,
    references: Option<References>,
}

/// Rules in the words of this plugin.
struct Rules {
    schema: ObjectRule,
    glance: Option<Glance>,
}

impl Plugin for Validator {
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        let standard = config
            .json_schema
            .map(|schema| Standard::new(schema, config.assert_formats))
            .transpose()?;
        let rules = config.schema.as_ref().map(Rules::new).transpose()?;
        let references = config.exists.map(References::new).transpose()?;
        if standard.is_none() && rules.is_none() && references.is_none() {
            return Err("say what events must be: `json-schema` takes a JSON Schema, `schema` the rules of this plugin, `exists` the rows that must be there".to_owned());
        }
        if standard.is_none() && config.assert_formats {
            return Err("config.assert-formats: only with `json-schema`".to_owned());
        }
        Ok(Self {
            standard,
            rules,
            references,
        })
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let payload = json::text(event)?;
        if let Some(standard) = &self.standard {
            standard.judge(event, payload)?;
        }
        let rules = self.rules.as_ref();
        let changed = rules.map_or(Ok(None), |rules| rules.apply(event, payload))?;
        if let Some(references) = &self.references {
            let handed_on = changed.as_deref().unwrap_or(payload);
            let handed_on = json::parse(handed_on).map_err(|error| json::failure(event, &error))?;
            references.judge(&handed_on, host)?;
        }
        let Some(changed) = changed else {
            return Ok(Verdict::Forward);
        };
        let mut message = Message::new(changed);
        message.headers.clone_from(&event.headers);
        Ok(message.into())
    }
}

impl Rules {
    fn new(schema: &config::ObjectSchema) -> Result<Self, String> {
        let schema = compile::schema(schema)?;
        let glance = Glance::new(&schema);
        Ok(Self { schema, glance })
    }

    /// The payload in its form, where it had to be changed.
    fn apply(&self, event: &Event, payload: &str) -> Result<Option<String>, Failure> {
        if let Some(glance) = &self.glance
            && glance.finds_form(&self.schema, payload)
        {
            return Ok(None);
        }
        let mut payload = json::parse(payload).map_err(|error| json::failure(event, &error))?;
        let Json::Object(fields) = &mut payload else {
            return Err(Failure::invalid("wrong-type", "the payload must be an object"));
        };
        let is_changed = self.schema.apply(fields)?;
        Ok(is_changed.then(|| payload.to_string()))
    }
}

export!(Validator, config_schema: "config.schema.json");
