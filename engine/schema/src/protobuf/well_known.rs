//! The messages of the standard that have a form of their own in JSON: between that form, and the form that any other
//! message of the same fields would have.

use super::times;
use crate::json::{Decimal, Json};

/// What a message of the standard is in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WellKnown {
    Any,
    Timestamp,
    Duration,
    FieldMask,
    Struct,
    Value,
    List,
    Wrapper,
}

impl WellKnown {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.strip_prefix("google.protobuf.")? {
            "Any" => Self::Any,
            "Timestamp" => Self::Timestamp,
            "Duration" => Self::Duration,
            "FieldMask" => Self::FieldMask,
            "Struct" => Self::Struct,
            "Value" => Self::Value,
            "ListValue" => Self::List,
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value"
            | "BoolValue" | "StringValue" | "BytesValue" => Self::Wrapper,
            _ => return None,
        })
    }

    /// From the plain form to the form of its own. `zero` is the value of a wrapper that has none.
    pub(super) fn shown(self, plain: Json, zero: impl FnOnce() -> Json) -> Result<Json, String> {
        match self {
            Self::Timestamp | Self::Duration => {
                let number = |name| plain.get(name).map_or(Some(0), integer);
                let (seconds, nanos) = (number("seconds"), number("nanos"));
                let nanos = nanos.and_then(|nanos| i32::try_from(nanos).ok());
                let text = seconds.zip(nanos).and_then(|(seconds, nanos)| match self {
                    Self::Timestamp => times::timestamp_text(seconds, nanos),
                    _ => times::duration_text(seconds, nanos),
                });
                text.map(Json::String)
                    .ok_or_else(|| "the time is out of its bounds".to_owned())
            }
            Self::FieldMask => {
                let paths = plain.get("paths").map(Json::elements).unwrap_or_default();
                let paths: Option<Vec<String>> =
                    paths.iter().filter_map(Json::as_str).map(to_camel).collect();
                let paths = paths.ok_or_else(|| "a path of the field mask has no form in JSON".to_owned())?;
                Ok(Json::String(paths.join(",")))
            }
            Self::Struct => Ok(member(plain).unwrap_or(Json::Object(Vec::new()))),
            Self::List => Ok(member(plain).unwrap_or(Json::Array(Vec::new()))),
            // A number that is written as text is none that JSON has.
            Self::Value if matches!(plain.get("numberValue"), Some(Json::String(_))) => {
                Err("NaN and infinities have no form in a Value's JSON".to_owned())
            }
            Self::Value => match member(plain) {
                Some(value) => Ok(value),
                None => Err("the value is empty, which has no form in JSON".to_owned()),
            },
            Self::Wrapper => Ok(member(plain).unwrap_or_else(zero)),
            Self::Any => Ok(plain),
        }
    }

    /// From the form of its own to the plain form.
    pub(super) fn plain(self, value: &Json) -> Result<Json, String> {
        let object = |members: Vec<(&str, Json)>| {
            Json::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            )
        };
        match (self, value) {
            (Self::Timestamp | Self::Duration, Json::String(text)) => {
                let (parsed, form) = match self {
                    Self::Timestamp => (times::timestamp(text), "a time of RFC 3339, years 1 to 9999"),
                    _ => (times::duration(text), "seconds with an s behind them"),
                };
                let (seconds, nanos) = parsed.ok_or_else(|| format!("{text:?} is not {form}"))?;
                Ok(object(vec![
                    ("seconds", Json::number(seconds)),
                    ("nanos", Json::number(nanos)),
                ]))
            }
            (Self::FieldMask, Json::String(text)) => {
                let paths = text.split(',').filter(|path| !path.is_empty()).map(to_snake);
                let paths: Option<Vec<Json>> = paths.map(|path| path.map(Json::String)).collect();
                let paths = paths.ok_or_else(|| "a path of a field mask in JSON has no _".to_owned())?;
                Ok(object(vec![("paths", Json::Array(paths))]))
            }
            (Self::Struct, Json::Object(_)) => Ok(object(vec![("fields", value.clone())])),
            (Self::List, Json::Array(_)) => Ok(object(vec![("values", value.clone())])),
            (Self::Value, value) => {
                let member = match value {
                    Json::Null => "nullValue",
                    Json::Number(_) => "numberValue",
                    Json::String(_) => "stringValue",
                    Json::Bool(_) => "boolValue",
                    Json::Object(_) => "structValue",
                    Json::Array(_) => "listValue",
                };
                Ok(object(vec![(member, value.clone())]))
            }
            (Self::Wrapper, value) => Ok(object(vec![("value", value.clone())])),
            _ => Err(format!("{} has no such form", value.kind())),
        }
    }
}

/// The one member of a plain form.
fn member(plain: Json) -> Option<Json> {
    match plain {
        Json::Object(members) => members.into_iter().next().map(|(_, value)| value),
        _ => None,
    }
}

fn integer(value: &Json) -> Option<i64> {
    let digits = match value {
        Json::Number(digits) => digits,
        other => other.as_str()?,
    };
    Decimal::of(digits).to_integer()?.try_into().ok()
}

fn to_camel(path: &str) -> Option<String> {
    let mut camel = String::with_capacity(path.len());
    let mut characters = path.chars();
    while let Some(character) = characters.next() {
        match character {
            '_' => camel.push(
                characters
                    .next()
                    .filter(char::is_ascii_lowercase)?
                    .to_ascii_uppercase(),
            ),
            character if character.is_ascii_uppercase() => return None,
            character => camel.push(character),
        }
    }
    Some(camel)
}

fn to_snake(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for character in path.chars() {
        match character {
            '_' => return None,
            character if character.is_ascii_uppercase() => {
                snake.push('_');
                snake.push(character.to_ascii_lowercase());
            }
            character => snake.push(character),
        }
    }
    Some(snake)
}
