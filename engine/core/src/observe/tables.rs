//! What the tables of a pipeline are like right now: written where they are read, read by status and metrics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use crate::name::Name;

/// A table, as this engine reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TableStatus {
    /// The stream that holds it.
    pub stream: String,
    /// What of which pipeline it is, where it is what another pipeline keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Last sequence of that stream that was read.
    pub read_sequence: u64,
    /// Messages of it that were not read yet when that was last looked at; none where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<u64>,
    /// Whether it was read up to its end since the pipeline has started. Until then no event is processed.
    pub is_loaded: bool,
    /// Messages that are no rows, and were passed over, since this engine took the pipeline up.
    pub refused: u64,
    /// Why the last of them is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_refusal: Option<String>,
    /// What keeps rows from coming, if something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The tables of a pipeline; shared by those who read them and those who look.
#[derive(Debug, Default)]
pub struct TableWatch(Mutex<BTreeMap<Name, TableStatus>>);

impl TableWatch {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, TableStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pipeline starts, with these tables: their names and streams, and what of other pipelines they are.
    pub fn begin(&self, tables: impl Iterator<Item = (Name, String, Option<String>)>) {
        let mut known = self.lock();
        let before = std::mem::take(&mut *known);
        *known = tables
            .map(|(name, stream, upstream)| {
                let refused = before.get(&name).map_or(0, |before| before.refused);
                let status = TableStatus {
                    stream,
                    upstream,
                    refused,
                    ..TableStatus::default()
                };
                (name, status)
            })
            .collect();
    }

    /// Something about a table has changed.
    pub fn note(&self, table: &Name, change: impl FnOnce(&mut TableStatus)) {
        if let Some(status) = self.lock().get_mut(table) {
            change(status);
        }
    }

    /// What keeps rows of a table from coming.
    pub fn current_trouble(&self) -> Option<String> {
        let tables = self.lock();
        tables.values().find_map(|table| table.trouble.clone())
    }

    /// All of them.
    pub fn report(&self) -> BTreeMap<Name, TableStatus> {
        self.lock().clone()
    }
}
