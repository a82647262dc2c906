//! From Protobuf's bytes to its canonical JSON. Fields that the schema does not have are passed over, as every reader
//! of Protobuf does.

use std::collections::HashMap;

use super::model::{Field, Kind, Message, Named, ProtobufSchema, Scalar};
use super::well_known::WellKnown;
use super::wire::{Reader, Wire, zigzag};
use crate::base64::{from_base64, to_base64};
use crate::bounds::{MAX_DEPTH, MAX_VALUES, TEXT_OF_A_VALUE};
use crate::error::{Rejection, with_article};
use crate::json::Json;

/// Reads one message.
pub(super) fn decode(schema: &ProtobufSchema, message: usize, bytes: &[u8]) -> Result<Json, Rejection> {
    Decoder { schema, values: 0 }.message(message, &[(bytes, 0)], 0)
}

/// Pieces of one message: a field that stands twice is merged, and a message is the pieces one after the other.
type Pieces<'b> = [(&'b [u8], usize)];

/// What was found of a field.
#[derive(Default)]
enum Found<'b> {
    #[default]
    Nothing,
    One(Json),
    Many(Vec<Json>),
    Message(Vec<(&'b [u8], usize)>),
    Map(Vec<(String, Json)>, HashMap<String, usize>),
}

struct Decoder<'s> {
    schema: &'s ProtobufSchema,
    values: usize,
}

impl<'s> Decoder<'s> {
    fn message(&mut self, message: usize, pieces: &Pieces<'_>, depth: usize) -> Result<Json, Rejection> {
        let start = pieces.first().map_or(0, |(_, place)| *place);
        if depth > MAX_DEPTH {
            return Err(Rejection::at_byte(
                start,
                format!("the payload has more than {MAX_DEPTH} levels"),
            ));
        }
        let of = &self.schema.messages[message];
        let plain = self.plain(of, pieces, depth)?;
        let Some(known) = WellKnown::named(&of.name) else {
            return Ok(plain);
        };
        if known == WellKnown::Any {
            return self.any(&plain, start, depth);
        }
        let zero = || {
            of.fields
                .first()
                .map_or(Json::Null, |field| zero(self.schema, field))
        };
        known
            .shown(plain, zero)
            .map_err(|what| Rejection::at_byte(start, what))
    }

