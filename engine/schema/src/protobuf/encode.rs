//! From canonical JSON to Protobuf's bytes. A member that the schema does not have, a number that its type does not
//! hold and two members of one `oneof` are rejections.

use std::cell::Cell;

use super::decode::wire_of;
use super::model::{Enum, Field, Kind, Message, Named, ProtobufSchema, Scalar};
use super::well_known::WellKnown;
use super::wire::{Wire, put_delimited, put_tag, put_varint, to_zigzag};
use crate::base64::{from_base64, to_base64};
use crate::bounds::{MAX_DEPTH, MAX_VALUES};
use crate::error::{Rejection, with_article};
use crate::json::{Decimal, Json};

/// Writes one message.
pub(super) fn encode(schema: &ProtobufSchema, message: usize, value: &Json) -> Result<Vec<u8>, Rejection> {
    let spent = Cell::new(0);
    Encoder { schema, spent }.message(message, value, 0)
}

struct Encoder<'s> {
    schema: &'s ProtobufSchema,
    /// What the messages so far have cost: one of many fields costs that much, even if it has none of them.
    spent: Cell<usize>,
}

impl Encoder<'_> {
    fn message(&self, message: usize, value: &Json, depth: usize) -> Result<Vec<u8>, Rejection> {
        if depth > MAX_DEPTH {
            return Err(Rejection::new(format!(
                "the value has more than {MAX_DEPTH} levels"
            )));
        }
        let of = &self.schema.messages[message];
        let Some(known) = WellKnown::named(&of.name) else {
            return self.plain(of, value, depth);
        };
        let plain = if known == WellKnown::Any {
            self.any(value, depth)
        } else {
            known.plain(value).map_err(Rejection::new)
        };
        self.plain(of, &plain?, depth)
    }

    fn plain(&self, of: &Message, value: &Json, depth: usize) -> Result<Vec<u8>, Rejection> {
        let Json::Object(members) = value else {
            return Err(Rejection::new(format!(
                "must be an object ({}), is {}",
                of.name,
                value.kind()
            )));
        };
        self.spent.set(self.spent.get() + 1 + of.fields.len() / 16);
        if self.spent.get() > MAX_VALUES {
            return Err(Rejection::new(format!(
                "the value has more than {MAX_VALUES} parts"
            )));
        }
        let mut given: Vec<Option<(&str, &Json)>> = vec![None; of.fields.len()];
        for (name, member) in members {
            let index = of.by_name.get(name).copied();
            let index =
                index.ok_or_else(|| Rejection::new(format!("{} has no such field", of.name)).under(name))?;
            if given[index].replace((name, member)).is_some() {
                return Err(Rejection::new("the field is given under both of its names").under(name));
            }
        }
        let mut order: Vec<usize> = (0..of.fields.len()).collect();
        order.sort_by_key(|index| of.fields[*index].number);
        let mut out = Vec::new();
        let mut chosen = vec![false; of.oneofs.len()];
        for index in order {
            let field = &of.fields[index];
            let given = given[index].filter(|(_, value)| self.is_given(field, value));
            let Some((name, value)) = given else {
                if field.is_required {
                    return Err(Rejection::new("the required field is missing").under(&field.json_name));
                }
                continue;
            };
            if let Some(oneof) = field.oneof
                && std::mem::replace(&mut chosen[oneof], true)
            {
                return Err(
                    Rejection::new(format!("{} has one value, and two are given", of.oneofs[oneof]))
                        .under(name),
                );
            }
            self.field(field, value, &mut out, depth)
                .map_err(|fault| fault.under(name))?;
        }
        Ok(out)
    }

    /// `null` is no value, but where null is a value itself.
    fn is_given(&self, field: &Field, value: &Json) -> bool {
        let takes_null = match field.kind {
            Kind::Message(message) => self.schema.messages[message].name == "google.protobuf.Value",
            Kind::Enum(number) => self.schema.enums[number].name == "google.protobuf.NullValue",
            Kind::Scalar(_) => false,
        };
        *value != Json::Null || (takes_null && !field.is_repeated)
    }

    fn field(&self, field: &Field, value: &Json, out: &mut Vec<u8>, depth: usize) -> Result<(), Rejection> {
        if let Some(entry) = self.schema.entry(field) {
            return self.map(field, entry, value, out, depth);
        }
        if !field.is_repeated {
            let mut one = Vec::new();
            let is_zero = self.value(field, value, &mut one, depth)?;
            if field.has_presence || !is_zero {
                put(field, &one, out);
            }
            return Ok(());
        }
        let Json::Array(elements) = value else {
            return Err(Rejection::new(format!("must be an array, is {}", value.kind())));
        };
        let mut packed = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let mut one = Vec::new();
            self.value(field, element, &mut one, depth)
                .map_err(|fault| fault.under(index))?;
            if field.is_packed {
                packed.extend(one);
            } else {
                put(field, &one, out);
            }
        }
        if field.is_packed && !packed.is_empty() {
            put_tag(out, field.number, Wire::Length);
            put_delimited(out, &packed);
        }
        Ok(())
    }

    fn map(
        &self,
        field: &Field,
        entry: &Message,
        value: &Json,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Rejection> {
        let Json::Object(members) = value else {
            return Err(Rejection::new(format!("must be an object, is {}", value.kind())));
        };
        let part = |number: u32| entry.by_number.get(&number).map(|index| &entry.fields[*index]);
        let (Some(key_field), Some(value_field)) = (part(1), part(2)) else {
            return Ok(());
        };
        for (name, member) in members {
            let key = match key_field.kind {
                Kind::Scalar(Scalar::Bool) => match name.as_str() {
                    "true" => Json::Bool(true),
                    "false" => Json::Bool(false),
                    _ => return Err(Rejection::new("the key must be true or false").under(name)),
                },
                _ => Json::text(name),
            };
            let mut bytes = Vec::new();
            for (part, value) in [(key_field, &key), (value_field, member)] {
                let mut one = Vec::new();
                self.value(part, value, &mut one, depth + 1)
                    .map_err(|fault| fault.under(name))?;
                put(part, &one, &mut bytes);
            }
            put_tag(out, field.number, Wire::Length);
            put_delimited(out, &bytes);
        }
        Ok(())
    }

    /// Writes a value without its tag; says whether it is the zero of its type.
    fn value(&self, field: &Field, value: &Json, out: &mut Vec<u8>, depth: usize) -> Result<bool, Rejection> {
        match field.kind {
            Kind::Message(message) => {
                out.extend(self.message(message, value, depth + 1)?);
                Ok(false)
            }
            Kind::Enum(number) => {
                let code = symbol(&self.schema.enums[number], value)?;
                put_varint(out, i64::from(code) as u64);
                Ok(code == 0)
            }
            Kind::Scalar(scalar) => put_scalar(scalar, value, out),
        }
    }

    fn any(&self, value: &Json, depth: usize) -> Result<Json, Rejection> {
        let Json::Object(members) = value else {
            return Err(Rejection::new(format!(
                "an Any must be an object, is {}",
                value.kind()
            )));
        };
        let Some(url) = value.get("@type").and_then(Json::as_str) else {
            return if members.is_empty() {
                Ok(value.clone())
            } else {
                Err(Rejection::new("an Any needs its @type"))
            };
        };
        let name = url.rsplit('/').next().unwrap_or_default();
        let Some(Named::Message(message)) = self.schema.names.get(name).copied() else {
            return Err(
                Rejection::new(format!("the type {url} is not among what was pushed")).under("@type"),
            );
        };
        let inner = if WellKnown::named(name).is_some() {
            value
                .get("value")
                .cloned()
                .ok_or_else(|| Rejection::new(format!("an Any of {name} needs its value")))?
        } else {
            Json::Object(
                members
                    .iter()
                    .filter(|(name, _)| name != "@type")
                    .cloned()
                    .collect(),
            )
        };
        let bytes = self.message(message, &inner, depth + 1)?;
        let members = [
            ("typeUrl", Json::text(url)),
            ("value", Json::String(to_base64(&bytes))),
        ];
        Ok(Json::Object(
            members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        ))
    }
}

