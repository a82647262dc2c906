//! The list of all items that have a vector, from which negatives are drawn.
//!
//! State keys: `items` holds the number of items, `item/<n>` the id of the n-th, from 0. Drawing is
//! one read however many items there are; nothing is ever taken off the list.

use fastrand::Rng;
use tailrace_sdk::{Failure, Host};

const COUNT_KEY: &str = "items";

/// How many items there are.
pub(crate) struct Roster {
    items: u64,
}

impl Roster {
    pub(crate) fn load(host: &mut Host<'_>) -> Result<Self, Failure> {
        let items = host.state().get_json(COUNT_KEY)?.unwrap_or_default();
        Ok(Self { items })
    }

    /// Adds an item that is not on the list.
    pub(crate) fn add(&mut self, host: &mut Host<'_>, item: &str) -> Result<(), Failure> {
        host.state().set(&place(self.items), item.as_bytes());
        self.items += 1;
        host.state().set_json(COUNT_KEY, &self.items)
    }

    /// An item by chance; none where there are none.
    pub(crate) fn draw(&self, host: &mut Host<'_>, random: &mut Rng) -> Option<String> {
        if self.items == 0 {
            return None;
        }
        let id = host.state().get(&place(random.u64(0..self.items)))?;
        String::from_utf8(id).ok()
    }
}

fn place(number: u64) -> String {
    format!("item/{number}")
}
