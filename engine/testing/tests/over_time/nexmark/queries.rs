//! Each query: what its last results are, or all of them, is what SQL says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    events::{self, Sent},
    pipeline::{self, Outcome, Side, as_events, columns},
    sql::{self, Row},
};

/// What the results of a pipeline are.
#[derive(Clone, Copy)]
enum Results {
    /// Each is a row.
    Rows,
    /// Each takes the place of the one before it on its subject.
    Changes,
}

/// Rows that must be the same in any order. Averages are compared as numbers of twelve digits.
fn sorted(rows: impl IntoIterator<Item = Row>) -> Vec<String> {
    let text = |mut row: Row| {
        for (name, value) in &mut row {
            if name.starts_with("avg") {
                *value = Value::String(format!("{:.11e}", value.as_f64().unwrap()));
            }
        }
        Value::Object(row).to_string()
    };
    let mut rows: Vec<String> = rows.into_iter().map(text).collect();
    rows.sort_unstable();
    rows
}

fn compare(query: &str, results: Results, told: &[(String, Value)], expected: Vec<Row>) {
    let first = expected
        .first()
        .unwrap_or_else(|| panic!("{query}: SQL gives nothing"));
    let row = |result: &Value| columns(result, first);
    let found = match results {
        Results::Rows => sorted(told.iter().map(|(_, result)| row(result))),
        Results::Changes => {
            let last: BTreeMap<&String, &Value> =
                told.iter().map(|(subject, result)| (subject, result)).collect();
            sorted(last.into_values().map(row))
        }
    };
    let expected = sorted(expected);
    let differs = found
        .iter()
        .zip(&expected)
        .find(|(found, expected)| found != expected);
    assert_eq!(differs, None, "{query}");
    assert_eq!(found.len(), expected.len(), "{query}");
}

/// The events that a query is for: those of its inputs, or of the inputs of the pipelines before it.
fn events_of(query: &str) -> Vec<Sent> {
    let kinds: &[&str] = match query {
        "q3" | "q8" => &["person", "auction"],
        "q4" | "q6" | "q9" | "q20" => &["auction", "bid"],
        _ => &["bid"],
    };
    let mut events = events::all();
    events.retain(|event| {
        event
            .subject
            .split('.')
            .nth(1)
            .is_some_and(|kind| kinds.contains(&kind))
    });
    events
}

/// Runs a query, whose first pipelines give the events of the later ones.
fn run(files: &[&str], partitions: u32, side: &Side, events: &[Sent]) -> Outcome {
    let mut outcome = pipeline::run(files[0], partitions, side, events);
    for file in &files[1..] {
        outcome = pipeline::run(file, partitions, side, &as_events(&outcome.results));
    }
    outcome
}

/// All partitions that a query may have.
fn holds(files: &[&str], results: Results, partitions: &[u32]) {
    let query = files[files.len() - 1];
    let events = events_of(query);
    let expected = sql::rows(query, events.iter().map(|event| event.payload.as_str()));
    for partitions in partitions {
        let outcome = run(files, *partitions, &Side::new(), &events);
        compare(query, results, &outcome.results, expected.clone());
    }
}

#[test]
fn q3_is_told_for_sellers_and_auctions_in_any_order() {
    holds(&["q3"], Results::Rows, &[1, 4]);
}

#[test]
fn q4_averages_what_q9_tells() {
    holds(&["q9", "q4"], Results::Changes, &[1, 4]);
}

#[test]
fn q6_averages_the_last_auctions_of_a_seller() {
    holds(&["q9", "q6"], Results::Changes, &[1, 4]);
}

/// Windows leave out what comes after their end. SQL is not told of it.
#[test]
fn q8_joins_windows_and_leaves_out_what_is_late() {
    let events = events_of("q8");
    let late = events.iter().filter(|event| event.is_late).count();
    let in_time = events.iter().filter(|event| !event.is_late);
    let expected = sql::rows("q8", in_time.map(|event| event.payload.as_str()));
    assert!(late > 0);
    for partitions in [1, 4] {
        let windows = pipeline::run("q8-windows", partitions, &Side::new(), &events);
        assert_eq!(windows.counts.window_late, late as u64);
        let joined = pipeline::run("q8", partitions, &Side::new(), &as_events(&windows.results));
        compare("q8", Results::Rows, &joined.results, expected.clone());
    }
}

#[test]
fn q9_is_the_winning_bid_whatever_comes_first() {
    holds(&["q9"], Results::Changes, &[1, 4]);
}

#[test]
fn q13_looks_each_bid_up() {
    // Every third auction has no row.
    let side: Side = (1_000..3_000)
        .filter(|key| key % 3 != 0)
        .map(|key| (key, format!("value of {key}")))
        .collect();
    let events = events_of("q13");
    let rows: Vec<String> = side
        .iter()
        .map(|(key, value)| serde_json::json!({ "Side": { "key": key, "value": value } }).to_string())
        .collect();
    let all = events.iter().map(|event| event.payload.as_str());
    let expected = sql::rows("q13", all.chain(rows.iter().map(String::as_str)));
    for partitions in [1, 4] {
        let outcome = run(&["q13"], partitions, &side, &events);
        compare("q13", Results::Rows, &outcome.results, expected.clone());
    }
}

#[test]
fn q14_calculates_and_filters() {
    holds(&["q14"], Results::Rows, &[1, 4]);
}

/// All bids of a day are one group, so there is one partition.
#[test]
fn q15_counts_by_day() {
    holds(&["q15"], Results::Changes, &[1]);
}

#[test]
fn q16_counts_by_channel_and_day() {
    holds(&["q16"], Results::Changes, &[1, 4]);
}

#[test]
fn q17_counts_by_auction_and_day() {
    holds(&["q17"], Results::Changes, &[1, 4]);
}

#[test]
fn q18_is_the_last_bid_whatever_comes_last() {
    holds(&["q18"], Results::Changes, &[1, 4]);
}

#[test]
fn q19_ranks_the_highest_bids() {
    holds(&["q19"], Results::Changes, &[1, 4]);
}

#[test]
fn q20_is_told_for_bids_and_auctions_in_any_order() {
    holds(&["q20"], Results::Rows, &[1, 4]);
}

#[test]
fn q21_finds_the_channel_of_a_bid() {
    holds(&["q21"], Results::Rows, &[1, 4]);
}

#[test]
fn q22_splits_the_url_of_a_bid() {
    holds(&["q22"], Results::Rows, &[1, 4]);
}
