//! Avro: values written by one schema and read by another, as JSON.
//!
//! The JSON is that of the standard, but where it would be of no use to a plugin:
//!
//! | Avro | JSON |
//! | --- | --- |
//! | `null`, `boolean`, `int`, `long`, `string` | as they are; a `long` keeps all digits |
//! | `float`, `double` | a number; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `bytes`, `fixed` | text whose characters U+0000 to U+00FF are the bytes |
//! | `decimal` | text with all digits of the scale: `"12.50"` |
//! | `enum` | its symbol |
//! | `array`, `map`, `record` | an array, an object, an object in the order of the schema |
//! | union of `null` and one other | `null`, or the value alone |
//! | any other union | `{"<branch>": value}`; `null` alone |
//! | `date`, `time…`, `timestamp…` | the number that is written |

pub(crate) mod compare;
mod decode;
mod default;
mod encode;
mod model;
mod parse;
mod tagged;

pub(crate) use model::AvroSchema;

use crate::error::{Rejection, SchemaError};
use crate::json::Json;

/// Parses a schema with the schemas that it refers to.
pub(crate) fn parse(text: &str, references: &[(&str, &str)]) -> Result<AvroSchema, SchemaError> {
    parse::parse(text, references)
}

/// Reads what `writer` has written, as `reader` has it.
pub(crate) fn decode(writer: &AvroSchema, reader: &AvroSchema, bytes: &[u8]) -> Result<Json, Rejection> {
    decode::decode(writer, reader, bytes)
}

/// Writes a value.
pub(crate) fn encode(schema: &AvroSchema, value: &Json) -> Result<Vec<u8>, Rejection> {
    encode::encode(schema, value)
}
