//! Which tables have rows that no longer count, and how far each was looked through. What is done about them is in
//! [`super::sweep`].

use std::collections::BTreeMap;

/// A table with old rows, and up to which key it was looked through.
pub(crate) type Sweep = (String, Option<String>);

/// The tables with old rows, and up to which key each was looked through.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    pub(super) under_way: BTreeMap<String, Option<String>>,
    /// Whether it is known which these are.
    pub(super) is_known: bool,
}

impl Sweeps {
    /// A table has old rows now.
    pub(super) fn begin(&mut self, table: &str) {
        self.under_way.insert(table.to_owned(), None);
    }

    /// For a batch that is done again: it looks through what it looked through.
    pub(crate) fn impose(&mut self, swept: Option<Sweep>) {
        self.is_known = true;
        self.under_way = swept.into_iter().collect();
    }

    /// Another revision may declare other tables.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}
