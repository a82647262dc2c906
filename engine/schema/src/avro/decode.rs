//! From Avro's bytes to JSON: written by one schema, read by another. Every length is looked at before anything is
//! allocated for it.

use super::default::Defaults;
use super::model::{AvroSchema, Fields, Shape, TypeId};
use super::tagged::{MAX_DECIMAL_BYTES, decimal_text, tagged};
use crate::bounds::{MAX_DEPTH, MAX_VALUES, TEXT_OF_A_VALUE};
use crate::error::Rejection;
use crate::json::Json;

/// Reads one value. Nothing may follow it.
pub(super) fn decode(writer: &AvroSchema, reader: &AvroSchema, bytes: &[u8]) -> Result<Json, Rejection> {
    let mut decoder = Decoder {
        writer,
        reader,
        bytes,
        at: 0,
        values: 0,
    };
    let value = decoder.value(writer.root, reader.root, 0)?;
    if decoder.at < bytes.len() {
        let left = bytes.len() - decoder.at;
        return Err(Rejection::at_byte(
            decoder.at,
            format!("{left} bytes follow the value"),
        ));
    }
    Ok(value)
}

struct Decoder<'a> {
    writer: &'a AvroSchema,
    reader: &'a AvroSchema,
    bytes: &'a [u8],
    at: usize,
    values: usize,
}

impl<'a> Decoder<'a> {
    fn fault(&self, what: impl Into<String>) -> Rejection {
        Rejection::at_byte(self.at, what)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Rejection> {
        let taken = self
            .at
            .checked_add(length)
            .and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| {
            let left = self.bytes.len() - self.at;
            self.fault(format!("{length} bytes are announced and {left} are left"))
        })?;
        self.at += length;
        Ok(taken)
    }

    fn long(&mut self) -> Result<i64, Rejection> {
        let (start, mut number) = (self.at, 0_u64);
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        Err(Rejection::at_byte(start, "the number has more than 64 bits"))
    }

    fn length(&mut self) -> Result<usize, Rejection> {
        let start = self.at;
        let length = self.long()?;
        usize::try_from(length).map_err(|_| Rejection::at_byte(start, format!("{length} is no length")))
    }

