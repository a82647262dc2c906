//! The default of a field: JSON in the schema, with its own rules for unions, to JSON as values are handed out.

use super::model::{AvroSchema, Shape, TypeId};
use super::tagged::{MAX_DECIMAL_BYTES, decimal_text, tagged};
use crate::bounds::{MAX_DEPTH, MAX_VALUES, TEXT_OF_A_VALUE};
use crate::json::{Decimal, Json};

/// Makes values of defaults, as long as there is room for them: a record may have a default that has that record again,
/// and each of many records the same long text.
pub(super) struct Defaults<'s> {
    schema: &'s AvroSchema,
    left: usize,
}

impl<'s> Defaults<'s> {
    /// With room for so many values.
    pub(super) fn new(schema: &'s AvroSchema, left: usize) -> Self {
        Self { schema, left }
    }

    /// How much room is left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The value that a default means, or why it is none of its type.
    pub(super) fn value(&mut self, of: TypeId, default: &Json) -> Result<Json, String> {
        self.inner(of, default, 0)
    }

    fn spend(&mut self, default: &Json, depth: usize) -> Result<(), String> {
        let spent = 1 + default.as_str().map_or(0, str::len) / TEXT_OF_A_VALUE;
        if depth > MAX_DEPTH || spent > self.left {
            self.left = 0;
            return Err(format!(
                "defaults make more than {MAX_DEPTH} levels or {MAX_VALUES} values"
            ));
        }
        self.left -= spent;
        Ok(())
    }

    fn inner(&mut self, of: TypeId, default: &Json, depth: usize) -> Result<Json, String> {
        self.spend(default, depth)?;
        let schema = self.schema;
        let kind = &schema.types[of];
        let wrong = || format!("the default is {}, not {}", default.kind(), kind.shape.word());
        match (&kind.shape, default) {
            (Shape::Null, Json::Null)
            | (Shape::Boolean, Json::Bool(_))
            | (Shape::String, Json::String(_))
            | (Shape::Float | Shape::Double, Json::Number(_)) => Ok(default.clone()),
            (Shape::Int, Json::Number(digits)) => {
                let is_int = Decimal::of(digits)
                    .to_integer()
                    .is_some_and(|number| i32::try_from(number).is_ok());
                is_int
                    .then(|| default.clone())
                    .ok_or_else(|| "the default is no int of 32 bits".to_owned())
            }
            (Shape::Long, Json::Number(digits)) => {
                let is_long = Decimal::of(digits)
                    .to_integer()
                    .is_some_and(|number| i64::try_from(number).is_ok());
                is_long
                    .then(|| default.clone())
                    .ok_or_else(|| "the default is no long of 64 bits".to_owned())
            }
            (Shape::Float | Shape::Double, Json::String(text)) if is_not_finite(text) => Ok(default.clone()),
            (Shape::Bytes | Shape::Fixed(..), Json::String(text)) => {
                let bytes: Option<Vec<u8>> = text
                    .chars()
                    .map(|character| u8::try_from(character).ok())
                    .collect();
                let bytes = bytes.ok_or_else(|| {
                    "the default has characters above U+00FF, which are no bytes".to_owned()
                })?;
                if kind.decimal.is_some() && bytes.len() > MAX_DECIMAL_BYTES {
                    return Err("the default has more than 1,000 digits".to_owned());
                }
                if let Shape::Fixed(_, size) = kind.shape
                    && bytes.len() != size
                {
                    return Err(format!("the default has {} bytes, not {size}", bytes.len()));
                }
                Ok(kind
                    .decimal
                    .map_or_else(|| default.clone(), |(_, scale)| decimal_text(&bytes, scale)))
            }
            (Shape::Enum { symbols, .. }, Json::String(symbol)) if symbols.position(symbol).is_some() => {
                Ok(default.clone())
            }
            (Shape::Array(of), Json::Array(elements)) => {
                let elements: Result<_, String> = elements
                    .iter()
                    .map(|element| self.inner(*of, element, depth + 1))
                    .collect();
                Ok(Json::Array(elements?))
            }
            (Shape::Map(of), Json::Object(members)) => {
                let members: Result<_, String> = members
                    .iter()
                    .map(|(name, member)| Ok((name.clone(), self.inner(*of, member, depth + 1)?)))
                    .collect();
                Ok(Json::Object(members?))
            }
            // The standard asks for the first branch; the first that fits takes what public schemas have, too.
            (Shape::Union(branches), _) => {
                let mut fitting = None;
                for (index, branch) in branches.iter().enumerate() {
                    if let Ok(value) = self.inner(*branch, default, depth + 1) {
                        fitting = Some(tagged(schema, branches, index, value));
                        break;
                    }
                }
                fitting.ok_or_else(|| "the default fits no branch of the union".to_owned())
            }
            (Shape::Record(_, fields), Json::Object(members)) => {
                let mut record = Vec::with_capacity(fields.list.len());
                for field in &fields.list {
                    let value = default.get(&field.name).or(field.default.as_ref());
                    let value = value.ok_or_else(|| format!("the default has no field {}", field.name))?;
                    record.push((field.name.clone(), self.inner(field.of, value, depth + 1)?));
                }
                let unknown = members.iter().find(|(name, _)| fields.named(name).is_none());
                unknown.map_or(Ok(Json::Object(record)), |(name, _)| {
                    Err(format!("the default has an unknown field {name}"))
                })
            }
            _ => Err(wrong()),
        }
    }
}

/// The words for what JSON has no numbers for.
pub(super) fn is_not_finite(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity")
}
