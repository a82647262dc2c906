//! From a descriptor set, as `protoc --descriptor_set_out` writes it, to what its files declare.

use super::declare::{
    EnumDecl, Features, FieldDecl, FileDecl, Label, MessageDecl, Presence, Scalar, Syntax, TypeDecl,
};
use super::wire::{Reader, Wire};
use crate::bounds::MAX_DEPTH;
use crate::error::{Rejection, SchemaError};

/// The files of a set, in its order.
pub(super) fn files(bytes: &[u8]) -> Result<Vec<FileDecl>, SchemaError> {
    let mut files = Vec::new();
    let read = each(bytes, &mut |number, value| {
        if number == 1 {
            files.push(file(value.bytes()?)?);
        }
        Ok(())
    });
    read.map_err(|fault| SchemaError::new(fault.place, format!("no descriptor set: {}", fault.what)))?;
    Ok(files)
}

/// The value of a field: a number or bytes.
enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8], usize),
}

impl<'b> Value<'b> {
    fn bytes(&self) -> Result<Reader<'b>, Rejection> {
        match self {
            Self::Bytes(bytes, place) => Ok(Reader::new(bytes, *place)),
            Self::Number(_) => Err(Rejection::new("a message is a number")),
        }
    }

    fn text(&self) -> Result<String, Rejection> {
        match self {
            Self::Bytes(bytes, place) => std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_| Rejection::at_byte(*place, "a name is not UTF-8")),
            Self::Number(_) => Err(Rejection::new("a name is a number")),
        }
    }

    fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Bytes(..) => 0,
        }
    }
}

fn each<'b>(
    bytes: &'b [u8],
    take: &mut dyn FnMut(u32, Value<'b>) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    every(Reader::new(bytes, 0), take)
}

fn every<'b>(
    mut reader: Reader<'b>,
    take: &mut dyn FnMut(u32, Value<'b>) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    while !reader.is_empty() {
        let (number, wire) = reader.tag()?;
        match wire {
            Wire::Varint => take(number, Value::Number(reader.varint()?))?,
            Wire::Length => {
                let (bytes, place) = reader.delimited()?;
                take(number, Value::Bytes(bytes, place))?;
            }
            wire => reader.skip(number, wire)?,
        }
    }
    Ok(())
}

fn file(reader: Reader<'_>) -> Result<FileDecl, Rejection> {
    let mut file = FileDecl {
        name: String::new(),
        package: String::new(),
        syntax: Syntax::Proto2,
        imports: Vec::new(),
        features: Features::default(),
        messages: Vec::new(),
        enums: Vec::new(),
        extensions: Vec::new(),
    };
    let (mut syntax, mut edition) = (String::new(), 0);
    every(reader, &mut |number, value| {
        match number {
            1 => file.name = value.text()?,
            2 => file.package = value.text()?,
            3 => file.imports.push(value.text()?),
            4 => file.messages.push(message(value.bytes()?, 0)?),
            5 => file.enums.push(enumeration(value.bytes()?)?),
            7 => file.extensions.push(field(value.bytes()?)?),
            8 => file.features = features(value.bytes()?, 50)?,
            12 => syntax = value.text()?,
            14 => edition = value.number(),
            _ => {}
        }
        Ok(())
    })?;
    file.syntax = match (syntax.as_str(), edition) {
        ("proto3", _) => Syntax::Proto3,
        ("editions", 1000) => Syntax::Edition(2023),
        ("editions", 1001) => Syntax::Edition(2024),
        ("editions", other) => {
            return Err(Rejection::new(format!(
                "the edition numbered {other} is neither 2023 nor 2024"
            )));
        }
        _ => Syntax::Proto2,
    };
    Ok(file)
}

