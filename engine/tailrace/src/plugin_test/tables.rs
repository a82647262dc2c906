//! Rows of tables for a rehearsal: a file with one JSON object, whose members are the rows by key.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::value::RawValue;
use tailrace_core::name::Name;

use crate::cli::error::misuse;

/// A table with its rows.
#[derive(Debug, Clone)]
pub struct GivenTable {
    /// Its name.
    pub name: Name,
    /// Its rows, by key.
    pub rows: BTreeMap<String, Bytes>,
}

impl GivenTable {
    /// Reads the rows of a table from a file.
    pub fn read(name: Name, path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let rows: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).map_err(|cause| {
            misuse(
                format!("{shown} holds no rows of table {name}: {cause}"),
                "write one JSON object with a member for each key, such as {\"ann\": {\"tier\": \"gold\"}}",
            )
        })?;
        let rows = rows.into_iter();
        let rows = rows
            .map(|(key, row)| (key, Bytes::from(row.get().to_owned())))
            .collect();
        Ok(Self { name, rows })
    }
}
