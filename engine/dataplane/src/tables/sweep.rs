//! Rows that no longer count go bit by bit, with the batches: those of a stream that was made anew, of a declaration
//! that was changed, of a table that is declared no longer. Until then nobody sees them.

use tailrace_core::{
    name::Name,
    ports::store::StoreError,
    table::{READINGS, Reading, decode_row, step},
};

use crate::{plan::Plan, process::processor::Processor, tables::sweeps::Sweep};

/// Rows that are looked at with one batch.
const PAGE: usize = 500;
/// More tables than a partition can remember.
const MOST_TABLES: usize = 1_000;

impl Processor {
    /// Deletes some of the rows that no longer count, as a part of the batch. Says of which table, and behind which
    /// key.
    pub(crate) fn sweep_tables(&mut self) -> Result<Option<Sweep>, StoreError> {
        if !self.sweeps.is_known {
            self.sweeps.is_known = true;
            self.find_old_rows()?;
        }
        let next = self.sweeps.under_way.pop_first();
        if let Some((table, after)) = &next {
            self.sweep_table(table.clone(), after.as_deref())?;
        }
        Ok(next)
    }

    fn sweep_table(&mut self, table: String, after: Option<&str>) -> Result<(), StoreError> {
        let Ok(name) = Name::new(&table) else {
            return Ok(());
        };
        let mut reading = self.effects.reading(&table)?;
        let counts = is_declared(&self.plan, &table).then_some(reading.tag);
        if counts.is_none() && reading.tag != 0 {
            // Declared again, it is read from its beginning.
            reading = Reading {
                has_old_rows: true,
                ..Reading::default()
            };
            self.effects.set_reading(&table, Some(reading));
        }
        let step = step(&name);
        let page = self.effects.scan_of(&step, "", after, PAGE)?;
        let is_last = page.len() < PAGE;
        let last = page.last().map(|(key, _)| key.clone());
        for (key, stored) in page {
            let (tag, _) =
                decode_row(stored.value).map_err(|cause| StoreError::Damaged(cause.to_string()))?;
            if Some(tag) != counts {
                self.effects.write_in(&step, &key, None);
            }
        }
        if !is_last {
            self.sweeps.under_way.insert(table, last);
            return Ok(());
        }
        let reading = counts.map(|_| Reading {
            has_old_rows: false,
            ..reading
        });
        self.effects.set_reading(&table, reading);
        Ok(())
    }

    fn find_old_rows(&mut self) -> Result<(), StoreError> {
        for (table, stored) in self.effects.scan_of(READINGS, "", None, MOST_TABLES)? {
            let reading = Reading::decode(&stored.value);
            let reading = reading.map_err(|cause| StoreError::Damaged(cause.to_string()))?;
            if reading.has_old_rows || !is_declared(&self.plan, &table) {
                self.sweeps.begin(&table);
            }
        }
        Ok(())
    }
}

fn is_declared(plan: &Plan, table: &str) -> bool {
    plan.tables.named(table).is_some()
}
