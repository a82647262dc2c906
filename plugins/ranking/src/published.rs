//! What the learner publishes, and the table of the ranking pipeline holds: a row for each item, and one for the boards.
//!
//! The first byte names the form. Two pipelines change their plugins at different times, so a row of another form must
//! be refused rather than read as something else.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tailrace_sdk::{Failure, Host};

use crate::{board::Boards, item::Item, packed, row::Row};

/// The form of the rows.
const FORM: u8 = 2;
/// Key of the row that holds the boards. The key of an item has twelve characters, so no item has this one.
pub const BOARDS_KEY: &str = "boards";

/// An item as it is published.
#[derive(Debug, Serialize, Deserialize)]
pub struct ItemRow {
    /// The item's id.
    pub id: String,
    /// Its counts and neighbours.
    pub row: Row,
    /// Days of event time after which what is in the row counts half.
    pub row_half_life_days: f64,
    /// The items whose vectors are nearest to its own, with the inner product.
    #[serde(with = "packed")]
    pub similar: Vec<(Item, f32)>,
}

impl ItemRow {
    /// The row that a table has for an item, if it has one.
    pub fn of(host: &mut Host<'_>, table: &str, item: Item) -> Result<Option<Self>, Failure> {
        row_of(host, table, &item.key())
    }

    /// As it is published.
    pub fn encode(&self) -> Result<Vec<u8>, Failure> {
        encode(&self.id, self)
    }
}

impl Boards {
    /// The boards that a table has; empty ones if it has none yet.
    pub fn of(host: &mut Host<'_>, table: &str) -> Result<Self, Failure> {
        Ok(row_of(host, table, BOARDS_KEY)?.unwrap_or_default())
    }

    /// As they are published.
    pub fn encode(&self) -> Result<Vec<u8>, Failure> {
        encode(BOARDS_KEY, self)
    }
}

fn encode(key: &str, row: &impl Serialize) -> Result<Vec<u8>, Failure> {
    postcard::to_extend(row, vec![FORM])
        .map_err(|cause| Failure::invalid("unwritable-row", format!("the row {key:?}: {cause}")))
}

fn row_of<T: DeserializeOwned>(host: &mut Host<'_>, table: &str, key: &str) -> Result<Option<T>, Failure> {
    let Some(bytes) = host.table(table).get(key) else {
        return Ok(None);
    };
    decode(&bytes).map(Some).map_err(|why| {
        Failure::invalid(
            "invalid-row",
            format!("the row of table {table} with the key {key:?}: {why}"),
        )
    })
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let Some((&FORM, row)) = bytes.split_first() else {
        return Err(format!(
            "it has another form than {FORM}; publish it by an item-learner of the same version as this plugin"
        ));
    };
    postcard::from_bytes(row).map_err(|cause| cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_as_it_was_published() {
        let row = ItemRow {
            id: "21".to_owned(),
            row: Row::default(),
            row_half_life_days: 365.0,
            similar: vec![(Item::of("22"), 0.5)],
        };
        let read: ItemRow = decode(&row.encode().unwrap()).unwrap();
        assert_eq!((read.id, read.similar), (row.id, row.similar));
    }

    #[test]
    fn a_row_of_another_form_is_refused() {
        let mut bytes = Boards::default().encode().unwrap();
        assert!(decode::<Boards>(&bytes).is_ok());
        bytes[0] += 1;
        assert!(decode::<Boards>(&bytes).is_err_and(|why| why.contains("another form")));
        assert!(decode::<Boards>(&[]).is_err());
    }
}
