//! A JSON value.

use std::fmt::Write as _;

use super::number::Decimal;

/// A value of JSON. Objects are in the order of their text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, by its digits as they were written.
    Number(Box<str>),
    /// Text
    String(String),
    /// Values one after the other
    Array(Vec<Json>),
    /// Members, each name once
    Object(Vec<(String, Json)>),
}

impl Json {
    /// A number.
    #[allow(clippy::needless_pass_by_value)] // Numbers are passed by value.
    pub(crate) fn number(number: impl ToString) -> Self {
        Self::Number(number.to_string().into_boxed_str())
    }

    /// A number of single precision, with the digits that it needs; a text for what JSON has no number for.
    pub(crate) fn float(number: f32) -> Self {
        if number.is_finite() {
            Self::number(format!("{number:?}"))
        } else {
            Self::not_finite(f64::from(number))
        }
    }

    /// A number of double precision, in the same way.
    pub(crate) fn double(number: f64) -> Self {
        if number.is_finite() {
            Self::number(format!("{number:?}"))
        } else {
            Self::not_finite(number)
        }
    }

    fn not_finite(number: f64) -> Self {
        Self::text(if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        })
    }

    /// A text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// The member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.members()
            .iter()
            .find(|(member, _)| member == name)
            .map(|(_, value)| value)
    }

    /// The members, if it is an object.
    pub(crate) fn members(&self) -> &[(String, Json)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements, if it is an array.
    pub(crate) fn elements(&self) -> &[Json] {
        match self {
            Self::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The text, if it is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number at or above zero, if it is one.
    pub(crate) fn as_size(&self) -> Option<usize> {
        match self {
            Self::Number(digits) => Decimal::of(digits).to_integer()?.try_into().ok(),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// About how much work it is to look at all of it.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Number(digits) => 1 + digits.len() / 16,
            Self::String(text) => 1 + text.len() / 16,
            Self::Array(elements) => 1 + elements.iter().map(Json::weight).sum::<usize>(),
            Self::Object(members) => {
                1 + members
                    .iter()
                    .map(|(name, member)| 1 + name.len() / 16 + member.weight())
                    .sum::<usize>()
            }
            Self::Null | Self::Bool(_) => 1,
        }
    }

    /// Equal by value: `1.0` is `1`, and the order of members says nothing.
    pub(crate) fn equals(&self, other: &Json) -> bool {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => Decimal::of(one) == Decimal::of(other),
            (Self::Array(one), Self::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.equals(other))
            }
            (Self::Object(one), Self::Object(others)) => {
                one.len() == others.len()
                    && one
                        .iter()
                        .all(|(name, value)| other.get(name).is_some_and(|other| value.equals(other)))
            }
            _ => self == other,
        }
    }

    /// A text that two values share exactly if they are equal: to find doubles without comparing all with all.
    pub(crate) fn canonical(&self) -> String {
        let mut text = String::new();
        self.write_canonical(&mut text);
        text
    }

    fn write_canonical(&self, text: &mut String) {
        match self {
            Self::Number(digits) => text.push_str(&Decimal::of(digits).to_string()),
            Self::Array(elements) => {
                text.push('[');
                for element in elements {
                    element.write_canonical(text);
                    text.push(',');
                }
                text.push(']');
            }
            Self::Object(members) => {
                let mut sorted: Vec<&(String, Json)> = members.iter().collect();
                sorted.sort_by(|one, other| one.0.cmp(&other.0));
                text.push('{');
                for (name, value) in sorted {
                    let _ = write!(text, "{name:?}:");
                    value.write_canonical(text);
                    text.push(',');
                }
                text.push('}');
            }
            Self::String(string) => {
                let _ = write!(text, "{string:?}");
            }
            Self::Bool(bool) => text.push_str(if *bool { "true" } else { "false" }),
            Self::Null => text.push_str("null"),
        }
    }
}
