//! What happens at the edges of tables: streams that are made anew, declarations that change, rows that are no JSON.

use serde_json::json;
use tailrace_core::dead_letter;

use crate::stage::Stage;

fn manifest(tables: &str, kind: &str) -> String {
    format!(
        "name: p
inputs: {{orders: {{subjects: [orders], key: {{json: /customer}}}}}}
tables: {{{tables}}}
joins: {{known: {{left: orders, right: customers, kind: {kind}}}}}
output: {{subject: 'out.{{join}}.{{key}}'}}
"
    )
}

const CUSTOMERS: &str = "customers: {subjects: ['crm.*'], key: {subject-token: 2}}";

fn order(stage: &mut Stage, customer: &str) {
    stage.send_on("orders", json!({ "customer": customer }).to_string());
    stage.commit();
}

fn partners(stage: &mut Stage) -> Vec<serde_json::Value> {
    let results = stage.results();
    results.iter().map(|row| row["right"].clone()).collect()
}

#[test]
fn without_a_row_an_inner_join_tells_nothing() {
    let mut stage = Stage::of(&manifest(CUSTOMERS, "inner"));
    stage.send_row("customers", "crm.ann", "1");
    order(&mut stage, "ann");
    order(&mut stage, "eve");
    assert_eq!(partners(&mut stage), [json!(1)]);
    assert_eq!((stage.counts.joined, stage.counts.table_rows), (1, 1));
}

#[test]
fn the_rows_of_a_stream_that_was_made_anew_take_the_place_of_all_before() {
    let mut stage = Stage::of(&manifest(CUSTOMERS, "left"));
    for key in ["ann", "bob", "eve"] {
        stage.send_row("customers", &format!("crm.{key}"), "1");
    }
    order(&mut stage, "ann");
    stage.tag = 2;
    stage.send_row("customers", "crm.ann", "2");
    for key in ["ann", "bob"] {
        order(&mut stage, key);
    }
    assert_eq!(partners(&mut stage), [json!(1), json!(2), json!(null)]);
    let rows = stage.rows_of("customers");
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["ann"], "the old ones are gone");
}

#[test]
fn a_crash_in_the_middle_of_the_sweep_leaves_no_old_row() {
    let mut stage = Stage::of(&manifest(CUSTOMERS, "left"));
    for number in 0..1_200 {
        stage.send_row("customers", &format!("crm.c{number}"), "1");
    }
    stage.commit();
    stage.tag = 2;
    stage.send_row("customers", "crm.new", "2");
    stage.commit();
    stage.crash();
    for _ in 0..4 {
        order(&mut stage, "new");
    }
    let rows = stage.rows_of("customers");
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["new"]);
}

#[test]
fn a_table_that_is_declared_no_longer_goes_with_all_its_rows() {
    let other = "others: {bucket: others}";
    let mut stage = Stage::of(&manifest(&format!("{CUSTOMERS}, {other}"), "left"));
    stage.send_row("others", "$KV.others.a", "1");
    stage.send_row("customers", "crm.ann", "1");
    order(&mut stage, "ann");
    assert_eq!(stage.rows_of("others").len(), 1);
    stage.change_to(&manifest(CUSTOMERS, "left"));
    for _ in 0..3 {
        order(&mut stage, "ann");
    }
    assert!(stage.rows_of("others").is_empty());
    assert!(stage.holds_nothing(&["~table.others"]));
    assert_eq!(partners(&mut stage), vec![json!(1); 4]);
    // It was forgotten, so all of it counts again.
    stage.change_to(&manifest(&format!("{CUSTOMERS}, {other}"), "left"));
    stage.send_row("others", "$KV.others.a", "1");
    stage.commit();
    assert_eq!(stage.rows_of("others").len(), 1);
}

#[test]
fn a_row_that_is_no_json_makes_a_dead_letter_of_the_event_that_it_would_be_joined_with() {
    let mut stage = Stage::of(&manifest(CUSTOMERS, "inner"));
    stage.send_row("customers", "crm.ann", "{");
    order(&mut stage, "ann");
    let letter = stage.outputs.pop_front().unwrap();
    let reason = dead_letter::reason(&letter.headers).unwrap();
    assert_eq!(reason.code, "unreadable-payload");
    assert!(reason.reason.contains("table customers"), "{}", reason.reason);
    stage.send_row("customers", "crm.ann", "{}");
    stage.redrive(letter);
    stage.commit();
    assert_eq!(partners(&mut stage), [json!({})]);
}