    fn counted(&mut self, reader: &Reader<'_>) -> Result<(), Rejection> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(reader.fault(format!("the payload has more than {MAX_VALUES} values")));
        }
        Ok(())
    }

    /// A text that the schema says, and the payload does not hold.
    fn said(&mut self, text: &str, start: usize) -> Result<(), Rejection> {
        self.values += text.len() / TEXT_OF_A_VALUE;
        if self.values > MAX_VALUES {
            let what = format!("the payload makes more than {MAX_VALUES} values with their names");
            return Err(Rejection::at_byte(start, what));
        }
        Ok(())
    }

    fn plain<'b>(&mut self, of: &'s Message, pieces: &Pieces<'b>, depth: usize) -> Result<Json, Rejection> {
        let mut found: Vec<Found<'b>> = Vec::new();
        found.resize_with(of.fields.len(), Found::default);
        let mut chosen: Vec<Option<usize>> = vec![None; of.oneofs.len()];
        // A message of many fields costs that much, even if it has none of them.
        self.values += of.fields.len() / 16;
        for (bytes, place) in pieces {
            let mut reader = Reader::new(bytes, *place);
            while !reader.is_empty() {
                self.counted(&reader)?;
                let (number, wire) = reader.tag()?;
                let Some(index) = of.by_number.get(&number).copied() else {
                    reader.skip(number, wire)?;
                    continue;
                };
                let field = &of.fields[index];
                if let Some(oneof) = field.oneof
                    && let Some(before) = chosen[oneof].replace(index)
                    && before != index
                {
                    // The last one counts; a message alone is merged with what stood before.
                    found[before] = Found::Nothing;
                }
                let taken = self.field(field, (number, wire), &mut reader, &mut found[index], depth);
                taken.map_err(|fault| fault.under(&field.json_name))?;
            }
        }
        self.members(of, found, pieces.first().map_or(0, |(_, place)| *place), depth)
    }

    fn members(
        &mut self,
        of: &Message,
        found: Vec<Found<'_>>,
        start: usize,
        depth: usize,
    ) -> Result<Json, Rejection> {
        let mut members = Vec::new();
        for (field, found) in of.fields.iter().zip(found) {
            let value = match found {
                Found::Nothing if field.is_required => {
                    return Err(
                        Rejection::at_byte(start, "the required field is missing").under(&field.json_name)
                    );
                }
                Found::Nothing => continue,
                Found::One(value) if !field.has_presence && is_zero(self.schema, field, &value) => continue,
                Found::One(value) => value,
                Found::Many(values) => Json::Array(values),
                Found::Map(members, _) => Json::Object(members),
                Found::Message(pieces) => {
                    let Kind::Message(message) = field.kind else {
                        continue;
                    };
                    let value = self.message(message, &pieces, depth + 1);
                    value.map_err(|fault| fault.under(&field.json_name))?
                }
            };
            self.said(&field.json_name, start)?;
            members.push((field.json_name.clone(), value));
        }
        Ok(Json::Object(members))
    }

    fn field<'b>(
        &mut self,
        field: &'s Field,
        (number, wire): (u32, Wire),
        reader: &mut Reader<'b>,
        found: &mut Found<'b>,
        depth: usize,
    ) -> Result<(), Rejection> {
        if let Kind::Message(message) = field.kind {
            let piece = match wire {
                Wire::Length => reader.delimited()?,
                Wire::Start => reader.group(number)?,
                _ => return Err(reader.fault(written_otherwise("a message", Wire::Length, wire))),
            };
            if let Some(entry) = self.schema.entry(field) {
                return self.entry(entry, piece, found, depth);
            }
            if field.is_repeated {
                let values = many(found);
                let value = self.message(message, &[piece], depth + 1);
                values.push(value.map_err(|fault| fault.under(values.len()))?);
                return Ok(());
            }
            match found {
                Found::Message(pieces) => pieces.push(piece),
                _ => *found = Found::Message(vec![piece]),
            }
            return Ok(());
        }
        if wire == Wire::Length && field.is_repeated && field.kind.can_be_packed() {
            let (bytes, place) = reader.delimited()?;
            let mut packed = Reader::new(bytes, place);
            let values = many(found);
            while !packed.is_empty() {
                self.counted(&packed)?;
                values.extend(self.scalar(field, wire_of(field.kind), &mut packed)?);
            }
            return Ok(());
        }
        let Some(value) = self.scalar(field, wire, reader)? else {
            return Ok(());
        };
        if field.is_repeated {
            many(found).push(value);
        } else {
            *found = Found::One(value);
        }
        Ok(())
    }

    fn entry(
        &mut self,
        entry: &'s Message,
        piece: (&[u8], usize),
        found: &mut Found<'_>,
        depth: usize,
    ) -> Result<(), Rejection> {
        let Json::Object(members) = self.plain(entry, &[piece], depth + 1)? else {
            return Ok(());
        };
        let (mut key, mut value) = (None, None);
        for (name, member) in members {
            if name == "key" {
                key = Some(member);
            } else {
                value = Some(member);
            }
        }
        let part = |number: u32| entry.by_number.get(&number).map(|index| &entry.fields[*index]);
        let (Some(key_field), Some(value_field)) = (part(1), part(2)) else {
            return Ok(());
        };
        let key = match key.unwrap_or_else(|| zero(self.schema, key_field)) {
            Json::String(text) => text,
            Json::Number(digits) => digits.into_string(),
            Json::Bool(bool) => bool.to_string(),
            _ => return Ok(()),
        };
        let value = match (value, value_field.kind) {
            (Some(value), _) => value,
            // An enum's value that nobody knows: the entry is passed over, as its field would be.
            (None, Kind::Enum(number)) if !self.schema.enums[number].is_open && has_field(piece.0, 2) => {
                return Ok(());
            }
            (None, Kind::Message(message)) => self.message(message, &[(&[], piece.1)], depth + 1)?,
            (None, _) => zero(self.schema, value_field),
        };
        if !matches!(found, Found::Map(..)) {
            *found = Found::Map(Vec::new(), HashMap::new());
        }
        if let Found::Map(members, places) = found {
            if let Some(index) = places.get(&key) {
                members[*index].1 = value;
            } else {
                places.insert(key.clone(), members.len());
                members.push((key, value));
            }
        }
        Ok(())
    }

    /// `None` for a number that a closed enum does not have.
    fn scalar(
        &mut self,
        field: &Field,
        wire: Wire,
        reader: &mut Reader<'_>,
    ) -> Result<Option<Json>, Rejection> {
        if wire != wire_of(field.kind) {
            let kind = with_article(&self.kind_name(field.kind));
            return Err(reader.fault(written_otherwise(&kind, wire_of(field.kind), wire)));
        }
        let scalar = match field.kind {
            Kind::Scalar(scalar) => scalar,
            Kind::Enum(number) => {
                let symbol = self.symbol(number, reader.varint()? as i32);
                let name = symbol.as_ref().and_then(Json::as_str);
                self.said(name.unwrap_or_default(), reader.place())?;
                return Ok(symbol);
            }
            Kind::Message(_) => return Ok(None),
        };
        Ok(Some(match scalar {
            Scalar::Double => Json::double(f64::from_bits(reader.fixed64()?)),
            Scalar::Float => Json::float(f32::from_bits(reader.fixed32()?)),
            Scalar::Int32 => Json::number(reader.varint()? as i32),
            Scalar::Int64 => Json::text((reader.varint()? as i64).to_string()),
            Scalar::Uint32 => Json::number(reader.varint()? as u32),
            Scalar::Uint64 => Json::text(reader.varint()?.to_string()),
            Scalar::Sint32 => Json::number(zigzag(u64::from(reader.varint()? as u32)) as i32),
            Scalar::Sint64 => Json::text(zigzag(reader.varint()?).to_string()),
            Scalar::Fixed32 => Json::number(reader.fixed32()?),
            Scalar::Fixed64 => Json::text(reader.fixed64()?.to_string()),
            Scalar::Sfixed32 => Json::number(reader.fixed32()? as i32),
            Scalar::Sfixed64 => Json::text((reader.fixed64()? as i64).to_string()),
            Scalar::Bool => Json::Bool(reader.varint()? != 0),
            Scalar::String => {
                let (bytes, place) = reader.delimited()?;
                let text = match std::str::from_utf8(bytes) {
                    Ok(text) => text.to_owned(),
                    Err(fault) => {
                        let place = place + fault.valid_up_to();
                        return Err(Rejection::at_byte(place, "the text is not UTF-8"));
                    }
                };
                Json::String(text)
            }
            Scalar::Bytes => Json::String(to_base64(reader.delimited()?.0)),
        }))
    }

    fn symbol(&self, number: usize, code: i32) -> Option<Json> {
        let of = &self.schema.enums[number];
        if of.name == "google.protobuf.NullValue" {
            return Some(Json::Null);
        }
        match of.by_number.get(&code) {
            Some(name) => Some(Json::text(name)),
            None => of.is_open.then(|| Json::number(code)),
        }
    }

    fn kind_name(&self, kind: Kind) -> String {
        match kind {
            Kind::Scalar(scalar) => scalar.name(),
            Kind::Enum(number) => format!("value of {}", self.schema.enums[number].name),
            Kind::Message(message) => self.schema.messages[message].name.clone(),
        }
    }

    fn any(&mut self, plain: &Json, start: usize, depth: usize) -> Result<Json, Rejection> {
        let Some(url) = plain.get("typeUrl").and_then(Json::as_str) else {
            return Ok(Json::Object(Vec::new()));
        };
        let name = url.rsplit('/').next().unwrap_or_default();
        let Some(Named::Message(message)) = self.schema.names.get(name).copied() else {
            return Err(Rejection::at_byte(
                start,
                format!("the type {url} of an Any is not among what was pushed"),
            ));
        };
        let bytes = plain
            .get("value")
            .and_then(Json::as_str)
            .and_then(from_base64)
            .unwrap_or_default();
        let value = self.message(message, &[(&bytes, start)], depth + 1)?;
        let kind = ("@type".to_owned(), Json::text(url));
        Ok(match (WellKnown::named(name), value) {
            (None, Json::Object(members)) => Json::Object(std::iter::once(kind).chain(members).collect()),
            (_, value) => Json::Object(vec![kind, ("value".to_owned(), value)]),
        })
    }
}

