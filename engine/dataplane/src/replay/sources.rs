//! What a replay needs beside the records and the state.

use std::sync::Arc;

use tailrace_core::ports::broker::Incoming;

use crate::{arrival::TableRow, plan::Plan};

/// Where a replay finds again what the partition had.
pub trait Sources {
    /// A revision, beside this canary if there is one.
    fn plan(&mut self, revision: u64, canary: Option<u64>) -> Option<Arc<Plan>>;
    /// The first message of the input behind this sequence, of whichever partition: all of them move the clock.
    fn input(&mut self, after: u64) -> Option<Incoming>;
    /// The same of what was sent again from the dead letters, and of orders to delete state.
    fn redriven(&mut self, after: u64) -> Option<Incoming>;
    /// The first row of a table of this sequence or a later one, as it was read under this tag.
    fn row(&mut self, table: &str, tag: u32, from: u64) -> Option<TableRow>;
}
