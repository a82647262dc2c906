//! Schemas of payloads: what an event must be, and how its bytes become JSON and JSON becomes bytes.
//!
//! - [`Schema`] is one schema of one of three [`Format`]s: JSON Schema 2020-12, Avro, Protobuf;
//! - [`Compatibility`] says whether a new version of a schema may follow the older ones, and why not;
//! - [`JsonSchema`] is the first of them alone, for plugins: a component holds what it uses;
//! - [`Header`] is what Confluent's wire format has before a payload.
//!
//! Schemas and payloads come from tenants, so both may be hostile. Reading a schema, judging a payload and comparing
//! two schemas are each bounded in time, memory and stack ([`bounds`]). Nothing is fetched, and nothing is rounded:
//! numbers keep their digits from the payload to the plugin and back.
//!
//! A fault has its place: a JSON pointer, a byte, a line. [`SchemaError`] is a fault of a schema, found when it is
//! pushed; [`Rejection`] is one of a payload.
//!
//! No IO, no clock, and no other crate of the engine. Why no crate of the registry does this: decisions 0120 to 0122.

mod avro;
pub mod base64;
pub mod bounds;
mod compatibility;
mod confluent;
mod difference;
mod error;
mod format;
mod json;
mod jsonschema;
mod protobuf;
mod schema;

pub use compatibility::{Compatibility, Conflict, Direction};
pub use confluent::Header;
pub use difference::Difference;
pub use error::{Place, Rejection, SchemaError};
pub use format::Format;
pub use json::{Json, read as read_json, write as write_json};
pub use jsonschema::{JsonSchema, is_iri_reference};
pub use schema::{Options, Reference, Schema};
