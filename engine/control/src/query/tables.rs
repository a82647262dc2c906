//! The rows of a pipeline's tables, as of the last commit.
//!
//! With `scope: everywhere` each partition holds all rows, and one may be ahead of another. A page shows those of one
//! partition: the one that has read the most of the table.

use std::collections::BTreeMap;

use tailrace_core::{
    identity::PipelineId,
    manifest::TableScope,
    name::Name,
    table::{self, READINGS, Reading},
};

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        local::What,
        pages::{PageStart, cut},
        queries::{MAX_SCAN, entries},
    },
};

/// Rows of a table, in the order of their keys.
#[derive(Debug, Default)]
pub struct TablePage {
    /// They themselves.
    pub rows: Vec<TableEntry>,
    /// Where to go on, if there may be more.
    pub next: Option<String>,
}

/// A row of a table.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct TableEntry {
    /// Its key.
    pub key: String,
    /// The partition that it was looked up in.
    pub partition: u32,
    /// The row, as its message brought it.
    #[serde(skip)]
    pub payload: Vec<u8>,
}

/// Which rows are asked for.
#[derive(Debug, Default)]
pub struct TableQuestion<'a> {
    /// The one of this key.
    pub key: Option<&'a str>,
    /// Those whose keys begin with this.
    pub prefix: &'a str,
    /// Those behind this key.
    pub after: Option<&'a str>,
    /// So many at most.
    pub limit: usize,
}

impl Queries {
    /// Rows of a table. Those that no longer count are left out.
    pub async fn rows(
        &self,
        id: &PipelineId,
        table: &str,
        question: TableQuestion<'_>,
    ) -> ControlResult<TablePage> {
        if question.key.is_some() && (!question.prefix.is_empty() || question.after.is_some()) {
            let why = "key: it names one row; leave out prefix and after";
            return Err(ControlError::Invalid(why.to_owned()));
        }
        let pipeline = self.context.pipeline(id)?;
        let tables = &pipeline.active.manifest.tables;
        let (name, declared) = tables
            .get_key_value(table)
            .ok_or_else(|| ControlError::not_found("table", &table))?;
        let mut readings = self.readings(id, name).await?;
        if declared.scope == TableScope::Everywhere {
            keep_furthest(&mut readings);
        }
        let start = PageStart {
            step: table::step(name),
            // Nothing with the prefix comes before the key itself.
            prefix: question.key.unwrap_or(question.prefix).to_owned(),
            after: question.after.map(str::to_owned),
        };
        let limit = question.key.map_or(question.limit.clamp(1, MAX_SCAN), |_| 1);
        let mut page = self.rows_from(id, start, limit, &readings).await?;
        if let Some(key) = question.key {
            page.rows.retain(|row| row.key == key);
            page.next = None;
            if page.rows.is_empty() {
                return Err(ControlError::not_found("row", &key));
            }
        }
        Ok(page)
    }

    /// Up to where each partition has a table.
    async fn readings(&self, id: &PipelineId, table: &Name) -> ControlResult<BTreeMap<u32, Reading>> {
        let what = What::State {
            step: READINGS.to_owned(),
            key: table.to_string(),
        };
        let found = entries(self.ask(id, what).await?).into_iter();
        found
            .map(|entry| {
                let reading = Reading::decode(&entry.value).map_err(unreadable)?;
                Ok((entry.partition, reading))
            })
            .collect()
    }

    async fn rows_from(
        &self,
        id: &PipelineId,
        start: PageStart,
        limit: usize,
        readings: &BTreeMap<u32, Reading>,
    ) -> ControlResult<TablePage> {
        let PageStart { step, prefix, after } = start;
        let what = What::Scan {
            step,
            prefix,
            after,
            limit,
        };
        let has_read = |partition: u32| readings.contains_key(&partition);
        let mut found = entries(self.ask_about(id, what, has_read).await?);
        found.sort_by(|one, other| one.key.cmp(&other.key));
        let next = cut(&mut found, limit, |entry| &entry.key);
        let mut rows = Vec::new();
        for entry in found {
            let (tag, payload) = table::decode_row(entry.value).map_err(unreadable)?;
            let reading = readings.get(&entry.partition);
            if reading.is_some_and(|reading| reading.tag == tag) {
                rows.push(TableEntry {
                    key: entry.key,
                    partition: entry.partition,
                    payload,
                });
            }
        }
        Ok(TablePage { rows, next })
    }
}

/// Of partitions that are equally far, the lowest.
fn keep_furthest(readings: &mut BTreeMap<u32, Reading>) {
    let furthest = readings.iter().max_by_key(|(partition, reading)| {
        (
            !reading.is_loading(),
            reading.sequence,
            std::cmp::Reverse(**partition),
        )
    });
    let furthest = furthest.map(|(partition, _)| *partition);
    readings.retain(|partition, _| Some(*partition) == furthest);
}

fn unreadable(cause: impl std::fmt::Display) -> ControlError {
    ControlError::Internal(format!("a table cannot be read: {cause}"))
}
