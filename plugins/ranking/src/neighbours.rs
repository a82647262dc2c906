//! The neighbours of an item, in the bytes in which they are stored.
//!
//! An event changes one neighbour of a dozen rows. So a row's neighbours stay one run of fixed-width records, read and
//! written in place: nothing is decoded but the records that are looked at.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use crate::{item::Item, packed::Record};

/// A record: the item, and what it has gained.
type Neighbour = (Item, f32);
const WIDTH: usize = <Neighbour as Record>::WIDTH;
/// A row may grow by a quarter above its bound before the weakest go. So newcomers have time to gather weight, and
/// sorting is rare.
const SLACK_DIVISOR: usize = 4;

/// Neighbours in no order, each once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Neighbours(Vec<u8>);

impl Neighbours {
    /// All of them, with what each has gained.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Neighbour> {
        // `visit_bytes` lets in whole records only.
        self.0.chunks_exact(WIDTH).filter_map(Neighbour::take)
    }

    /// Adds to what an item has gained. Above `most` and a quarter, the weakest go.
    pub(crate) fn strengthen(&mut self, item: Item, gain: f32, most: usize) {
        if let Some(weight) = self.weight_of(item) {
            let grown = weight_in(weight) + gain;
            weight.copy_from_slice(&grown.to_le_bytes());
            return;
        }
        (item, gain).put(&mut self.0);
        if self.0.len() > WIDTH * (most + most / SLACK_DIVISOR) {
            self.keep_strongest(most);
        }
    }

    /// Multiplies what all have gained.
    pub(crate) fn scale(&mut self, factor: f32) {
        for record in self.0.chunks_exact_mut(WIDTH) {
            let weight = &mut record[Item::WIDTH..];
            let scaled = weight_in(weight) * factor;
            weight.copy_from_slice(&scaled.to_le_bytes());
        }
    }

    fn weight_of(&mut self, item: Item) -> Option<&mut [u8]> {
        let mut key = Vec::with_capacity(Item::WIDTH);
        item.put(&mut key);
        let key: [u8; Item::WIDTH] = key.try_into().ok()?;
        let record = self
            .0
            .chunks_exact_mut(WIDTH)
            .find(|record| record[..Item::WIDTH] == key)?;
        Some(&mut record[Item::WIDTH..])
    }

    fn keep_strongest(&mut self, most: usize) {
        let mut all: Vec<Neighbour> = self.iter().collect();
        all.sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        self.0.clear();
        for neighbour in &all[..most] {
            neighbour.put(&mut self.0);
        }
    }
}

fn weight_in(bytes: &[u8]) -> f32 {
    bytes.try_into().map_or(0.0, f32::from_le_bytes)
}

impl Serialize for Neighbours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Neighbours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Whole)
    }
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = Neighbours;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "records of {WIDTH} bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Neighbours, E> {
        if !bytes.len().is_multiple_of(WIDTH) {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        Ok(Neighbours(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use serde::{
        Deserialize as _,
        de::value::{BytesDeserializer, Error},
    };

    use super::Neighbours;
    use crate::item::Item;

    #[test]
    fn gains_add_up_and_scale() {
        let mut neighbours = Neighbours::default();
        for (id, gain) in [("a", 1.0), ("b", 2.0), ("a", 0.5)] {
            neighbours.strengthen(Item::of(id), gain, 10);
        }
        neighbours.scale(2.0);
        let all: Vec<_> = neighbours.iter().collect();
        assert_eq!(all, [(Item::of("a"), 3.0), (Item::of("b"), 4.0)]);
    }

    #[test]
    fn above_the_bound_the_weakest_go() {
        let mut neighbours = Neighbours::default();
        for number in 0..6 {
            neighbours.strengthen(Item::of(&number.to_string()), number as f32, 4);
        }
        let all: Vec<_> = neighbours.iter().map(|(_, weight)| weight).collect();
        assert_eq!(all, [5.0, 4.0, 3.0, 2.0]);
    }

    #[test]
    fn bytes_that_end_within_a_record_are_refused() {
        let read = |bytes: &[u8]| Neighbours::deserialize(BytesDeserializer::<Error>::new(bytes));
        assert!(read(&[0; 20]).is_ok());
        assert!(read(&[0; 19]).is_err());
    }
}
