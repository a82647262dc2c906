//! An Avro schema as it is read and written by: numbered types, so that a record may contain itself.

use std::collections::HashMap;

use crate::json::Json;

/// The number of a type.
pub(super) type TypeId = usize;

/// A schema with the named types that it refers to.
#[derive(Debug, Default)]
pub(crate) struct AvroSchema {
    pub(super) types: Vec<Type>,
    pub(super) root: TypeId,
    /// Named types by their full name.
    pub(super) names: HashMap<String, TypeId>,
}

/// One type.
#[derive(Debug, Clone)]
pub(super) struct Type {
    pub(super) shape: Shape,
    /// Precision and scale, if the bytes are a decimal. Other logical types are written as what they annotate.
    pub(super) decimal: Option<(usize, usize)>,
}

/// What a type is made of.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Name, Fields),
    Enum {
        name: Name,
        symbols: Symbols,
        default: Option<usize>,
    },
    Fixed(Name, usize),
}

/// The full name of a named type, and those it had before.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) full: String,
    pub(super) aliases: Vec<String>,
}

/// The fields of a record, in order, and found by name: a record may have thousands, and a payload thousands of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    pub(super) list: Vec<RecordField>,
    by_name: HashMap<String, usize>,
    by_alias: HashMap<String, usize>,
}

impl Fields {
    pub(super) fn new(list: Vec<RecordField>) -> Self {
        let by_name = list
            .iter()
            .enumerate()
            .map(|(index, field)| (field.name.clone(), index))
            .collect();
        let aliases = list.iter().enumerate();
        let aliases =
            aliases.flat_map(|(index, field)| field.aliases.iter().map(move |alias| (alias.clone(), index)));
        Self {
            by_name,
            by_alias: aliases.collect(),
            list,
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The field that reads what was written under a name.
    pub(super) fn reading(&self, written: &str) -> Option<usize> {
        self.named(written)
            .or_else(|| self.by_alias.get(written).copied())
    }
}

/// The symbols of an enum, in order, and found by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Symbols {
    pub(super) list: Vec<String>,
    by_name: HashMap<String, usize>,
}

impl Symbols {
    pub(super) fn new(list: Vec<String>) -> Self {
        let by_name = list
            .iter()
            .enumerate()
            .map(|(index, symbol)| (symbol.clone(), index))
            .collect();
        Self { list, by_name }
    }

    pub(super) fn position(&self, symbol: &str) -> Option<usize> {
        self.by_name.get(symbol).copied()
    }
}

/// A field of a record.
#[derive(Debug, Clone)]
pub(super) struct RecordField {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) of: TypeId,
    /// As the schema has it.
    pub(super) default: Option<Json>,
}

impl Name {
    /// The name without its namespace.
    fn short(&self) -> &str {
        self.full.rsplit('.').next().unwrap_or(&self.full)
    }

    /// Whether a reader's type of this name reads what was written under another: namespaces do not count.
    pub(super) fn reads(&self, written: &Name) -> bool {
        self.short() == written.short() || self.aliases.contains(&written.full)
    }
}

impl RecordField {
    /// Whether a reader's field of this name reads what was written under another.
    pub(super) fn reads(&self, written: &str) -> bool {
        self.name == written || self.aliases.iter().any(|alias| alias == written)
    }
}

impl AvroSchema {
    pub(super) fn shape(&self, of: TypeId) -> &Shape {
        &self.types[of].shape
    }

    /// The name of a type as a branch of a union has it.
    pub(super) fn branch_name(&self, of: TypeId) -> &str {
        match self.shape(of) {
            Shape::Record(name, _) | Shape::Enum { name, .. } | Shape::Fixed(name, _) => &name.full,
            other => other.word(),
        }
    }

    /// Whether the union is one value or none, so that its branch needs no name in JSON.
    pub(super) fn is_plain(&self, branches: &[TypeId]) -> bool {
        let nulls = branches
            .iter()
            .filter(|branch| matches!(self.shape(**branch), Shape::Null))
            .count();
        branches.len() - nulls <= 1
    }
}

impl Shape {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(..) => "record",
            Self::Enum { .. } => "enum",
            Self::Fixed(..) => "fixed",
        }
    }

    pub(super) fn primitive(word: &str) -> Option<Self> {
        Some(match word {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "bytes" => Self::Bytes,
            "string" => Self::String,
            _ => return None,
        })
    }

    /// Whether a reader of this type reads values of a simpler one: the promotions of the standard.
    pub(super) fn promotes(&self, written: &Shape) -> bool {
        matches!(
            (written, self),
            (Self::Int, Self::Long | Self::Float | Self::Double)
                | (Self::Long, Self::Float | Self::Double)
                | (Self::Float, Self::Double)
                | (Self::String, Self::Bytes)
                | (Self::Bytes, Self::String)
        )
    }

    /// Whether both are the same kind of type, and have the same name where they have one.
    pub(super) fn matches(&self, written: &Shape) -> bool {
        match (self, written) {
            (Self::Record(one, _), Self::Record(other, _))
            | (Self::Enum { name: one, .. }, Self::Enum { name: other, .. }) => one.reads(other),
            (Self::Fixed(one, size), Self::Fixed(other, other_size)) => {
                one.reads(other) && size == other_size
            }
            _ => self.word() == written.word(),
        }
    }
}
