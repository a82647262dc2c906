//! The default of a field: JSON in the schema, with its own rules for unions, to JSON as values are handed out.

use super::model::{AvroSchema, Shape, TypeId};
use super::tagged::{decimal_text, tagged};
use crate::json::{Decimal, Json};

/// The value that a default means, or why it is none of its type.
pub(super) fn from_default(schema: &AvroSchema, of: TypeId, default: &Json) -> Result<Json, String> {
    let kind = &schema.types[of];
    let wrong = || format!("the default is {}, not {}", default.kind(), kind.shape.word());
    match (&kind.shape, default) {
        (Shape::Null, Json::Null) | (Shape::Boolean, Json::Bool(_)) | (Shape::String, Json::String(_)) => {
            Ok(default.clone())
        }
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
        (Shape::Float | Shape::Double, Json::Number(_)) => Ok(default.clone()),
        (Shape::Float | Shape::Double, Json::String(text)) if is_not_finite(text) => Ok(default.clone()),
        (Shape::Bytes | Shape::Fixed(..), Json::String(text)) => {
            let bytes: Option<Vec<u8>> = text
                .chars()
                .map(|character| u8::try_from(character).ok())
                .collect();
            let bytes = bytes
                .ok_or_else(|| "the default has characters above U+00FF, which are no bytes".to_owned())?;
            if let Shape::Fixed(_, size) = kind.shape
                && bytes.len() != size
            {
                return Err(format!("the default has {} bytes, not {size}", bytes.len()));
            }
            Ok(kind
                .decimal
                .map_or_else(|| default.clone(), |(_, scale)| decimal_text(&bytes, scale)))
        }
        (Shape::Enum { symbols, .. }, Json::String(symbol)) if symbols.contains(symbol) => {
            Ok(default.clone())
        }
        (Shape::Array(of), Json::Array(elements)) => {
            let elements: Result<_, String> = elements
                .iter()
                .map(|element| from_default(schema, *of, element))
                .collect();
            Ok(Json::Array(elements?))
        }
        (Shape::Map(of), Json::Object(members)) => {
            let members: Result<_, String> = members
                .iter()
                .map(|(name, member)| Ok((name.clone(), from_default(schema, *of, member)?)))
                .collect();
            Ok(Json::Object(members?))
        }
        // The standard asks for the first branch; the first that fits takes what public schemas have, too.
        (Shape::Union(branches), _) => {
            let fitting = branches.iter().enumerate().find_map(|(index, branch)| {
                from_default(schema, *branch, default)
                    .ok()
                    .map(|value| tagged(schema, branches, index, value))
            });
            fitting.ok_or_else(|| "the default fits no branch of the union".to_owned())
        }
        (Shape::Record(_, fields), Json::Object(members)) => {
            let mut record = Vec::with_capacity(fields.len());
            for field in fields {
                let value = default.get(&field.name).or(field.default.as_ref());
                let value = value.ok_or_else(|| format!("the default has no field {}", field.name))?;
                record.push((field.name.clone(), from_default(schema, field.of, value)?));
            }
            let unknown = members
                .iter()
                .find(|(name, _)| fields.iter().all(|field| field.name != *name));
            unknown.map_or(Ok(Json::Object(record)), |(name, _)| {
                Err(format!("the default has an unknown field {name}"))
            })
        }
        _ => Err(wrong()),
    }
}

/// The words for what JSON has no numbers for.
pub(super) fn is_not_finite(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity")
}
