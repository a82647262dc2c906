//! What is said of a table whose source is not there.

use crate::tables::plan::PlannedTable;

/// What somebody must do, and what becomes of the rows until then.
pub(super) fn told(table: &PlannedTable, stream: &str, is_loaded: bool) -> String {
    let name = &table.name;
    let stay = if is_loaded {
        "its rows of before stay until then"
    } else {
        "events wait until then"
    };
    if let Some((pipeline, what)) = table.manifest.upstream() {
        return format!(
            "the own stream of pipeline {pipeline} is not there, and table {name} is {what} of it; if that pipeline is parked, its status says what to do (tailrace pipeline status {pipeline}), and if it was deleted, apply it again; this pipeline then goes on by itself; or take the table out of the manifest; {stay}"
        );
    }
    match &table.manifest.bucket {
        Some(bucket) => format!(
            "the bucket {bucket:?} of table {name} is not there; make it (nats kv add {bucket}), and the pipeline goes on by itself; {stay}"
        ),
        None => format!(
            "the stream {stream:?} of table {name} is not there; make it again, and the pipeline goes on by itself; {stay}"
        ),
    }
}
