//! Lists in as few bytes and instructions as they take.
//!
//! Nearly all of the work at an event is reading and writing lists of some hundred items, so they are
//! kept as fixed-width records in one run of bytes, for `#[serde(with = "packed")]`; number by number
//! the same takes several times as long.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
};

/// A record of fixed width.
pub trait Record: Sized {
    /// Its width in bytes.
    const WIDTH: usize;
    /// Appends it.
    fn put(&self, bytes: &mut Vec<u8>);
    /// Reads it from `WIDTH` bytes.
    fn take(bytes: &[u8]) -> Option<Self>;
}

/// Writes a list; for `#[serde(with = "packed")]`.
pub fn serialize<T: Record, S: Serializer>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(list.len() * T::WIDTH);
    for record in list {
        record.put(&mut bytes);
    }
    serializer.serialize_bytes(&bytes)
}

/// Reads a list.
///
/// Bytes that end within a record are an error.
pub fn deserialize<'de, T: Record, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_bytes(ListVisitor(PhantomData))
}

struct ListVisitor<T>(PhantomData<T>);

impl<T: Record> Visitor<'_> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "records of {} bytes", T::WIDTH)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<T>, E> {
        let mut records = Vec::with_capacity(bytes.len() / T::WIDTH);
        for record in bytes.chunks(T::WIDTH) {
            records.push(T::take(record).ok_or_else(|| E::invalid_length(bytes.len(), &self))?);
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{BytesDeserializer, Error};

    use crate::item::Item;

    #[test]
    fn a_list_that_was_cut_is_refused() {
        let read =
            |bytes: &[u8]| super::deserialize::<(Item, f32), _>(BytesDeserializer::<Error>::new(bytes));
        assert_eq!(read(&[0; 20]).unwrap().len(), 2);
        assert!(read(&[0; 19]).is_err());
        assert!(read(&[]).unwrap().is_empty());
    }
}
