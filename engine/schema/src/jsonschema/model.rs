//! A schema as it is evaluated: numbered nodes, each a list of keywords. References are numbers too, so a circle of
//! them is one in the data only.

use std::collections::HashMap;

use regex::Regex;

use super::format::Check;
use crate::json::{Decimal, Json};

/// The number of a subschema.
pub(super) type Node = usize;

/// A schema with all that it reaches.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) nodes: Vec<Rules>,
    /// Where `$dynamicAnchor` names stand: by resource and name.
    pub(super) dynamic: HashMap<(usize, String), Node>,
    /// Whether any schema asks what others have evaluated. If none does, nobody keeps account.
    pub(super) tracks: bool,
}

/// One subschema.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// The resource (`$id`) that it belongs to.
    pub(super) resource: usize,
    pub(super) keywords: Vec<Keyword>,
}

/// A keyword with what it needs.
#[derive(Debug)]
pub(super) enum Keyword {
    Never,
    Ref(Node),
    DynamicRef {
        target: Node,
        anchor: Option<String>,
    },
    Type(Vec<JsonType>),
    Enum(Vec<Json>),
    Const(Json),
    MultipleOf(Decimal),
    Maximum(Decimal),
    ExclusiveMaximum(Decimal),
    Minimum(Decimal),
    ExclusiveMinimum(Decimal),
    MaxLength(usize),
    MinLength(usize),
    Pattern(Regex, String),
    Format(Check, String),
    MaxItems(usize),
    MinItems(usize),
    UniqueItems,
    MaxProperties(usize),
    MinProperties(usize),
    Required(Vec<String>),
    DependentRequired(Vec<(String, Vec<String>)>),
    Properties {
        named: HashMap<String, Node>,
        patterns: Vec<(Regex, Node)>,
        additional: Option<Node>,
    },
    PropertyNames(Node),
    Items {
        prefix: Vec<Node>,
        rest: Option<Node>,
    },
    Contains {
        node: Node,
        min: usize,
        max: Option<usize>,
    },
    AllOf(Vec<Node>),
    AnyOf(Vec<Node>),
    OneOf(Vec<Node>),
    Not(Node),
    If {
        condition: Node,
        then: Option<Node>,
        otherwise: Option<Node>,
    },
    DependentSchemas(Vec<(String, Node)>),
    UnevaluatedItems(Node),
    UnevaluatedProperties(Node),
}

/// A type of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonType {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl JsonType {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::String,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }

    pub(super) fn has(self, value: &Json) -> bool {
        match (self, value) {
            (Self::Null, Json::Null)
            | (Self::Boolean, Json::Bool(_))
            | (Self::Number, Json::Number(_))
            | (Self::String, Json::String(_))
            | (Self::Array, Json::Array(_))
            | (Self::Object, Json::Object(_)) => true,
            (Self::Integer, Json::Number(digits)) => Decimal::of(digits).is_integer(),
            _ => false,
        }
    }
}
