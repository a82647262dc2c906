//! Protobuf: proto2, proto3 and the editions 2023 and 2024, as `.proto` text or as a descriptor set; payloads as the
//! canonical JSON of the standard.
//!
//! Text that is not UTF-8 is a rejection under every syntax: JSON cannot hold it.
//!
//! Not read: message sets. Not checked: names by the style of edition 2024, reserved numbers and names, and the ranges
//! of extensions. None of them changes how bytes are read.
//!
//! No crate is used: none has Editions, and none says where in a payload a fault is (decision 0122).

pub(crate) mod compare;
mod cursor;
mod declare;
mod decode;
mod descriptor;
mod encode;
mod lex;
mod link;
mod model;
mod options;
mod parse;
mod standard;
mod times;
mod well_known;
mod wire;

pub(crate) use model::ProtobufSchema;

use declare::FileDecl;

use crate::error::{Place, Rejection, SchemaError};
use crate::json::Json;

/// Parses a schema with its imports: each a `.proto` text, or a descriptor set in base64.
pub(crate) fn parse(text: &str, references: &[(&str, &str)]) -> Result<ProtobufSchema, SchemaError> {
    let mut files = declared("schema.proto", text)?;
    let main = files
        .pop()
        .ok_or_else(|| SchemaError::new(Place::default(), "the descriptor set has no file"))?;
    for (name, text) in references {
        let mut referred = declared(name, text).map_err(|fault| fault.within(name))?;
        if let Some(last) = referred.last_mut() {
            (*name).clone_into(&mut last.name);
        }
        files.extend(referred);
    }
    let find = |import: &str| {
        if let Some(file) = files.iter().find(|file| file.name == import) {
            return Some(Ok(file.clone()));
        }
        if let Some((name, text)) = standard::FILES.iter().find(|(name, _)| *name == import) {
            return Some(parse::parse(name, text));
        }
        standard::PASSED_OVER
            .contains(&import)
            .then(|| parse::parse(import, "syntax = \"proto2\";"))
    };
    let files = link::closure(main, find)?;
    let schema = link::link(&files, 0)?;
    if schema.tops.is_empty() {
        return Err(SchemaError::new(Place::default(), "the file declares no message"));
    }
    Ok(schema)
}

/// The files of a schema, the one that was pushed last: `protoc` writes imports before what imports them.
fn declared(name: &str, text: &str) -> Result<Vec<FileDecl>, SchemaError> {
    let compact: String = text.split_ascii_whitespace().collect();
    match crate::base64::from_base64(&compact) {
        Some(bytes) if !compact.is_empty() => descriptor::files(&bytes),
        _ => Ok(vec![parse::parse(name, text)?]),
    }
}

impl ProtobufSchema {
    /// Reads a message, which the path of Confluent's header names.
    pub(crate) fn decode(&self, path: &[usize], bytes: &[u8]) -> Result<Json, Rejection> {
        decode::decode(self, self.message(path)?, bytes)
    }

    /// Writes a message.
    pub(crate) fn encode(&self, path: &[usize], value: &Json) -> Result<Vec<u8>, Rejection> {
        encode::encode(self, self.message(path)?, value)
    }

    /// The path of a message by its name, with or without its package.
    pub(crate) fn path(&self, name: &str) -> Option<Vec<usize>> {
        let mut paths: Vec<Vec<usize>> = (0..self.tops.len()).map(|index| vec![index]).collect();
        let mut at = 0;
        while at < paths.len() {
            let path = paths[at].clone();
            let message = &self.messages[self.at(&path)?];
            let is_end = message
                .name
                .strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            if is_end {
                return Some(path);
            }
            let inner = (0..message.nested.len()).map(|index| path.iter().copied().chain([index]).collect());
            paths.extend(inner.collect::<Vec<_>>());
            at += 1;
        }
        None
    }

    fn message(&self, path: &[usize]) -> Result<usize, Rejection> {
        self.at(path)
            .ok_or_else(|| Rejection::new(format!("the schema has no message at {path:?}")))
    }
}