fn many<'f>(found: &'f mut Found<'_>) -> &'f mut Vec<Json> {
    if !matches!(found, Found::Many(_)) {
        *found = Found::Many(Vec::new());
    }
    match found {
        Found::Many(values) => values,
        _ => unreachable!("set above"),
    }
}

/// Other readers take such a field for one that they do not know, and drop the value without a word.
fn written_otherwise(kind: &str, expected: Wire, found: Wire) -> String {
    let (expected, found) = (expected.in_words(), found.in_words());
    format!("{kind} is written as {expected}, and {found} stands there; it was written by another schema")
}

fn has_field(bytes: &[u8], sought: u32) -> bool {
    let mut reader = Reader::new(bytes, 0);
    while !reader.is_empty() {
        match reader.tag() {
            Ok((number, _)) if number == sought => return true,
            Ok((number, wire)) if reader.skip(number, wire).is_ok() => {}
            _ => return false,
        }
    }
    false
}

/// How a value of this kind is written alone.
pub(super) fn wire_of(kind: Kind) -> Wire {
    match kind {
        Kind::Message(_) | Kind::Scalar(Scalar::String | Scalar::Bytes) => Wire::Length,
        Kind::Scalar(Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64) => Wire::Fixed64,
        Kind::Scalar(Scalar::Float | Scalar::Fixed32 | Scalar::Sfixed32) => Wire::Fixed32,
        _ => Wire::Varint,
    }
}

