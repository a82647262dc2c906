//! From JSON to Avro's bytes: the way back of `decode`. A number that its type does not hold is a rejection, never
//! rounded or cut; `float` and `double` alone take the nearest.

use std::collections::{HashMap, HashSet};

use super::default::{Defaults, is_not_finite};
use super::model::{AvroSchema, Fields, RecordField, Shape, TypeId};
use crate::bounds::{MAX_DEPTH, MAX_VALUES};
use crate::error::Rejection;
use crate::json::{Decimal, Json};

/// Writes one value.
pub(super) fn encode(schema: &AvroSchema, value: &Json) -> Result<Vec<u8>, Rejection> {
    let mut encoder = Encoder {
        schema,
        out: Vec::new(),
        defaults: Defaults::new(schema, MAX_VALUES),
    };
    encoder.value(schema.root, value, 0)?;
    Ok(encoder.out)
}

struct Encoder<'a> {
    schema: &'a AvroSchema,
    out: Vec<u8>,
    defaults: Defaults<'a>,
}

impl<'a> Encoder<'a> {
    fn long(&mut self, number: i64) {
        let mut rest = ((number << 1) ^ (number >> 63)) as u64;
        while rest >= 0x80 {
            self.out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.out.push(rest as u8);
    }

    fn counted(&mut self, bytes: &[u8]) {
        self.long(bytes.len() as i64);
        self.out.extend(bytes);
    }

    fn value(&mut self, of: TypeId, value: &Json, depth: usize) -> Result<(), Rejection> {
        if depth > MAX_DEPTH {
            return Err(Rejection::new(format!(
                "the value has more than {MAX_DEPTH} levels"
            )));
        }
        let schema = self.schema;
        let kind = &schema.types[of];
        let wrong = || Rejection::new(format!("must be {}, is {}", schema.branch_name(of), value.kind()));
        match (&kind.shape, value) {
            (Shape::Null, Json::Null) => {}
            (Shape::Boolean, Json::Bool(bool)) => self.out.push(u8::from(*bool)),
            (Shape::Int, Json::Number(digits)) => {
                let number = integer(digits).and_then(|number| i32::try_from(number).ok());
                let number =
                    number.ok_or_else(|| Rejection::new(format!("{digits} is no int of 32 bits")))?;
                self.long(i64::from(number));
            }
            (Shape::Long, Json::Number(digits)) => {
                let number = integer(digits).and_then(|number| i64::try_from(number).ok());
                let number =
                    number.ok_or_else(|| Rejection::new(format!("{digits} is no long of 64 bits")))?;
                self.long(number);
            }
            (Shape::Float, Json::Number(_) | Json::String(_)) => {
                let number: f32 = floating(value).ok_or_else(wrong)?;
                self.out.extend(number.to_le_bytes());
            }
            (Shape::Double, Json::Number(_) | Json::String(_)) => {
                let number: f64 = floating(value).ok_or_else(wrong)?;
                self.out.extend(number.to_le_bytes());
            }
            (Shape::String, Json::String(text)) => self.counted(text.as_bytes()),
            (Shape::Bytes, Json::String(_) | Json::Number(_)) => {
                let bytes = match kind.decimal {
                    Some(decimal) => decimal_bytes(value, decimal)?,
                    None => bytes(value.as_str().ok_or_else(wrong)?)?,
                };
                self.counted(&bytes);
            }
            (Shape::Fixed(_, size), Json::String(_) | Json::Number(_)) => {
                let bytes = match kind.decimal {
                    Some(decimal) => widened(decimal_bytes(value, decimal)?, *size)?,
                    None => bytes(value.as_str().ok_or_else(wrong)?)?,
                };
                if bytes.len() != *size {
                    return Err(Rejection::new(format!(
                        "must have {size} bytes, has {}",
                        bytes.len()
                    )));
                }
                self.out.extend(bytes);
            }
            (Shape::Enum { symbols, .. }, Json::String(symbol)) => {
                let index = symbols.position(symbol);
                let what = || {
                    Rejection::new(format!(
                        "{symbol:?} is none of the {} symbols",
                        symbols.list.len()
                    ))
                };
                self.long(index.ok_or_else(what)? as i64);
            }
            (Shape::Array(of), Json::Array(elements)) => {
                if !elements.is_empty() {
                    self.long(elements.len() as i64);
                }
                for (index, element) in elements.iter().enumerate() {
                    self.value(*of, element, depth + 1)
                        .map_err(|fault| fault.under(index))?;
                }
                self.long(0);
            }
            (Shape::Map(of), Json::Object(members)) => {
                if !members.is_empty() {
                    self.long(members.len() as i64);
                }
                for (name, member) in members {
                    self.counted(name.as_bytes());
                    self.value(*of, member, depth + 1)
                        .map_err(|fault| fault.under(name))?;
                }
                self.long(0);
            }
            (Shape::Union(branches), _) => self.union(branches, value, depth)?,
            (Shape::Record(_, fields), Json::Object(members)) => {
                self.record(fields, members, depth)?;
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// By the branch's name where the value has one, else the first branch that the value can be.
    fn union(&mut self, branches: &'a [TypeId], value: &Json, depth: usize) -> Result<(), Rejection> {
        if let [(name, inner)] = value.members() {
            let named = branches
                .iter()
                .position(|branch| self.schema.branch_name(*branch) == name);
            let named = named.filter(|_| !self.schema.is_plain(branches) || !self.fits_any(branches, value));
            if let Some(index) = named {
                self.long(index as i64);
                return self
                    .value(branches[index], inner, depth + 1)
                    .map_err(|fault| fault.under(name));
            }
        }
        let fitting = branches
            .iter()
            .position(|branch| fits(self.schema, *branch, value));
        // With one branch besides null, that branch says best what is wrong.
        let only = || {
            let mut others = (0..branches.len())
                .filter(|index| !matches!(self.schema.shape(branches[*index]), Shape::Null));
            others
                .next()
                .filter(|_| others.next().is_none() && *value != Json::Null)
        };
        let Some(index) = fitting.or_else(only) else {
            let names: Vec<&str> = branches
                .iter()
                .map(|branch| self.schema.branch_name(*branch))
                .collect();
            let what = format!(
                "{} fits no branch of the union of {}",
                value.kind(),
                names.join(", ")
            );
            return Err(Rejection::new(what));
        };
        self.long(index as i64);
        self.value(branches[index], value, depth + 1)
    }

    fn fits_any(&self, branches: &[TypeId], value: &Json) -> bool {
        branches.iter().any(|branch| fits(self.schema, *branch, value))
    }

    fn record(
        &mut self,
        fields: &'a Fields,
        members: &[(String, Json)],
        depth: usize,
    ) -> Result<(), Rejection> {
        if let Some((name, _)) = members.iter().find(|(name, _)| fields.named(name).is_none()) {
            return Err(Rejection::new("the schema has no such field").under(name));
        }
        let given: HashMap<&str, &Json> = members
            .iter()
            .map(|(name, member)| (name.as_str(), member))
            .collect();
        for field in &fields.list {
            let made = match (given.get(field.name.as_str()), &field.default) {
                (Some(member), _) => {
                    self.value(field.of, member, depth + 1)
                        .map_err(|fault| fault.under(&field.name))?;
                    continue;
                }
                (None, Some(default)) => self.defaults.value(field.of, default),
                (None, None) => Err("the field is missing and has no default".to_owned()),
            };
            let made = made.map_err(|what| Rejection::new(what).under(&field.name))?;
            self.value(field.of, &made, depth + 1)
                .map_err(|fault| fault.under(&field.name))?;
        }
        Ok(())
    }
}

/// Whether a value can be of a type, by its outermost level: looking deeper would double the work at each.
fn fits(schema: &AvroSchema, of: TypeId, value: &Json) -> bool {
    let kind = &schema.types[of];
    match (&kind.shape, value) {
        (Shape::Null, Json::Null)
        | (Shape::Boolean, Json::Bool(_))
        | (Shape::Float | Shape::Double, Json::Number(_))
        | (Shape::String, Json::String(_))
        | (Shape::Array(_), Json::Array(_))
        | (Shape::Map(_), Json::Object(_)) => true,
        (Shape::Float | Shape::Double, Json::String(text)) => is_not_finite(text),
        (Shape::Int, Json::Number(digits)) => {
            integer(digits).is_some_and(|number| i32::try_from(number).is_ok())
        }
        (Shape::Long, Json::Number(digits)) => {
            integer(digits).is_some_and(|number| i64::try_from(number).is_ok())
        }
        (Shape::Bytes | Shape::Fixed(..), _) if kind.decimal.is_some() => kind
            .decimal
            .is_some_and(|decimal| decimal_bytes(value, decimal).is_ok()),
        (Shape::Bytes, Json::String(text)) => bytes(text).is_ok(),
        (Shape::Fixed(_, size), Json::String(text)) => bytes(text).is_ok_and(|bytes| bytes.len() == *size),
        (Shape::Enum { symbols, .. }, Json::String(symbol)) => symbols.position(symbol).is_some(),
        (Shape::Record(_, fields), Json::Object(members)) => {
            let given: HashSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
            let is_given = |field: &RecordField| field.default.is_some() || given.contains(&*field.name);
            members.iter().all(|(name, _)| fields.named(name).is_some()) && fields.list.iter().all(is_given)
        }
        _ => false,
    }
}

fn integer(digits: &str) -> Option<i128> {
    Decimal::of(digits).to_integer()
}

fn floating<F: std::str::FromStr + Into<f64> + Copy>(value: &Json) -> Option<F> {
    match value {
        Json::Number(digits) => digits
            .parse()
            .ok()
            .filter(|number: &F| (*number).into().is_finite()),
        Json::String(text) if is_not_finite(text) => text.parse().ok(),
        _ => None,
    }
}

/// Each character is a byte, as in the standard's own JSON.
fn bytes(text: &str) -> Result<Vec<u8>, Rejection> {
    let bytes: Option<Vec<u8>> = text
        .chars()
        .map(|character| u8::try_from(character).ok())
        .collect();
    bytes.ok_or_else(|| Rejection::new("characters above U+00FF are no bytes"))
}

fn decimal_bytes(value: &Json, (precision, scale): (usize, usize)) -> Result<Vec<u8>, Rejection> {
    let text = match value {
        Json::Number(digits) => Some(&**digits),
        other => other.as_str().filter(|text| is_decimal(text)),
    };
    let text = text.ok_or_else(|| Rejection::new(format!("must be a decimal, is {}", value.kind())))?;
    let decimal = Decimal::of(text);
    if decimal.precision(scale) > precision {
        return Err(Rejection::new(format!("{text} has more than {precision} digits")));
    }
    decimal
        .unscaled(scale)
        .ok_or_else(|| Rejection::new(format!("{text} has more than {scale} digits behind the point")))
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn widened(bytes: Vec<u8>, size: usize) -> Result<Vec<u8>, Rejection> {
    let missing = size.checked_sub(bytes.len());
    let missing =
        missing.ok_or_else(|| Rejection::new(format!("the decimal takes more than {size} bytes")))?;
    let filler = if bytes[0] >= 0x80 { 0xff } else { 0 };
    Ok(std::iter::repeat_n(filler, missing).chain(bytes).collect())
}