fn put(field: &Field, one: &[u8], out: &mut Vec<u8>) {
    if field.is_delimited {
        put_tag(out, field.number, Wire::Start);
        out.extend(one);
        put_tag(out, field.number, Wire::End);
        return;
    }
    let wire = wire_of(field.kind);
    put_tag(out, field.number, wire);
    match (field.kind, wire) {
        (Kind::Message(_), _) => put_delimited(out, one),
        _ => out.extend(one),
    }
}

fn symbol(of: &Enum, value: &Json) -> Result<i32, Rejection> {
    let wrong = || Rejection::new(format!("no value of the enum {}", of.name));
    match value {
        Json::Null if of.name == "google.protobuf.NullValue" => Ok(0),
        Json::String(name) => of.by_name.get(name).copied().ok_or_else(wrong),
        Json::Number(digits) => {
            let code = Decimal::of(digits)
                .to_integer()
                .and_then(|code| i32::try_from(code).ok())
                .ok_or_else(wrong)?;
            let is_known = of.is_open || of.by_number.contains_key(&code);
            if is_known { Ok(code) } else { Err(wrong()) }
        }
        _ => Err(wrong()),
    }
}

fn put_scalar(scalar: Scalar, value: &Json, out: &mut Vec<u8>) -> Result<bool, Rejection> {
    let wrong = || {
        Rejection::new(format!(
            "must be {}, is {}",
            with_article(&scalar.name()),
            value.kind()
        ))
    };
    match scalar {
        Scalar::Double => {
            let number: f64 = floating(value).ok_or_else(wrong)?;
            out.extend(number.to_le_bytes());
            Ok(number.to_bits() == 0)
        }
        Scalar::Float => {
            let number: f32 = floating(value).ok_or_else(wrong)?;
            out.extend(number.to_le_bytes());
            Ok(number.to_bits() == 0)
        }
        Scalar::Bool => match value {
            Json::Bool(bool) => {
                out.push(u8::from(*bool));
                Ok(!bool)
            }
            _ => Err(wrong()),
        },
        Scalar::String => {
            let text = value.as_str().ok_or_else(wrong)?;
            put_delimited(out, text.as_bytes());
            Ok(text.is_empty())
        }
        Scalar::Bytes => {
            let text = value.as_str().ok_or_else(wrong)?;
            let bytes = from_base64(text).ok_or_else(|| Rejection::new("the text is not base64"))?;
            put_delimited(out, &bytes);
            Ok(bytes.is_empty())
        }
        _ => whole(scalar, value, out),
    }
}

