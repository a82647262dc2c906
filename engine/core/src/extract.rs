//! Finding the key, the time and the sketches' values in an event: one pass over the payload that
//! skips what is not asked for and stops when it has everything. The payload is never turned into a
//! tree, and values that are skipped are skipped without recursion, so depth costs nothing.

use std::{collections::BTreeMap, fmt, time::UNIX_EPOCH};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{event::Header, manifest::Extract};

/// A single value found in an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Text, from JSON, a header or a subject.
    Text(String),
    /// A JSON integer.
    Integer(i128),
    /// Another JSON number.
    Float(f64),
    /// A JSON truth value.
    Bool(bool),
}

impl Scalar {
    /// As a key: text as it is, numbers as JSON writes them.
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Bool(truth) => truth.to_string(),
        }
    }

    /// As a number, where it is one or its text reads as one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Integer(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Bool(_) => None,
        }
    }

    /// As an event time: milliseconds since the epoch, or RFC 3339 text.
    pub fn as_time_ms(&self) -> Option<u64> {
        match self {
            Self::Integer(millis) => u64::try_from(*millis).ok(),
            Self::Float(millis) if *millis >= 0.0 && millis.is_finite() => Some(*millis as u64),
            Self::Text(text) => match text.parse() {
                Ok(millis) => Some(millis),
                Err(_) => parse_time_ms(text),
            },
            _ => None,
        }
    }
}

/// Reads RFC 3339 text in UTC, such as `2015-09-12T00:46:58.771Z`.
pub fn parse_time_ms(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// Several places to look at, prepared once a pipeline revision.
#[derive(Debug, Default)]
pub struct Extractor {
    places: Vec<Extract>,
    root: Node,
    json_slots: usize,
}

/// A node of the tree of all JSON pointers.
#[derive(Debug, Default)]
struct Node {
    /// Places whose pointer ends here.
    slots: Vec<usize>,
    children: BTreeMap<String, Node>,
}

impl Extractor {
    /// Prepares for these places; results come in the same order.
    pub fn new(places: Vec<Extract>) -> Self {
        let mut root = Node::default();
        let mut json_slots = 0;
        for (slot, place) in places.iter().enumerate() {
            if let Extract::Json(pointer) = place {
                root.insert(pointer, slot);
                json_slots += 1;
            }
        }
        Self {
            places,
            root,
            json_slots,
        }
    }

    /// Looks at all places of an event; what is missing, null, or no scalar is `None`.
    pub fn extract(&self, subject: &str, headers: &[Header], payload: &[u8]) -> Vec<Option<Scalar>> {
        let mut found = vec![None; self.places.len()];
        if self.json_slots > 0 {
            let mut walk = Found {
                values: &mut found,
                missing: self.json_slots,
            };
            let mut json = serde_json::Deserializer::from_slice(payload);
            // An error is either damage, and then what was found before it counts, or the early stop.
            let _ = Walk {
                node: &self.root,
                found: &mut walk,
            }
            .deserialize(&mut json);
        }
        for (slot, place) in self.places.iter().enumerate() {
            let text = match place {
                Extract::Json(_) => continue,
                Extract::Subject => Some(subject),
                Extract::SubjectToken(token) => (*token as usize)
                    .checked_sub(1)
                    .and_then(|index| subject.split('.').nth(index)),
                Extract::Header(name) => headers
                    .iter()
                    .find(|h| h.name.eq_ignore_ascii_case(name))
                    .map(|h| h.value.as_str()),
            };
            found[slot] = text.map(|text| Scalar::Text(text.to_owned()));
        }
        found
    }
}

impl Node {
    fn insert(&mut self, pointer: &str, slot: usize) {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            node = node.children.entry(token).or_default();
        }
        node.slots.push(slot);
    }
}

struct Found<'a> {
    values: &'a mut [Option<Scalar>],
    missing: usize,
}

/// Visits one JSON value with the pointers that lead into it.
struct Walk<'a, 'f> {
    node: &'a Node,
    found: &'a mut Found<'f>,
}

