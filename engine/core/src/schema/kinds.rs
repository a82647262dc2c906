//! The types of JSON, as a set.

use serde_json::Value;

/// Some of the types of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0x7f);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    /// A whole number; one that is not whole is only a number.
    pub(super) const INTEGER: Self = Self(4);
    pub(super) const FRACTION: Self = Self(8);
    pub(super) const STRING: Self = Self(16);
    const ARRAY: Self = Self(32);
    const OBJECT: Self = Self(64);

    /// Of a value; a number without a fraction is whole, however it is written.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.as_f64().is_some_and(|float| float.fract() == 0.0) => {
                Self::INTEGER
            }
            Value::Number(_) => Self::FRACTION,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    /// By its name in a schema; an unknown one is none.
    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::INTEGER.or(Self::FRACTION),
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    /// By the keyword `type`, a name or a list of names.
    pub(super) fn of_keyword(keyword: &Value) -> Self {
        match keyword {
            Value::String(name) => Self::named(name),
            Value::Array(names) => {
                let kinds = names.iter().filter_map(Value::as_str).map(Self::named);
                kinds.fold(Self::NONE, Self::or)
            }
            _ => Self::ALL,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether they have one in common.
    pub(super) fn meet(self, other: Self) -> bool {
        self.and(other) != Self::NONE
    }

    /// For people.
    pub(super) fn in_words(self) -> String {
        let names = [
            (Self::STRING, "text"),
            (Self::FRACTION, "a number"),
            (Self::INTEGER, "a whole number"),
            (Self::BOOLEAN, "true or false"),
            (Self::ARRAY, "a list"),
            (Self::OBJECT, "fields with values"),
            (Self::NULL, "null"),
        ];
        let is_any_number = self.meet(Self::FRACTION);
        let named = names
            .iter()
            .filter(|(kind, _)| self.meet(*kind) && !(is_any_number && *kind == Self::INTEGER));
        let named: Vec<_> = named.map(|(_, name)| *name).collect();
        match &*named {
            [] => "nothing".to_owned(),
            [one] => (*one).to_owned(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_said_in_words() {
        for (keyword, words) in [
            (json!("string"), "text"),
            (json!("number"), "a number"),
            (json!(["integer", "null"]), "a whole number or null"),
            (
                json!(["boolean", "string", "array"]),
                "text, true or false or a list",
            ),
        ] {
            assert_eq!(Kinds::of_keyword(&keyword).in_words(), words);
        }
    }

    #[test]
    fn a_number_without_a_fraction_is_whole() {
        assert_eq!(Kinds::of(&json!(5.0)), Kinds::INTEGER);
        assert!(!Kinds::of(&json!(5.5)).meet(Kinds::INTEGER));
    }
}
