//! A row is looked up: by a join, or by a plugin.

use tailrace_core::{
    delta::StateValue,
    grant::Grant,
    identity::partition_of,
    ports::{plugins::HostError, store::StoreError},
    table::{READINGS, Reading, decode_row},
};

use crate::{
    effects::{
        Effects,
        host::{CallHost, unknown},
    },
    tables::plan::PlannedTable,
};

/// The row of a key, by how entries are read: with its reading, for another one's rows do not count.
fn row(
    table: &PlannedTable,
    key: &str,
    read: impl Fn(&str, &str) -> Result<Option<StateValue>, StoreError>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let damaged = |cause: tailrace_core::table::TableError| StoreError::Damaged(cause.to_string());
    let Some(stored) = read(&table.step, key)? else {
        return Ok(None);
    };
    let Some(reading) = read(READINGS, table.name.as_str())? else {
        return Ok(None);
    };
    let reading = Reading::decode(&reading.value).map_err(damaged)?;
    let (tag, payload) = decode_row(stored.value).map_err(damaged)?;
    Ok((tag == reading.tag).then_some(payload))
}

impl Effects {
    /// The row that a table has for a key, as the current event sees it.
    pub(crate) fn table_row(&self, table: &PlannedTable, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        row(table, key, |step, key| self.read_of(step, key))
    }
}

impl CallHost<'_> {
    /// The row that a table has for a key. A plugin hears of it when it asks for a row of another partition.
    pub(crate) fn table_row(&self, table: &str, key: &str) -> Result<Option<Vec<u8>>, HostError> {
        let plan = self.effects.plan();
        let planned = plan
            .tables
            .named(table)
            .ok_or_else(|| unknown("table", "tables", table))?;
        self.check_grant()?;
        let owner = partition_of(key, plan.manifest.partitions);
        if !planned.is_everywhere() && owner != self.partition {
            return Err(HostError::Misuse(format!(
                "the row of this key of table {table:?} lies in partition {owner}, and the event is in partition {}; look up the event's key, or declare scope: everywhere",
                self.partition
            )));
        }
        Ok(row(planned, key, |step, key| self.read_in(step, key))?)
    }
    /// A plugin may import tables and say that its config asks for none: so the grant is looked at here as well.
    fn check_grant(&self) -> Result<(), HostError> {
        let mut steps = self.effects.plan().manifest.steps.iter();
        let step = steps.find(|step| step.name.as_str() == self.effects.step());
        if step.is_some_and(|step| step.grants.contains(&Grant::Tables)) {
            return Ok(());
        }
        let why = "the step is not granted tables; write grants: [tables] in it";
        Err(HostError::Misuse(why.to_owned()))
    }
}