fn message(reader: Reader<'_>, depth: usize) -> Result<MessageDecl, Rejection> {
    if depth > MAX_DEPTH / 4 {
        return Err(reader.fault(format!("messages stand at most {} levels deep", MAX_DEPTH / 4)));
    }
    let mut declared = MessageDecl::default();
    every(reader, &mut |number, value| {
        match number {
            1 => declared.name = value.text()?,
            2 => declared.fields.push(field(value.bytes()?)?.1),
            3 => declared.messages.push(message(value.bytes()?, depth + 1)?),
            4 => declared.enums.push(enumeration(value.bytes()?)?),
            6 => declared.extensions.push(field(value.bytes()?)?),
            7 => {
                declared.features = features(value.bytes()?, 12)?;
                every(value.bytes()?, &mut |number, value| {
                    match number {
                        1 => declared.is_message_set = value.number() == 1,
                        7 => declared.is_map_entry = value.number() == 1,
                        _ => {}
                    }
                    Ok(())
                })?;
            }
            8 => {
                let mut name = String::new();
                every(value.bytes()?, &mut |number, value| {
                    if number == 1 {
                        name = value.text()?;
                    }
                    Ok(())
                })?;
                declared.oneofs.push(name);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(declared)
}

/// The message that a field extends (empty for a field of its own message), and the field.
fn field(reader: Reader<'_>) -> Result<(String, FieldDecl), Rejection> {
    let mut extended = String::new();
    let mut declared = FieldDecl::default();
    let (mut kind, mut named) = (0, String::new());
    every(reader, &mut |number, value| {
        match number {
            1 => declared.name = value.text()?,
            2 => extended = value.text()?,
            3 => declared.number = value.number() as u32,
            4 => {
                declared.label = match value.number() {
                    2 => Some(Label::Required),
                    3 => Some(Label::Repeated),
                    _ => Some(Label::Optional),
                }
            }
            5 => kind = value.number(),
            6 => named = value.text()?,
            8 => {
                declared.features = features(value.bytes()?, 21)?;
                every(value.bytes()?, &mut |number, value| {
                    if number == 2 {
                        declared.packed = Some(value.number() == 1);
                    }
                    Ok(())
                })?;
            }
            9 => declared.oneof = Some(value.number() as usize),
            10 => declared.json_name = Some(value.text()?),
            17 => declared.is_optional_in_proto3 = value.number() == 1,
            _ => {}
        }
        Ok(())
    })?;
    declared.is_group = kind == 10;
    declared.of = match kind {
        0 | 10 | 11 | 14 => TypeDecl::Named(named),
        other => TypeDecl::Scalar(
            scalar(other).ok_or_else(|| reader.fault(format!("no type is numbered {other}")))?,
        ),
    };
    if !(1..1 << 29).contains(&declared.number) {
        return Err(reader.fault("the number of a field is 1 to 536870911"));
    }
    Ok((extended, declared))
}

fn scalar(number: u64) -> Option<Scalar> {
    Some(match number {
        1 => Scalar::Double,
        2 => Scalar::Float,
        3 => Scalar::Int64,
        4 => Scalar::Uint64,
        5 => Scalar::Int32,
        6 => Scalar::Fixed64,
        7 => Scalar::Fixed32,
        8 => Scalar::Bool,
        9 => Scalar::String,
        12 => Scalar::Bytes,
        13 => Scalar::Uint32,
        15 => Scalar::Sfixed32,
        16 => Scalar::Sfixed64,
        17 => Scalar::Sint32,
        18 => Scalar::Sint64,
        _ => return None,
    })
}

fn enumeration(reader: Reader<'_>) -> Result<EnumDecl, Rejection> {
    let mut declared = EnumDecl::default();
    every(reader, &mut |number, value| {
        match number {
            1 => declared.name = value.text()?,
            2 => {
                let (mut name, mut code) = (String::new(), 0);
                every(value.bytes()?, &mut |number, value| {
                    match number {
                        1 => name = value.text()?,
                        2 => code = value.number() as i32,
                        _ => {}
                    }
                    Ok(())
                })?;
                declared.values.push((name, code));
            }
            3 => declared.features = features(value.bytes()?, 7)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(declared)
}

/// The features among options: they stand under another number in each kind of options.
fn features(options: Reader<'_>, field: u32) -> Result<Features, Rejection> {
    let mut features = Features::default();
    every(options, &mut |number, value| {
        if number != field {
            return Ok(());
        }
        every(value.bytes()?, &mut |number, value| {
            let code = value.number();
            match number {
                1 => {
                    features.presence = match code {
                        1 => Some(Presence::Explicit),
                        2 => Some(Presence::Implicit),
                        3 => Some(Presence::Required),
                        _ => None,
                    }
                }
                2 => features.open_enum = Some(code == 1),
                3 => features.packed = Some(code == 1),
                5 => features.delimited = Some(code == 2),
                _ => {}
            }
            Ok(())
        })
    })?;
    Ok(features)
}
