//! Reading JSON strictly: a field that is twice in an object is refused.
//!
//! Readers disagree on which of the two counts. An event that is forwarded as it came must not mean
//! one thing to the step that checked it and another to the step that uses it. The engine refuses
//! such an event itself where it looks into the payload; this holds where it does not.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tailrace_sdk::{Event, Failure};

use super::{
    number::Number,
    value::{Item, Json, Object},
};

/// Says of a field that its object has it already.
const TWICE: &str = "is there twice";
/// Levels of nesting that are read.
const MAX_DEPTH: usize = 127;
/// Digits that always fit into a float, without an exponent.
const ALWAYS_FINITE: usize = 300;

/// The payload as text: checked in one go, which is cheaper than string by string. A byte order mark
/// means nothing in UTF-8, and the engine passes it over, too.
pub(crate) fn text(event: &Event) -> Result<&str, Failure> {
    let text = std::str::from_utf8(&event.payload).map_err(|error| event.malformed(error))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Reads the text of an event's payload.
pub(crate) fn parse(text: &str) -> Result<Json<'_>, serde_json::Error> {
    let raw: &RawValue = serde_json::from_str(text)?;
    of_raw(raw.get(), 0)
}

/// The failure of a payload that does not read.
pub(crate) fn failure(event: &Event, error: &serde_json::Error) -> Failure {
    let why = error.to_string();
    // No error of the parser has these words.
    if why.contains(TWICE) {
        return Failure::invalid("duplicate-member", format!("the payload does not read: {why}"));
    }
    event.malformed(why)
}

/// Reads a value that the parser has gone over, within so many others.
pub(crate) fn of_raw(raw: &str, depth: usize) -> Result<Json<'_>, serde_json::Error> {
    Ok(match raw.as_bytes() {
        [b'"', ..] if !raw.contains('\\') => Json::Text(Cow::Borrowed(&raw[1..raw.len() - 1])),
        [b'"', ..] => Json::Text(Cow::Owned(serde_json::from_str(raw)?)),
        [b'{' | b'[', ..] if depth >= MAX_DEPTH => {
            return Err(Error::custom(format_args!(
                "it is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        [b'{', ..] => {
            let mut reader = serde_json::Deserializer::from_str(raw);
            Json::Object(reader.deserialize_map(Fields { depth: depth + 1 })?)
        }
        [b'[', ..] => {
            let mut reader = serde_json::Deserializer::from_str(raw);
            Json::List(reader.deserialize_seq(Items { depth: depth + 1 })?)
        }
        [b't', ..] => Json::Boolean(true),
        [b'f', ..] => Json::Boolean(false),
        [b'n', ..] => Json::Null,
        _ => Json::Number(number(raw)?),
    })
}

/// A number that no float can hold is no number to most readers.
fn number(raw: &str) -> Result<Number<'_>, serde_json::Error> {
    let number = Number::of(raw);
    let may_be_too_large = raw.len() >= ALWAYS_FINITE || raw.contains(['e', 'E']);
    if may_be_too_large && number.as_f64().is_none() {
        return Err(Error::custom("number out of range"));
    }
    Ok(number)
}

struct Fields {
    depth: usize,
}

impl<'de> Visitor<'de> for Fields {
    type Value = Object<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some((Name(name), raw)) = entries.next_entry::<Name<'de>, &'de RawValue>()? {
            let value = of_raw(raw.get(), self.depth).map_err(A::Error::custom)?;
            fields.push((name, Some(raw.get()), value));
        }
        Object::new(fields).map_err(|name| {
            let name = crate::problem::shown(&name);
            A::Error::custom(format_args!("field {name:?} {TWICE}"))
        })
    }
}

struct Items {
    depth: usize,
}

impl<'de> Visitor<'de> for Items {
    type Value = Vec<Item<'de>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<Item<'de>>, A::Error> {
        let mut list = Vec::new();
        while let Some(raw) = entries.next_element::<&'de RawValue>()? {
            let value = of_raw(raw.get(), self.depth).map_err(A::Error::custom)?;
            let raw = Some(raw.get());
            list.push(Item { raw, value });
        }
        Ok(list)
    }
}

/// The name of a field. Serde's own `Cow` never borrows.
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a field")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
