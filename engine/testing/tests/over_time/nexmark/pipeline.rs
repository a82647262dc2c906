//! A pipeline of a file, with its partitions, each of which dies now and then.

use std::path::Path;

use serde_json::Value;
use tailrace_core::observe::stats::Counts;

use super::{events::Sent, sandbox, sql::Row};
use crate::stage::Stage;

/// Rows of the side input of query 13: key and value.
pub type Side = Vec<(u64, String)>;

/// What came of a run.
pub struct Outcome {
    /// Subject and payload of each result, in the order in which a reader gets those of one subject.
    pub results: Vec<(String, Value)>,
    pub counts: Counts,
}

/// Runs the pipeline of this file in so many partitions.
pub fn run(file: &str, partitions: u32, side: &Side, events: &[Sent]) -> Outcome {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/nexmark/{file}.yaml"));
    let manifest = std::fs::read_to_string(path).unwrap();
    let manifest = format!("{manifest}partitions: {partitions}\n");
    let shares =
        (0..partitions).map(|number| Stage::share_of(&manifest, sandbox::queries, (number, partitions)));
    let mut stages: Vec<Stage> = shares.collect();
    for (key, value) in side {
        let row = serde_json::json!({ "key": key, "value": value }).to_string();
        for stage in &mut stages {
            stage.send_row("side-input", &format!("nexmark.side.{key}"), &row);
        }
    }
    let mut results = Vec::new();
    let round = events.len() / 8;
    for (number, event) in events.iter().enumerate() {
        for (share, stage) in stages.iter_mut().enumerate() {
            stage.send_on(&event.subject, event.payload.clone());
            // One after the other, each between two commits.
            if number % round == round / 3 + share {
                stage.crash();
            }
        }
        if number % round == round - 1 {
            for stage in &mut stages {
                commit(stage, &mut results);
            }
        }
    }
    let mut counts = Counts::default();
    for stage in &mut stages {
        commit(stage, &mut results);
        stage.tick(stage.watermark_ms() + 600_000);
        commit(stage, &mut results);
        counts.add(&stage.counts);
    }
    assert!(!results.is_empty(), "{file} gives nothing");
    let foreign = results
        .iter()
        .find(|(subject, _)| !subject.starts_with("nexmark."));
    assert!(foreign.is_none(), "{file}: {foreign:?}");
    assert_eq!((counts.windows_lost, counts.joins_lost), (0, 0), "{file}");
    Outcome { results, counts }
}

fn commit(stage: &mut Stage, results: &mut Vec<(String, Value)>) {
    stage.commit();
    let told = stage.outputs.drain(..).map(|output| {
        let payload = serde_json::from_slice(&output.payload).unwrap_or(Value::Null);
        (output.subject, payload)
    });
    results.extend(told);
}

/// The results as events of the next pipeline.
pub fn as_events(results: &[(String, Value)]) -> Vec<Sent> {
    let sent = |(subject, payload): &(String, Value)| Sent {
        subject: subject.clone(),
        payload: payload.to_string(),
        is_late: false,
    };
    results.iter().map(sent).collect()
}

/// A result with the columns of a row, those of a join behind the names of its sides.
pub fn columns(result: &Value, of: &Row) -> Row {
    let column = |name: &String| {
        let value = match name.split_once('.') {
            Some((side, member)) => &result[side][member],
            None => &result[name.as_str()],
        };
        (name.clone(), value.clone())
    };
    of.keys().map(column).collect()
}
