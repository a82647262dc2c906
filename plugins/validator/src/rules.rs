//! The schema, ready to be applied: what cannot be wrong any more.

use regex_lite::Regex;

use crate::{
    config::{Unit, Unknown},
    json::Json,
};

/// Rules of an object.
pub(crate) struct ObjectRule {
    /// By name, in order, so that the first thing wrong is the same each time.
    pub(crate) fields: Vec<FieldRule>,
    pub(crate) unknown: Unknown,
}

/// A named field of an object.
pub(crate) struct FieldRule {
    pub(crate) name: String,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) required: bool,
    pub(crate) default: Option<Json<'static>>,
    pub(crate) value: ValueRule,
}

/// Another place where a field may be.
pub(crate) enum Alias {
    Beside(String),
    /// Names of the objects on the way, then the name in the last.
    Inside(Vec<String>, String),
}

/// Rules of a value.
pub(crate) struct ValueRule {
    pub(crate) nullable: bool,
    pub(crate) convert: bool,
    pub(crate) one_of: Vec<Json<'static>>,
    pub(crate) shape: Shape,
}

/// Rules of a type.
pub(crate) enum Shape {
    Any,
    Text {
        length: Bounds<usize>,
        pattern: Option<Regex>,
    },
    Number {
        range: Bounds<f64>,
        is_whole: bool,
    },
    Boolean,
    Timestamp {
        range: Bounds<f64>,
        unit: Unit,
    },
    Object(ObjectRule),
    List {
        length: Bounds<usize>,
        items: Option<Box<ValueRule>>,
    },
}

/// Two bounds, both included.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<T> {
    pub(crate) min: Option<T>,
    pub(crate) max: Option<T>,
}

impl<T: PartialOrd> Bounds<T> {
    pub(crate) fn hold(&self, value: &T) -> bool {
        self.min.as_ref().is_none_or(|min| value >= min) && self.max.as_ref().is_none_or(|max| value <= max)
    }

    pub(crate) fn are_empty(&self) -> bool {
        matches!((&self.min, &self.max), (Some(min), Some(max)) if min > max)
    }
}