    fn counted(&mut self, values: usize) -> Result<(), Rejection> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES {
            return Err(self.fault(format!("the payload has more than {MAX_VALUES} values")));
        }
        Ok(())
    }

    /// A text that the schema says, and the payload does not hold.
    fn said(&mut self, text: &str) -> Result<(), Rejection> {
        self.counted(text.len() / TEXT_OF_A_VALUE)
    }

    /// A decimal has all digits of its scale, however few bytes it has.
    fn scaled(&mut self, decimal: Option<(usize, usize)>) -> Result<(), Rejection> {
        self.counted(decimal.map_or(0, |(_, scale)| scale) / TEXT_OF_A_VALUE)
    }

    fn value(&mut self, written: TypeId, read: TypeId, depth: usize) -> Result<Json, Rejection> {
        if depth > MAX_DEPTH {
            return Err(self.fault(format!("the payload has more than {MAX_DEPTH} levels")));
        }
        self.counted(1)?;
        let (writer, reader) = (self.writer, self.reader);
        if let Shape::Union(branches) = writer.shape(written) {
            let start = self.at;
            let index = self.long()?;
            let branch = usize::try_from(index)
                .ok()
                .and_then(|index| branches.get(index))
                .copied();
            let branch = branch.ok_or_else(|| {
                Rejection::at_byte(
                    start,
                    format!("the union has no branch {index}, only {}", branches.len()),
                )
            })?;
            return self.value(branch, read, depth + 1);
        }
        if let Shape::Union(branches) = reader.shape(read) {
            let Some(index) = self.branch(written, branches) else {
                return Err(self.mismatch(written, read));
            };
            let value = self.value(written, branches[index], depth + 1)?;
            self.said(reader.branch_name(branches[index]))?;
            return Ok(tagged(reader, branches, index, value));
        }
        self.shaped(written, read, depth)
    }

    /// The branch of a reader's union that takes what was written: the same type first, then one it promotes to.
    fn branch(&self, written: TypeId, branches: &[TypeId]) -> Option<usize> {
        let shape = self.writer.shape(written);
        let name = self.writer.branch_name(written);
        let exact = |branch: &TypeId| {
            self.reader.shape(*branch).matches(shape) && self.reader.branch_name(*branch) == name
        };
        let same = |branch: &TypeId| self.reader.shape(*branch).matches(shape);
        let wider = |branch: &TypeId| self.reader.shape(*branch).promotes(shape);
        branches
            .iter()
            .position(exact)
            .or_else(|| branches.iter().position(same))
            .or_else(|| branches.iter().position(wider))
    }

    fn mismatch(&self, written: TypeId, read: TypeId) -> Rejection {
        let (written, read) = (self.writer.branch_name(written), self.reader.branch_name(read));
        self.fault(format!("{written} was written, and the schema reads {read}"))
    }

    fn shaped(&mut self, written: TypeId, read: TypeId, depth: usize) -> Result<Json, Rejection> {
        let (writer, reader) = (self.writer, self.reader);
        let (from, to) = (&writer.types[written], &reader.types[read]);
        if !to.shape.matches(&from.shape) && !to.shape.promotes(&from.shape) {
            return Err(self.mismatch(written, read));
        }
        Ok(match (&from.shape, &to.shape) {
            (Shape::Null, _) => Json::Null,
            (Shape::Boolean, _) => match self.take(1)?[0] {
                0 => Json::Bool(false),
                1 => Json::Bool(true),
                other => return Err(Rejection::at_byte(self.at - 1, format!("{other} is no boolean"))),
            },
            (Shape::Int, to) => {
                let start = self.at;
                let number = i32::try_from(self.long()?);
                let number =
                    number.map_err(|_| Rejection::at_byte(start, "the int has more than 32 bits"))?;
                whole(i64::from(number), to)
            }
            (Shape::Long, to) => whole(self.long()?, to),
            (Shape::Float, to) => {
                let number = f32::from_le_bytes(self.array()?);
                if matches!(to, Shape::Double) {
                    Json::double(f64::from(number))
                } else {
                    Json::float(number)
                }
            }
            (Shape::Double, _) => Json::double(f64::from_le_bytes(self.array()?)),
            (Shape::Bytes | Shape::String, _) => {
                let length = self.length()?;
                let start = self.at;
                let bytes = self.take(length)?;
                self.scaled(to.decimal)?;
                bytes_or_text(bytes, start, from.decimal, to.decimal, &to.shape)?
            }
            (Shape::Fixed(_, size), _) => {
                let start = self.at;
                let bytes = self.take(*size)?;
                self.scaled(to.decimal)?;
                bytes_or_text(bytes, start, from.decimal, to.decimal, &Shape::Bytes)?
            }
            (
                Shape::Enum { symbols, .. },
                Shape::Enum {
                    symbols: known,
                    default,
                    ..
                },
            ) => {
                let start = self.at;
                let index = self.long()?;
                let symbol = usize::try_from(index)
                    .ok()
                    .and_then(|index| symbols.list.get(index));
                let symbol = symbol
                    .ok_or_else(|| Rejection::at_byte(start, format!("the enum has no symbol {index}")))?;
                let symbol = Some(symbol).filter(|symbol| known.position(symbol).is_some());
                let symbol = symbol.or_else(|| default.and_then(|default| known.list.get(default)));
                let what =
                    || Rejection::at_byte(start, "the schema does not have the symbol that was written");
                let symbol = symbol.ok_or_else(what)?;
                self.said(symbol)?;
                Json::text(symbol)
            }
            (Shape::Array(from), Shape::Array(to)) => self.array_of(*from, *to, depth)?,
            (Shape::Map(from), Shape::Map(to)) => self.map_of(*from, *to, depth)?,
            (Shape::Record(_, from), Shape::Record(_, to)) => self.record(from, to, depth)?,
            _ => return Err(self.mismatch(written, read)),
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Rejection> {
        let bytes = self.take(N)?;
        Ok(std::array::from_fn(|index| bytes[index]))
    }

    /// The elements in a block: a negative count has the block's size in bytes behind it.
    fn block(&mut self) -> Result<usize, Rejection> {
        let start = self.at;
        let count = self.long()?;
        if count < 0 {
            self.long()?;
        }
        let count = usize::try_from(count.unsigned_abs());
        let count = count.map_err(|_| Rejection::at_byte(start, "the block has too many elements"))?;
        if count > MAX_VALUES {
            return Err(Rejection::at_byte(
                start,
                format!("the payload has more than {MAX_VALUES} values"),
            ));
        }
        Ok(count)
    }

    fn array_of(&mut self, from: TypeId, to: TypeId, depth: usize) -> Result<Json, Rejection> {
        let mut elements = Vec::new();
        loop {
            let count = self.block()?;
            if count == 0 {
                return Ok(Json::Array(elements));
            }
            for _ in 0..count {
                let element = self.value(from, to, depth + 1);
                elements.push(element.map_err(|fault| fault.under(elements.len()))?);
            }
        }
    }

    fn map_of(&mut self, from: TypeId, to: TypeId, depth: usize) -> Result<Json, Rejection> {
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        loop {
            let count = self.block()?;
            if count == 0 {
                return Ok(Json::Object(members));
            }
            for _ in 0..count {
                let length = self.length()?;
                let start = self.at;
                let name = std::str::from_utf8(self.take(length)?);
                let name = name
                    .map_err(|_| Rejection::at_byte(start, "the key is not UTF-8"))?
                    .to_owned();
                if !names.insert(name.clone()) {
                    return Err(Rejection::at_byte(start, "the key stands there twice").under(name));
                }
                let value = self
                    .value(from, to, depth + 1)
                    .map_err(|fault| fault.under(&name))?;
                members.push((name, value));
            }
        }
    }

    fn record(&mut self, from: &'a Fields, to: &'a Fields, depth: usize) -> Result<Json, Rejection> {
        let mut values: Vec<Option<Json>> = vec![None; to.list.len()];
        for field in &from.list {
            match to.reading(&field.name) {
                Some(index) => {
                    let value = self.value(field.of, to.list[index].of, depth + 1);
                    values[index] = Some(value.map_err(|fault| fault.under(&field.name))?);
                }
                None => self
                    .skip(field.of, depth + 1)
                    .map_err(|fault| fault.under(&field.name))?,
            }
        }
        let mut members = Vec::with_capacity(to.list.len());
        for (field, value) in to.list.iter().zip(values) {
            let value = match (value, &field.default) {
                (Some(value), _) => Ok(value),
                (None, Some(default)) => {
                    // The same default may stand in every record of a long array.
                    let mut defaults = Defaults::new(self.reader, MAX_VALUES.saturating_sub(self.values));
                    let made = defaults.value(field.of, default);
                    self.values = MAX_VALUES - defaults.left();
                    made
                }
                (None, None) => Err("the field was not written and has no default".to_owned()),
            };
            let value = value.map_err(|what| self.fault(what).under(&field.name))?;
            self.said(&field.name)?;
            members.push((field.name.clone(), value));
        }
        Ok(Json::Object(members))
    }

    /// What is not read is read over, by the schema that wrote it.
    fn skip(&mut self, written: TypeId, depth: usize) -> Result<(), Rejection> {
        let reader = std::mem::replace(&mut self.reader, self.writer);
        let skipped = self.value(written, written, depth);
        self.reader = reader;
        skipped.map(|_| ())
    }
}

fn bytes_or_text(
    bytes: &[u8],
    start: usize,
    written: Option<(usize, usize)>,
    read: Option<(usize, usize)>,
    to: &Shape,
) -> Result<Json, Rejection> {
    let fault = |what: &str| Rejection::at_byte(start, what);
    if matches!(to, Shape::String) {
        let text = std::str::from_utf8(bytes);
        let text =
            text.map_err(|fault| Rejection::at_byte(start + fault.valid_up_to(), "the text is not UTF-8"))?;
        return Ok(Json::text(text));
    }
    if let (Some((_, one)), Some((_, other))) = (written, read)
        && one != other
    {
        return Err(fault("the decimal was written with another scale"));
    }
    match read {
        Some((precision, scale)) => {
            if bytes.len() > MAX_DECIMAL_BYTES {
                return Err(fault("the decimal has more than 1,000 digits"));
            }
            if crate::json::Decimal::from_unscaled(bytes, scale).precision(scale) > precision {
                return Err(fault("the decimal has more digits than its precision"));
            }
            Ok(decimal_text(bytes, scale))
        }
        None => Ok(Json::String(bytes.iter().copied().map(char::from).collect())),
    }
}

/// A whole number as the reader has it.
fn whole(number: i64, to: &Shape) -> Json {
    match to {
        Shape::Float => Json::float(number as f32),
        Shape::Double => Json::double(number as f64),
        _ => Json::number(number),
    }
}
