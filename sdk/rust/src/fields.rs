//! Reading single fields of a JSON object, for plugins whose field names come from their config.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Event, Failure};

/// Longest id that [`Fields::id`] takes, in bytes. Ids become parts of state keys, which the engine
/// bounds at 1,024 bytes; an id of a user or an item is far shorter.
const MAX_ID_BYTES: usize = 256;
/// Longest piece of a field's name in a reason.
const MAX_SHOWN_CHARACTERS: usize = 60;

/// The fields of an event whose payload is a JSON object. It suits plugins whose field names come from their
/// config.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// let fields = Event::new("shop.ratings", r#"{"user":383,"rating":4}"#).fields().unwrap();
/// assert_eq!(fields.id("user").unwrap(), "383");
/// assert_eq!(fields.id("item").unwrap_err().code(), Some("missing-field"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fields(BTreeMap<String, Raw>);

/// The fields as a payload writes them, and the first that is there twice.
struct Written {
    fields: Fields,
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Written, A::Error> {
        let (mut fields, mut twice) = (BTreeMap::new(), None);
        while let Some((name, value)) = entries.next_entry::<String, Raw>()? {
            if twice.is_none() && fields.contains_key(&name) {
                twice = Some(name.clone());
            }
            fields.insert(name, value);
        }
        let fields = Fields(fields);
        Ok(Written { fields, twice })
    }
}

/// A value as it is written, so that no digit of a number is lost.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
struct Raw(Box<RawValue>);

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// Reads single fields of an event.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// let failure = Event::new("shop.ratings", "[]").fields().unwrap_err();
/// assert_eq!(failure.code(), Some("wrong-type"));
/// ```
impl Event {
    /// Reads the payload as a JSON object. Another payload fails with the code `wrong-type`, and an object with a field
    /// twice with the code `duplicate-member`.
    pub fn fields(&self) -> Result<Fields, Failure> {
        if let Ok(Written { fields, twice }) = serde_json::from_slice(self.json_bytes()) {
            let Some(name) = twice else { return Ok(fields) };
            let shown: String = name.chars().take(MAX_SHOWN_CHARACTERS).collect();
            let reason = format!("the payload has the field {shown:?} twice");
            return Err(Failure::invalid("duplicate-member", reason));
        }
        self.json::<&RawValue>()?;
        Err(Failure::invalid("wrong-type", "the payload is not a JSON object"))
    }
}

/// Each function fails with `missing-field` or `wrong-type` if the field does not fit.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// let fields = Event::new("shop.ratings", r#"{"rating":4.5}"#).fields().unwrap();
/// assert_eq!(fields.number("rating").unwrap(), 4.5);
/// ```
impl Fields {
    /// Returns an id: text as it is, or a whole number with all its digits. It has 1 to 256 bytes, so it fits into
    /// a key. Another length fails with the code `wrong-length`.
    pub fn id(&self, name: &str) -> Result<String, Failure> {
        let value = self.required(name)?;
        let id: String = match value.as_bytes() {
            [b'"', ..] => serde_json::from_str(value).map_err(|_| wrong_type(name, "text"))?,
            [b'-' | b'0'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => value.to_owned(),
            _ => return Err(wrong_type(name, "text or a whole number")),
        };

        if id.is_empty() || id.len() > MAX_ID_BYTES {
            let reason = format!(
                "field {name:?} must have 1 to {MAX_ID_BYTES} bytes, not {}",
                id.len()
            );
            return Err(Failure::invalid("wrong-length", reason));
        }
        Ok(id)
    }

    /// Returns a number.
    pub fn number(&self, name: &str) -> Result<f64, Failure> {
        let number = serde_json::from_str(self.required(name)?);
        number.map_err(|_| wrong_type(name, "a number"))
    }

    /// A value as it is written.
    fn required(&self, name: &str) -> Result<&str, Failure> {
        let found = self.0.get(name).map(|value| value.0.get());
        let found = found.filter(|value| *value != "null");
        found.ok_or_else(|| Failure::invalid("missing-field", format!("field {name:?} is missing")))
    }
}

fn wrong_type(name: &str, wanted: &str) -> Failure {
    Failure::invalid("wrong-type", format!("field {name:?} must be {wanted}"))
}

#[cfg(test)]
mod tests {
    use crate::{Event, Failure};

    fn id(payload: &str) -> Result<String, Failure> {
        Event::new("shop", payload).fields()?.id("user")
    }

    #[test]
    fn an_id_is_text_or_a_whole_number() {
        assert_eq!(id(r#"{"user":"383"}"#).unwrap(), "383");
        assert_eq!(id(r#"{"user":383}"#).unwrap(), "383");
        assert_eq!(id(r#"{"user":"\u0061"}"#).unwrap(), "a");
        for number in ["18446744073709551616", "18446744073709551617", "-5", "0"] {
            assert_eq!(id(&format!("{{\"user\": {number} }}")).unwrap(), number);
        }
    }

    #[test]
    fn what_is_no_id_is_an_invalid_event_that_names_the_field() {
        let long = format!(r#"{{"user":"{}"}}"#, "x".repeat(257));
        for (payload, code) in [
            ("[]", "wrong-type"),
            ("{}", "missing-field"),
            (r#"{"user":null}"#, "missing-field"),
            (r#"{"user":1.5}"#, "wrong-type"),
            (r#"{"user":1e3}"#, "wrong-type"),
            (r#"{"user":true}"#, "wrong-type"),
            ("{", "malformed-json"),
            (r#"{"user":{}}"#, "wrong-type"),
            (r#"{"user":"a","user":"b"}"#, "duplicate-member"),
            (r#"{"user":"a","\u0075ser":"a"}"#, "duplicate-member"),
            (r#"{"user":""}"#, "wrong-length"),
            (&long, "wrong-length"),
        ] {
            let failure = id(payload).unwrap_err();
            assert_eq!(failure.code(), Some(code), "{payload}");
            assert!(payload.len() < 3 || failure.reason().contains("user"));
        }
    }

    #[test]
    fn a_number_is_a_number() {
        let fields = Event::new("shop", r#"{"rating":4,"title":"4"}"#)
            .fields()
            .unwrap();
        assert!((fields.number("rating").unwrap() - 4.0).abs() < f64::EPSILON);
        assert_eq!(fields.number("title").unwrap_err().code(), Some("wrong-type"));
    }
}
