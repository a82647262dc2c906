//! What a file declares, before names are resolved: the same from a `.proto` text and from a descriptor.

/// A file.
#[derive(Debug, Clone)]
pub(super) struct FileDecl {
    pub(super) name: String,
    pub(super) package: String,
    pub(super) syntax: Syntax,
    pub(super) imports: Vec<String>,
    pub(super) features: Features,
    pub(super) messages: Vec<MessageDecl>,
    pub(super) enums: Vec<EnumDecl>,
    /// Fields that belong to messages of another name.
    pub(super) extensions: Vec<(String, FieldDecl)>,
}

/// The language that a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Proto2,
    Proto3,
    Edition(u32),
}

/// A message.
#[derive(Debug, Clone, Default)]
pub(super) struct MessageDecl {
    pub(super) name: String,
    pub(super) fields: Vec<FieldDecl>,
    pub(super) oneofs: Vec<String>,
    pub(super) messages: Vec<MessageDecl>,
    pub(super) enums: Vec<EnumDecl>,
    pub(super) extensions: Vec<(String, FieldDecl)>,
    pub(super) is_map_entry: bool,
    pub(super) is_message_set: bool,
    pub(super) features: Features,
}

/// A field.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldDecl {
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) label: Option<Label>,
    pub(super) of: TypeDecl,
    pub(super) is_group: bool,
    pub(super) oneof: Option<usize>,
    pub(super) json_name: Option<String>,
    pub(super) packed: Option<bool>,
    pub(super) is_optional_in_proto3: bool,
    pub(super) features: Features,
    /// Line and column, where it came from a text.
    pub(super) line: Option<(usize, usize)>,
}

/// How often a field may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Optional,
    Required,
    Repeated,
}

/// The type of a field, as it is written.
#[derive(Debug, Clone)]
pub(super) enum TypeDecl {
    Scalar(Scalar),
    Named(String),
}

impl Default for TypeDecl {
    fn default() -> Self {
        Self::Named(String::new())
    }
}

/// An enum.
#[derive(Debug, Clone, Default)]
pub(super) struct EnumDecl {
    pub(super) name: String,
    pub(super) values: Vec<(String, i32)>,
    pub(super) features: Features,
}

/// The types that need no declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
}

impl Scalar {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "double" => Self::Double,
            "float" => Self::Float,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "uint32" => Self::Uint32,
            "uint64" => Self::Uint64,
            "sint32" => Self::Sint32,
            "sint64" => Self::Sint64,
            "fixed32" => Self::Fixed32,
            "fixed64" => Self::Fixed64,
            "sfixed32" => Self::Sfixed32,
            "sfixed64" => Self::Sfixed64,
            "bool" => Self::Bool,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// What a file, message, field or enum says of how it is read and written; `None` where it says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Features {
    pub(super) presence: Option<Presence>,
    pub(super) open_enum: Option<bool>,
    pub(super) packed: Option<bool>,
    pub(super) delimited: Option<bool>,
}

/// Whether a field that is not set differs from one with the zero of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Explicit,
    Implicit,
    Required,
}

impl Features {
    /// These features, with those of the surroundings where these say nothing.
    pub(super) fn within(self, outer: Features) -> Features {
        Features {
            presence: self.presence.or(outer.presence),
            open_enum: self.open_enum.or(outer.open_enum),
            packed: self.packed.or(outer.packed),
            delimited: self.delimited.or(outer.delimited),
        }
    }

    /// What the language of a file says.
    pub(super) fn of(syntax: Syntax) -> Features {
        let (presence, is_new) = match syntax {
            Syntax::Proto2 => (Presence::Explicit, false),
            Syntax::Proto3 => (Presence::Implicit, true),
            Syntax::Edition(_) => (Presence::Explicit, true),
        };
        Features {
            presence: Some(presence),
            open_enum: Some(is_new),
            packed: Some(is_new),
            delimited: Some(false),
        }
    }
}

/// The name of the entry that stands for a map field: `some_field` is `SomeFieldEntry`.
pub(super) fn entry_name(field: &str) -> String {
    let words = field.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        })
    });
    words.collect::<String>() + "Entry"
}