impl Walk<'_, '_> {
    fn take<E: serde::de::Error>(self, value: &Scalar) -> Result<(), E> {
        for slot in &self.node.slots {
            if self.found.values[*slot].is_none() {
                self.found.values[*slot] = Some(value.clone());
                self.found.missing -= 1;
            }
        }
        // Everything is found: no need to read the rest of the payload.
        if self.found.missing == 0 {
            Err(E::custom("complete"))
        } else {
            Ok(())
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.take(&Scalar::Bool(value))
    }
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.take(&Scalar::Integer(value.into()))
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.take(&Scalar::Integer(value.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.take(&Scalar::Float(value))
    }
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.take(&Scalar::Text(value.to_owned()))
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(child) = map.next_key_seed(Key(self.node))? {
            match child {
                Some(node) => map.next_value_seed(Walk {
                    node,
                    found: self.found,
                })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            let more = match self.node.children.get(index.to_string().as_str()) {
                Some(node) => seq
                    .next_element_seed(Walk {
                        node,
                        found: self.found,
                    })?
                    .is_some(),
                None => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
        }
        Err(A::Error::custom("endless array"))
    }
}

/// Looks a member's name up without copying it.
struct Key<'a>(&'a Node);

impl<'de, 'a> DeserializeSeed<'de> for Key<'a> {
    type Value = Option<&'a Node>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Key<'a> {
    type Value = Option<&'a Node>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.children.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extract(places: &[&str], payload: &str) -> Vec<Option<Scalar>> {
        let places = places
            .iter()
            .map(|pointer| Extract::Json((*pointer).to_owned()))
            .collect();
        Extractor::new(places).extract("a.b", &[], payload.as_bytes())
    }

    #[test]
    fn pointers_reach_into_objects_and_arrays() {
        let json = r#"{"a/b":{"c":[10,{"d":"x"}]},"n":-1.5,"t":true,"z":null,"o":{}}"#;
        let found = extract(
            &["/a~1b/c/1/d", "/a~1b/c/0", "/n", "/t", "/z", "/o", "/none"],
            json,
        );
        let some = |scalar| Some(scalar);
        let text = some(Scalar::Text("x".into()));
        assert_eq!(
            found,
            [
                text,
                some(Scalar::Integer(10)),
                some(Scalar::Float(-1.5)),
                some(Scalar::Bool(true)),
                None,
                None,
                None
            ]
        );
    }

    #[test]
    fn nesting_beyond_reason_is_skipped_without_recursion() {
        let deep = format!(
            r#"{{"a":{}{},"user":"u1"}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(extract(&["/user"], &deep), [Some(Scalar::Text("u1".into()))]);
    }

    #[test]
    fn what_is_no_json_has_no_values() {
        for payload in ["", "\u{0}", "nonsense", "{\"user\"", "[1,2", "{\"user\":}"] {
            assert_eq!(extract(&["/user"], payload), [None], "{payload:?}");
        }
        let found = Extractor::new(vec![Extract::Json("/user".into())]).extract("a", &[], &[0xff, 0xfe]);
        assert_eq!(found, [None]);
    }

    #[test]
    fn subjects_and_headers_are_places_too() {
        let places = vec![
            Extract::SubjectToken(2),
            Extract::SubjectToken(9),
            Extract::SubjectToken(0),
            Extract::Header("user".into()),
            Extract::Subject,
        ];
        let headers = [Header {
            name: "User".into(),
            value: "u1".into(),
        }];
        let found = Extractor::new(places).extract("a.b", &headers, b"");
        let text = |text: &str| Some(Scalar::Text(text.into()));
        assert_eq!(found, [text("b"), None, None, text("u1"), text("a.b")]);
    }

    #[test]
    fn times_are_milliseconds_or_rfc_3339() {
        assert_eq!(
            Scalar::Text("2015-09-12T00:46:58.771Z".into()).as_time_ms(),
            Some(1_442_018_818_771)
        );
        assert_eq!(
            Scalar::Integer(789_652_009_000).as_time_ms(),
            Some(789_652_009_000)
        );
        assert_eq!(Scalar::Integer(-1).as_time_ms(), None);
        assert_eq!(Scalar::Text("yesterday".into()).as_time_ms(), None);
    }
}
