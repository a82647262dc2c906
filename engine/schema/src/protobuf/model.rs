//! A Protobuf schema as it is read and written by: numbered messages and enums, all names resolved.

use std::collections::HashMap;

pub(super) use super::declare::Scalar;

/// The messages that one file declares, with all that they use.
#[derive(Debug, Default)]
pub(crate) struct ProtobufSchema {
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) names: HashMap<String, Named>,
    pub(super) package: String,
    /// The messages at the top of the file, in its order.
    pub(super) tops: Vec<usize>,
}

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Message(usize),
    Enum(usize),
}

/// A message.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// With its package, without a dot before it.
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
    pub(super) by_number: HashMap<u32, usize>,
    /// By the name in JSON and by the name in the schema.
    pub(super) by_name: HashMap<String, usize>,
    pub(super) oneofs: Vec<String>,
    pub(super) nested: Vec<usize>,
    pub(super) is_map_entry: bool,
}

/// A field.
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own about the wire.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) json_name: String,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) is_repeated: bool,
    pub(super) is_required: bool,
    /// Whether the zero of its type is told from nothing.
    pub(super) has_presence: bool,
    pub(super) is_packed: bool,
    pub(super) is_delimited: bool,
    /// The `oneof` that it belongs to; the one of an `optional` in proto3 does not count.
    pub(super) oneof: Option<usize>,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Scalar),
    Enum(usize),
    Message(usize),
}

/// An enum.
#[derive(Debug)]
pub(super) struct Enum {
    pub(super) name: String,
    /// The first one is the default.
    pub(super) first: String,
    pub(super) by_name: HashMap<String, i32>,
    /// The first name of each number.
    pub(super) by_number: HashMap<i32, String>,
    /// Whether numbers without a name are values too.
    pub(super) is_open: bool,
}

impl ProtobufSchema {
    /// The entry of a map field.
    pub(super) fn entry(&self, field: &Field) -> Option<&Message> {
        match field.kind {
            Kind::Message(message) if field.is_repeated => {
                Some(&self.messages[message]).filter(|message| message.is_map_entry)
            }
            _ => None,
        }
    }

    /// The message that a list of numbers names: the first among those at the top, each further one among the
    /// messages inside.
    pub(super) fn at(&self, path: &[usize]) -> Option<usize> {
        let (first, inner) = path.split_first()?;
        let top = *self.tops.get(*first)?;
        inner.iter().try_fold(top, |message, index| {
            self.messages[message].nested.get(*index).copied()
        })
    }
}

impl Kind {
    /// Whether many values may stand in one length-delimited field.
    pub(super) fn can_be_packed(self) -> bool {
        !matches!(
            self,
            Self::Scalar(Scalar::String | Scalar::Bytes) | Self::Message(_)
        )
    }
}
