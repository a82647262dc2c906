//! A first look at a payload: most events have the form already, and to see that takes no tree of it.
//!
//! A look that sees anything unusual says no more than that, and the rules are applied to the whole
//! payload. So what an event must be is said in one place: here are only the names of the outermost
//! object, each value is asked of its own rule.
//!
//! Why: docs/decisions/0061-the-validator-looks-first.md

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde_json::{Deserializer, value::RawValue};

use crate::{
    config::Unknown,
    json::{self, Json, Name},
    rules::{FieldRule, ObjectRule},
};

/// Fields that are told apart by the bits of a number.
const MAX_FIELDS: usize = 64;
/// Unknown fields that are kept in mind, to see that none is there twice.
const MAX_STRANGERS: usize = 8;

/// What a look goes by. None where names may have to change.
pub(crate) struct Glance {
    /// Bits of the fields without which the event is not in form.
    needed: u64,
}

impl Glance {
    pub(crate) fn new(rule: &ObjectRule) -> Option<Self> {
        let has_aliases = rule.fields.iter().any(|field| !field.aliases.is_empty());
        if has_aliases || rule.fields.len() > MAX_FIELDS {
            return None;
        }
        let is_needed = |field: &FieldRule| field.required || field.default.is_some();
        let bits = rule.fields.iter().enumerate();
        let needed = bits
            .filter(|(_, field)| is_needed(field))
            .map(|(place, _)| 1 << place)
            .sum();
        Some(Self { needed })
    }

    /// Whether the payload is surely valid and needs no change.
    pub(crate) fn finds_form(&self, rule: &ObjectRule, payload: &str) -> bool {
        let mut reader = Deserializer::from_str(payload);
        let look = Look { glance: self, rule };
        look.deserialize(&mut reader).is_ok() && reader.end().is_ok()
    }
}

#[derive(Clone, Copy)]
struct Look<'r> {
    glance: &'r Glance,
    rule: &'r ObjectRule,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let unusual = || Err(A::Error::custom("unusual"));
        let mut seen = 0_u64;
        let mut strangers = Strangers::default();
        while let Some((Name(name), raw)) = entries.next_entry::<Name<'de>, &'de RawValue>()? {
            let value = json::of_raw(raw.get(), 1).map_err(A::Error::custom)?;
            let is_usual = match self.rule.place(&name) {
                Some(place) => {
                    let bit = 1 << place;
                    let is_first = seen & bit == 0;
                    seen |= bit;
                    is_first && self.rule.fields[place].has_form(value)
                }
                None => self.rule.unknown == Unknown::Keep && strangers.admit(name),
            };
            if !is_usual {
                return unusual();
            }
        }
        let is_whole = seen & self.glance.needed == self.glance.needed;
        if is_whole { Ok(()) } else { unusual() }
    }
}

impl FieldRule {
    fn has_form(&self, mut value: Json<'_>) -> bool {
        if value.is_null() {
            return self.value.nullable;
        }
        matches!(self.value.apply(&mut value), Ok(false))
    }
}

/// The unknown fields so far.
#[derive(Default)]
struct Strangers<'a> {
    names: [Cow<'a, str>; MAX_STRANGERS],
    count: usize,
}

impl<'a> Strangers<'a> {
    /// Whether this is surely the first of its name.
    fn admit(&mut self, name: Cow<'a, str>) -> bool {
        if self.count == MAX_STRANGERS || self.names[..self.count].contains(&name) {
            return false;
        }
        self.names[self.count] = name;
        self.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Glance;
    use crate::{
        compile,
        json::{self, Json},
    };

    const SCHEMAS: [&str; 4] = [
        r#"{"fields":{"a":{"type":"text","required":true,"length":{"max":2}},"b":{"type":"integer"}}}"#,
        r#"{"fields":{"a":{"nullable":true},"b":{"type":"number","convert":true,"default":1}}}"#,
        r#"{"fields":{"a":{"one-of":["x",1]},"b":{"type":"list","items":{"type":"boolean"}}},"unknown":"drop"}"#,
        r#"{"fields":{"a":{"type":"object","fields":{"c":{"required":true}}},"b":{"type":"timestamp"}},"unknown":"refuse"}"#,
    ];
    const NAMES: [&str; 4] = ["a", "b", "c", "\\u0061"];
    const VALUES: [&str; 14] = [
        "null",
        "1",
        "5.0",
        "-3",
        "\"x\"",
        "\"xyz\"",
        "\"1\"",
        "\"\\u0078\"",
        "true",
        "[true]",
        "[1,null]",
        "{\"c\":1}",
        "{\"c\":1,\"c\":2}",
        "{",
    ];

    #[test]
    fn what_a_look_passes_is_what_the_rules_leave_as_it_is() {
        let mut passed = 0;
        let mut check = |schema: &str, payload: &str| {
            let rule = compile::schema(&serde_json::from_str(schema).unwrap()).unwrap();
            let glance = Glance::new(&rule).unwrap();
            let looked = glance.finds_form(&rule, payload);
            let is_left = match json::parse(payload) {
                Ok(Json::Object(mut object)) => matches!(rule.apply(&mut object), Ok(false)),
                _ => false,
            };
            assert_eq!(looked, is_left, "{schema} of {payload}");
            passed += usize::from(looked);
        };
        let fields = || {
            NAMES
                .iter()
                .flat_map(|name| VALUES.iter().map(move |value| format!("\"{name}\":{value}")))
        };
        for schema in SCHEMAS {
            for payload in ["", "null", "[]", "{}", "{} {}", "{}}", "{\"a\"", " { } "] {
                check(schema, payload);
            }
            for first in fields() {
                check(schema, &format!("{{{first}}}"));
                for second in fields() {
                    check(schema, &format!("{{{first},{second}}}"));
                }
            }
        }
        assert!(passed > 400, "{passed}");
    }

    #[test]
    fn where_names_may_change_there_is_no_look() {
        for alias in ["c", "/b/c"] {
            let schema = json!({ "fields": { "a": { "aliases": [alias] }, "b": {} } });
            let rule = compile::schema(&serde_json::from_value(schema).unwrap()).unwrap();
            assert!(Glance::new(&rule).is_none(), "{alias}");
        }
    }

    #[test]
    fn more_unknown_fields_than_a_look_keeps_in_mind_are_the_rules_business() {
        let rule = compile::schema(&serde_json::from_value(json!({ "fields": {} })).unwrap()).unwrap();
        let glance = Glance::new(&rule).unwrap();
        let payload = |count: usize| {
            let fields: Vec<_> = (0..count).map(|number| format!("\"f{number}\":0")).collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(glance.finds_form(&rule, &payload(super::MAX_STRANGERS)));
        assert!(!glance.finds_form(&rule, &payload(super::MAX_STRANGERS + 1)));
    }
}