fn whole(scalar: Scalar, value: &Json, out: &mut Vec<u8>) -> Result<bool, Rejection> {
    let digits = match value {
        Json::Number(digits) => Some(&**digits),
        other => other.as_str().filter(|text| is_number(text)),
    };
    let number = digits.and_then(|digits| Decimal::of(digits).to_integer());
    let wrong = || Rejection::new(format!("no whole number of the range of {}", scalar.name()));
    let number = number.ok_or_else(wrong)?;
    let i32 = || i32::try_from(number).map_err(|_| wrong());
    let i64 = || i64::try_from(number).map_err(|_| wrong());
    let u32 = || u32::try_from(number).map_err(|_| wrong());
    let u64 = || u64::try_from(number).map_err(|_| wrong());
    match scalar {
        Scalar::Int32 => put_varint(out, i64::from(i32()?) as u64),
        Scalar::Int64 => put_varint(out, i64()? as u64),
        Scalar::Uint32 => put_varint(out, u64::from(u32()?)),
        Scalar::Uint64 => put_varint(out, u64()?),
        Scalar::Sint32 => put_varint(out, to_zigzag(i64::from(i32()?))),
        Scalar::Sint64 => put_varint(out, to_zigzag(i64()?)),
        Scalar::Fixed32 => out.extend(u32()?.to_le_bytes()),
        Scalar::Fixed64 => out.extend(u64()?.to_le_bytes()),
        Scalar::Sfixed32 => out.extend(i32()?.to_le_bytes()),
        Scalar::Sfixed64 => out.extend(i64()?.to_le_bytes()),
        _ => return Err(wrong()),
    }
    Ok(number == 0)
}

/// Numbers may stand in strings: those of 64 bits must, for JavaScript's sake.
fn is_number(text: &str) -> bool {
    crate::json::read(text.as_bytes()).is_ok_and(|value| matches!(value, Json::Number(_)))
        && !text.contains(' ')
}

fn floating<F: std::str::FromStr + Into<f64> + Copy>(value: &Json) -> Option<F> {
    let text = match value {
        Json::Number(digits) => digits,
        Json::String(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => {
            return text.parse().ok();
        }
        Json::String(text) if is_number(text) => text.as_str(),
        _ => return None,
    };
    text.parse()
        .ok()
        .filter(|number: &F| (*number).into().is_finite())
}
