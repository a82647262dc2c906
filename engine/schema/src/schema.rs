//! One schema, whatever it is written in: it judges payloads, reads them as JSON and writes them from JSON.

use crate::avro::{self, AvroSchema};
use crate::bounds::{MAX_CLOSURE_BYTES, MAX_REFERENCES, MAX_SCHEMA_BYTES};
use crate::difference::Difference;
use crate::error::{Place, Rejection, SchemaError};
use crate::format::Format;
use crate::json::{read, write};
use crate::jsonschema::{self, JsonSchema};
use crate::protobuf::{self, ProtobufSchema};

/// A document that a schema refers to: `$ref` of JSON Schema, a named type of Avro, an `import` of Protobuf. All that
/// is reached is given, not only what the schema names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    name: String,
    text: String,
}

impl Reference {
    /// The document by the name under which it is referred to.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }
}

/// What a schema may leave open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// JSON Schema: whether `format` is judged, and not only noted.
    pub asserts_formats: bool,
}

/// A schema that is ready to use.
#[derive(Debug)]
pub struct Schema {
    body: Body,
    /// Protobuf: the message that payloads are, if their header names none.
    message: Vec<usize>,
}

#[derive(Debug)]
enum Body {
    JsonSchema(JsonSchema),
    Avro(AvroSchema),
    Protobuf(ProtobufSchema),
}

impl Schema {
    /// Reads a schema with all documents that it refers to. Time and memory are bounded by [`crate::bounds`].
    pub fn parse(
        format: Format,
        text: &str,
        references: &[Reference],
        options: Options,
    ) -> Result<Self, SchemaError> {
        bounded(text, references)?;
        let named: Vec<(&str, &str)> = references
            .iter()
            .map(|reference| (reference.name.as_str(), reference.text.as_str()))
            .collect();
        let (body, message) = match format {
            Format::JsonSchema => (
                Body::JsonSchema(JsonSchema::parse(text, &named, options.asserts_formats)?),
                Vec::new(),
            ),
            Format::Avro => (Body::Avro(avro::parse(text, &named)?), Vec::new()),
            Format::Protobuf => (Body::Protobuf(protobuf::parse(text, &named)?), vec![0]),
        };
        Ok(Self { body, message })
    }

    /// Protobuf: the same schema, for payloads that are another message than the first of the file.
    pub fn for_message(mut self, name: &str) -> Result<Self, SchemaError> {
        let fault = |what: String| SchemaError::new(Place::default(), what);
        let Body::Protobuf(schema) = &self.body else {
            return Err(fault(
                "only a Protobuf schema has messages to choose from".to_owned(),
            ));
        };
        self.message = schema
            .path(name)
            .ok_or_else(|| fault(format!("the schema has no message {name}")))?;
        Ok(self)
    }

    /// What it is written in.
    pub fn format(&self) -> Format {
        match self.body {
            Body::JsonSchema(_) => Format::JsonSchema,
            Body::Avro(_) => Format::Avro,
            Body::Protobuf(_) => Format::Protobuf,
        }
    }

    /// Protobuf: the way to the message that payloads are, for Confluent's header. Empty otherwise.
    pub fn message(&self) -> &[usize] {
        &self.message
    }

    /// Judges a payload.
    pub fn validate(&self, payload: &[u8]) -> Result<(), Rejection> {
        match &self.body {
            Body::JsonSchema(schema) => schema.validate(payload),
            _ => self.decode(payload).map(|_| ()),
        }
    }

    /// The payload as JSON. A payload that is JSON stays as it came, byte for byte.
    pub fn decode(&self, payload: &[u8]) -> Result<Vec<u8>, Rejection> {
        self.decode_written(self, &self.message, payload)
    }

    /// The payload as JSON of this schema, though another version has written it. `message` is the way to a
    /// Protobuf message, as Confluent's header has it.
    ///
    /// Avro resolves the two schemas. JSON and Protobuf need no writer: their payloads name their own parts.
    pub fn decode_written(
        &self,
        writer: &Schema,
        message: &[usize],
        payload: &[u8],
    ) -> Result<Vec<u8>, Rejection> {
        match (&self.body, &writer.body) {
            (Body::JsonSchema(schema), Body::JsonSchema(_)) => {
                schema.validate(payload)?;
                Ok(payload.to_vec())
            }
            (Body::Avro(reader), Body::Avro(writer)) => Ok(write(&avro::decode(writer, reader, payload)?)),
            (Body::Protobuf(schema), Body::Protobuf(_)) => Ok(write(&schema.decode(message, payload)?)),
            _ => {
                let (written, read) = (writer.format(), self.format());
                Err(Rejection::new(format!(
                    "the payload was written as {written}, and the schema reads {read}"
                )))
            }
        }
    }

    /// The payload that a JSON text is. Text that is JSON already stays as it came, once it is judged.
    pub fn encode(&self, json: &[u8]) -> Result<Vec<u8>, Rejection> {
        match &self.body {
            Body::JsonSchema(schema) => {
                schema.validate(json)?;
                Ok(json.to_vec())
            }
            Body::Avro(schema) => avro::encode(schema, &read(json)?),
            Body::Protobuf(schema) => schema.encode(&self.message, &read(json)?),
        }
    }

    /// Why this schema cannot read what `writer` writes; nothing if it can.
    pub fn differences(&self, writer: &Schema) -> Vec<Difference> {
        match (&self.body, &writer.body) {
            (Body::JsonSchema(reader), Body::JsonSchema(writer)) => {
                jsonschema::compare::differences(reader, writer)
            }
            (Body::Avro(reader), Body::Avro(writer)) => avro::compare::differences(reader, writer),
            (Body::Protobuf(reader), Body::Protobuf(writer)) => {
                protobuf::compare::differences(reader, writer)
            }
            _ => {
                let what = format!("the schema is {} and was {}", self.format(), writer.format());
                vec![Difference {
                    rule: "FORMAT_CHANGED",
                    place: Place::default(),
                    what,
                }]
            }
        }
    }
}

fn bounded(text: &str, references: &[Reference]) -> Result<(), SchemaError> {
    let fault = |what: String| Err(SchemaError::new(Place::default(), what));
    if text.len() > MAX_SCHEMA_BYTES {
        return fault(format!(
            "a schema has at most {MAX_SCHEMA_BYTES} bytes, this one has {}",
            text.len()
        ));
    }
    if references.len() > MAX_REFERENCES {
        return fault(format!(
            "a schema refers to at most {MAX_REFERENCES} others, this one to {}",
            references.len()
        ));
    }
    let all = text.len()
        + references
            .iter()
            .map(|reference| reference.text.len())
            .sum::<usize>();
    if all > MAX_CLOSURE_BYTES {
        return fault(format!(
            "a schema with its references has at most {MAX_CLOSURE_BYTES} bytes, this one {all}"
        ));
    }
    Ok(())
}