/// The zero of a field's type, as JSON has it.
fn zero(schema: &ProtobufSchema, field: &Field) -> Json {
    match field.kind {
        Kind::Message(_) => Json::Object(Vec::new()),
        Kind::Enum(number) if schema.enums[number].name == "google.protobuf.NullValue" => Json::Null,
        Kind::Enum(number) => Json::text(&schema.enums[number].first),
        Kind::Scalar(Scalar::Bool) => Json::Bool(false),
        Kind::Scalar(Scalar::String | Scalar::Bytes) => Json::text(""),
        Kind::Scalar(Scalar::Double | Scalar::Float) => Json::number("0.0"),
        Kind::Scalar(
            Scalar::Int64 | Scalar::Uint64 | Scalar::Sint64 | Scalar::Fixed64 | Scalar::Sfixed64,
        ) => Json::text("0"),
        Kind::Scalar(_) => Json::number(0),
    }
}

/// Whether a value is the zero of its type. `-0.0` is none: it has a bit.
fn is_zero(schema: &ProtobufSchema, field: &Field, value: &Json) -> bool {
    match (field.kind, value) {
        (Kind::Enum(number), Json::String(name)) => schema.enums[number].by_name.get(name) == Some(&0),
        (Kind::Enum(_), _) => *value == Json::Null,
        _ => *value == zero(schema, field),
    }
}
