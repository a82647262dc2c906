//! Reading a type from the tree: what the type asks for decides what a scalar is.
//!
//! - Where a text is asked for, a plain scalar is its text, whatever it looks like. Only what is null stays null:
//!   an empty value is more often forgotten than meant.
//! - Where anything will do, it is what [`YamlScalar::resolve`] says.

use std::fmt;

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error, IntoDeserializer, Unexpected, VariantAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer, StringDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{
    compose::{Yaml, YamlError},
    scalar::{Plain, YamlScalar},
};

/// Why a tree is not of a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TypeError(String);

impl Error for TypeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<YamlError> for TypeError {
    fn from(cause: YamlError) -> Self {
        Self(cause.to_string())
    }
}

impl IntoDeserializer<'_, TypeError> for Yaml {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl Yaml {
    fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.resolve() == Plain::Null)
    }
}

fn visit_scalar<'de, V: Visitor<'de>>(scalar: YamlScalar, visitor: V) -> Result<V::Value, TypeError> {
    match scalar.resolve() {
        Plain::Null => visitor.visit_unit(),
        Plain::Bool(truth) => visitor.visit_bool(truth),
        Plain::Integer(number) => match (u64::try_from(number), i64::try_from(number)) {
            (Ok(number), _) => visitor.visit_u64(number),
            (_, Ok(number)) => visitor.visit_i64(number),
            _ => visitor.visit_f64(number as f64),
        },
        Plain::Float(number) if number.is_finite() => visitor.visit_f64(number),
        Plain::Float(_) => Err(TypeError(format!(
            "{} is no finite number; quote it if it is text",
            scalar.text
        ))),
        Plain::Text => visitor.visit_string(scalar.text),
    }
}

impl<'de> Deserializer<'de> for Yaml {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self {
            Self::Scalar(scalar) => visit_scalar(scalar, visitor),
            Self::List(list) => visitor.visit_seq(SeqDeserializer::new(list.into_iter())),
            Self::Map(entries) => visitor.visit_map(MapDeserializer::new(entries.into_iter())),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if self.is_null() {
            return self.deserialize_any(visitor);
        }
        match self {
            Self::Scalar(scalar) => visitor.visit_string(scalar.text),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if self.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        match self {
            Self::Scalar(scalar) => visitor.visit_enum(Variant {
                name: scalar.text,
                content: None,
            }),
            Self::Map(entries) => {
                let mut entries = entries.into_iter();
                match (entries.next(), entries.next()) {
                    (Some((name, content)), None) => visitor.visit_enum(Variant {
                        name,
                        content: Some(content),
                    }),
                    _ => Err(Error::invalid_value(Unexpected::Map, &"a mapping with one key")),
                }
            }
            Self::List(_) => Err(Error::invalid_type(
                Unexpected::Seq,
                &"a name, or a mapping with one key",
            )),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct
    }
}

/// A choice among several, with what belongs to it.
struct Variant {
    name: String,
    content: Option<Yaml>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = TypeError;
    type Variant = Content;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content), TypeError> {
        let name = seed.deserialize(StringDeserializer::<TypeError>::new(self.name))?;
        Ok((name, Content(self.content)))
    }
}

/// What belongs to a choice.
struct Content(Option<Yaml>);

impl<'de> VariantAccess<'de> for Content {
    type Error = TypeError;

    fn unit_variant(self) -> Result<(), TypeError> {
        match self.0 {
            None => Ok(()),
            Some(content) if content.is_null() => Ok(()),
            Some(_) => Err(Error::invalid_type(Unexpected::Map, &"a name alone")),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, TypeError> {
        seed.deserialize(self.needed()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, TypeError> {
        self.needed()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.needed()?.deserialize_any(visitor)
    }
}

impl Content {
    fn needed(self) -> Result<Yaml, TypeError> {
        let alone = || Error::invalid_type(Unexpected::UnitVariant, &"a name with a value");
        self.0.ok_or_else(alone)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::yaml::parse;

    fn read<'de, T: Deserialize<'de>>(text: &str) -> Result<T, TypeError> {
        T::deserialize(parse(text)?)
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Place {
        text: String,
        #[serde(default)]
        maybe: Option<String>,
        #[serde(default)]
        truth: bool,
        #[serde(default)]
        whole: u32,
        #[serde(default)]
        number: f64,
        #[serde(default)]
        texts: Vec<String>,
        #[serde(default)]
        by_name: BTreeMap<String, String>,
        #[serde(default)]
        choice: Option<Choice>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Choice {
        On,
        Sequence(u64),
        Text(String),
    }

    #[test]
    fn where_a_text_is_expected_everything_plain_is_text() {
        for text in [
            "NO",
            "on",
            "yes",
            "01234",
            "1e3",
            "true",
            "5",
            "0x10",
            ".inf",
            "2026-11-01",
            "'null'",
        ] {
            let place: Place = read(&format!("text: {text}\ntexts: [{text}]\nmaybe: {text}")).unwrap();
            let said = text.trim_matches('\'').to_owned();
            assert_eq!((&place.text, &place.texts[0]), (&said, &said));
            assert_eq!(place.maybe, Some(said));
        }
        let place: Place = read("text: a\nby-name: {NO: on, 1: 2}\nchoice: on").unwrap();
        assert_eq!(place.by_name["NO"], "on");
        assert_eq!(
            (place.by_name["1"].as_str(), place.choice),
            ("2", Some(Choice::On))
        );
    }

    #[test]
    fn other_places_take_what_is_theirs() {
        let place: Place =
            read("{text: a, truth: true, whole: 5, number: 2, maybe: ~, choice: {sequence: 9}}").unwrap();
        assert_eq!((place.truth, place.whole, place.number), (true, 5, 2.0));
        assert_eq!((place.maybe, place.choice), (None, Some(Choice::Sequence(9))));
        let place: Place = read("{text: a, choice: {text: 08}}").unwrap();
        assert_eq!(place.choice, Some(Choice::Text("08".into())));
        for (text, word) in [
            ("{text: a, truth: yes}", "expected a boolean"),
            ("{text: a, whole: 010}", "expected u32"),
            ("{text: a, whole: '5'}", "expected u32"),
            ("{text: a, number: .inf}", "no finite number"),
            ("{text: ~}", "expected a string"),
            ("{text: }", "expected a string"),
            ("{text: [a]}", "expected a string"),
            ("{text: a, choice: sequence}", "name with a value"),
            ("{text: a, choice: {on: 1}}", "a name alone"),
            ("{text: a, choice: {on: , sequence: 1}}", "one key"),
            ("{text: a, other: 1}", "unknown field `other`"),
        ] {
            let error = read::<Place>(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn where_anything_will_do_a_scalar_is_what_it_is_by_itself() {
        let read: Value =
            read("[SE, NO, 08001, 1e3, 5, -5, 1.5, true, on, ~, '5', [], {}, 18446744073709551615]").unwrap();
        assert_eq!(
            read,
            json!([
                "SE",
                "NO",
                "08001",
                1000.0,
                5,
                -5,
                1.5,
                true,
                "on",
                null,
                "5",
                [],
                {},
                u64::MAX
            ])
        );
    }
}
