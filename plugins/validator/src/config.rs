//! What a pipeline writes.
//!
//! ```yaml
//! config:
//!   schema:
//!     unknown: drop
//!     fields:
//!       user:   { type: text, required: true, aliases: [userId, /actor/id], length: { max: 64 } }
//!       rating: { type: number, required: true, convert: true, min: 0.5, max: 5 }
//!       ts:     { type: timestamp, required: true, unit: s }
//!       device: { type: text, one-of: [web, app], default: web }
//!   exists: { table: users, key: /user }
//! ```
//!
//! Or a JSON Schema as it is:
//!
//! ```yaml
//! config:
//!   json-schema: { required: [user], properties: { user: { type: string, maxLength: 64 } } }
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tailrace_sdk::schemars::{JsonSchema, Schema, SchemaGenerator};

/// The step's config.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(
    crate = "tailrace_sdk::schemars",
    extend("x-tables" = ["/exists/table", "/exists/*/table"])
)]
pub struct Config {
    /// What the payload, a JSON object, must look like, and how it is brought into that form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ObjectSchema")]
    pub schema: Option<ObjectSchema>,
    /// A JSON Schema 2020-12 that the payload must fit as it came: an object, or the text of one. In an object, YAML
    /// and JSON round numbers of more than 17 digits; in a text they are exact. With `schema`, it is judged first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_schema")]
    pub json_schema: Option<Value>,
    /// Whether `format` is judged in `json-schema`, and not only noted. Default no.
    #[serde(default)]
    pub assert_formats: bool,
    /// Rows of tables that must be there: one reference, or a list of them. Each table is one of the pipeline's `tables`,
    /// and the step needs the grant `tables`. It is judged last, on what is handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Exists")]
    pub exists: Option<Exists>,
}

/// The rows that must be there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(crate = "tailrace_sdk::schemars")]
pub enum Exists {
    /// One reference.
    One(Reference),
    /// Each of these.
    Many(Vec<Reference>),
}

/// A value of an event that must be the key of a row. An event whose row is not there is invalid.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(crate = "tailrace_sdk::schemars")]
pub struct Reference {
    /// The table.
    pub table: String,
    /// The place of the key, as a JSON Pointer: a text, or a number or truth value as it is written. With `each` it is a
    /// place in an entry, and empty where the entry itself is the key.
    pub key: String,
    /// The place of a list, where each entry names a row: `/lines`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub each: Option<String>,
    /// Whether an event is invalid that has no key there, or null. Default no: what names nothing is not looked up.
    #[serde(default)]
    pub required: bool,
}

/// A schema is an object or a truth value, and may be given as text.
fn any_schema(_: &mut SchemaGenerator) -> Schema {
    let schema = json!({ "type": ["object", "boolean", "string", "null"] });
    schema.try_into().unwrap_or_default()
}

/// An object and its fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(crate = "tailrace_sdk::schemars")]
pub struct ObjectSchema {
    /// Fields by the name that they have afterwards.
    pub fields: BTreeMap<String, Field>,
    /// What becomes of fields that are not listed. Default `keep`.
    pub unknown: Unknown,
}

/// What becomes of fields that the schema does not list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "tailrace_sdk::schemars")]
pub enum Unknown {
    /// They stay.
    #[default]
    Keep,
    /// They are taken out.
    Drop,
    /// The event is invalid.
    Refuse,
}

/// One field. A bound that does not suit the type is refused.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(crate = "tailrace_sdk::schemars", transform = values_of_text_are_text)]
pub struct Field {
    /// Default `any`.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Whether an event without it is invalid. Default no.
    pub required: bool,
    /// Value where there is none. It must keep the field's own rules.
    pub default: Option<Value>,
    /// Whether null is a value. Default no: null counts as missing, and is taken out.
    pub nullable: bool,
    /// Other names of the field: a plain name beside it, or, beginning with a slash, a place further
    /// in (`/actor/id`), from where it is lifted out. An event may use one of them.
    pub aliases: Vec<String>,
    /// Whether a value of another type is converted where that is without doubt: text `"4.5"` to a
    /// number, a number to text, `"true"`, `"1"` and 1 to a truth value. Default no.
    pub convert: bool,
    /// The only values allowed, after conversion.
    pub one_of: Vec<Value>,
    /// Least number; for a timestamp, milliseconds since 1970.
    pub min: Option<f64>,
    /// Greatest number; for a timestamp, milliseconds since 1970.
    pub max: Option<f64>,
    /// Characters of a text, or entries of a list.
    pub length: Length,
    /// Regular expression that must match somewhere in a text; write `^…$` for the whole.
    pub pattern: Option<String>,
    /// What the numbers of a timestamp count. Default `ms`. Text is RFC 3339 either way.
    pub unit: Option<Unit>,
    /// Fields of an object.
    pub fields: BTreeMap<String, Field>,
    /// What becomes of an object's unlisted fields. Default `keep`.
    pub unknown: Option<Unknown>,
    /// What each entry of a list must be.
    pub items: Option<Box<Field>>,
}

/// What the derived schema cannot say: the values of a text field are texts. So plain words and digits in YAML are
/// read as such.
fn values_of_text_are_text(schema: &mut Schema) {
    let condition = json!({
        "if": { "properties": { "type": { "const": "text" } }, "required": ["type"] },
        "then": { "properties": {
            "one-of": { "items": { "type": ["string", "null"] } },
            "default": { "type": ["string", "null"] }
        } }
    });
    schema.insert("allOf".to_owned(), json!([condition]));
}

/// Types of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "tailrace_sdk::schemars")]
pub enum Kind {
    /// Anything.
    #[default]
    Any,
    /// A string.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A time: milliseconds since 1970 afterwards.
    Timestamp,
    /// An object with fields of its own.
    Object,
    /// A list.
    List,
}

/// Bounds of a length, both included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(crate = "tailrace_sdk::schemars")]
pub struct Length {
    /// Default 0.
    pub min: Option<usize>,
    /// Default none.
    pub max: Option<usize>,
}

/// What the numbers of a timestamp count, from 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "tailrace_sdk::schemars")]
pub enum Unit {
    /// Milliseconds.
    #[default]
    Ms,
    /// Seconds, with or without a fraction.
    S,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}
