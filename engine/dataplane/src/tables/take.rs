//! A partition takes a row in. What it knew before is not asked of it again: the sequence beside the rows says.

use tailrace_core::{
    delta::StateValue,
    ports::store::StoreError,
    table::{READINGS, Reading, encode_row, step},
};

use crate::{arrival::TableRow, process::processor::Processor, tables::plan::RowChange};

/// What came of a row.
pub(crate) enum Taken {
    /// It is an effect of the batch.
    In,
    /// It came before.
    Known,
    /// The tenant has no room for it.
    NoRoom,
}

impl Processor {
    /// Takes a row into the batch.
    pub(crate) fn take_row(&mut self, row: &TableRow) -> Result<Taken, StoreError> {
        let before = self.effects.reading(row.table.as_str())?;
        let is_another = before.tag != row.tag;
        if !is_another && is_known(&before, row) {
            return Ok(Taken::Known);
        }
        let puts = match &row.change {
            RowChange::Put { .. } => true,
            RowChange::Several(rows) => rows.iter().any(|(_, payload)| payload.is_some()),
            RowChange::Delete { .. } | RowChange::Nothing => false,
        };
        if puts && self.effects.full.state {
            return Ok(Taken::NoRoom);
        }
        let had_rows = before.tag != 0;
        let reading = Reading {
            tag: row.tag,
            sequence: row.sequence,
            load: row.load,
            has_old_rows: before.has_old_rows || is_another && had_rows,
        };
        if is_another && had_rows {
            self.sweeps.begin(row.table.as_str());
        }
        self.effects.set_reading(row.table.as_str(), Some(reading));
        let step = step(&row.table);
        match &row.change {
            RowChange::Put { key, payload } => self.write_row(&step, row.tag, key, Some(payload.as_ref())),
            RowChange::Delete { key } => self.write_row(&step, row.tag, key, None),
            RowChange::Several(rows) => {
                for (key, payload) in rows {
                    self.write_row(&step, row.tag, key, payload.as_deref());
                }
            }
            RowChange::Nothing => {}
        }
        Ok(Taken::In)
    }

    fn write_row(&mut self, step: &str, tag: u32, key: &str, payload: Option<&[u8]>) {
        let value = payload.map(|payload| StateValue {
            value: encode_row(tag, payload),
            expires_ms: None,
        });
        self.effects.write_in(step, key, value);
        self.stats.counts.table_rows += 1;
    }
}

/// Whether a row of the same tag came before. The end of a load comes behind all its pieces.
fn is_known(before: &Reading, row: &TableRow) -> bool {
    let is_piece = row.load.is_some_and(|load| load.is_under_way);
    match (before.is_loading(), is_piece) {
        (true, false) => false,
        (false, true) => true,
        _ => row.sequence <= before.sequence,
    }
}

impl crate::effects::Effects {
    /// Up to where a table was taken in.
    pub(crate) fn reading(&self, table: &str) -> Result<Reading, StoreError> {
        let Some(stored) = self.read_of(READINGS, table)? else {
            return Ok(Reading::default());
        };
        Reading::decode(&stored.value).map_err(|cause| StoreError::Damaged(cause.to_string()))
    }

    pub(super) fn set_reading(&mut self, table: &str, reading: Option<Reading>) {
        let value = reading.map(|reading| StateValue {
            value: reading.encode(),
            expires_ms: None,
        });
        self.write_in(READINGS, table, value);
    }
}
