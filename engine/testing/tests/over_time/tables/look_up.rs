//! A plugin looks rows up: with the grant, and in its own partition.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};
use tailrace_core::{
    event::{Event, Message, Verdict},
    grant::{CallLimits, Grant},
    identity::{Digest, partition_of},
    ports::plugins::{Call, Host, Instance, Plugin, PluginError},
    timer::Timer,
};

use crate::stage::Stage;

/// Tells the row of the customer of an event, or why it gets none.
struct Looker;

impl Plugin for Looker {
    fn imports(&self) -> &BTreeSet<Grant> {
        static NONE: BTreeSet<Grant> = BTreeSet::new();
        &NONE
    }
    fn instantiate(&self, _: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Ok(Box::new(Self))
    }
}

impl Instance for Looker {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        let order: Value = serde_json::from_slice(&event.payload).unwrap();
        let customer = order["customer"].as_str().unwrap();
        let told = match host.table_get("customers", customer) {
            Ok(row) => row.map_or(Value::Null, |row| String::from_utf8(row).unwrap().into()),
            Err(cause) => json!({ "refused": cause.to_string() }),
        };
        let message = Message {
            subject: None,
            key: None,
            headers: Vec::new(),
            payload: told.to_string().into(),
        };
        Call {
            result: Ok(Verdict::Emit(vec![message])),
            fuel: 1,
        }
    }
    fn on_timer(&mut self, _: &Timer, _: &mut dyn Host) -> Call {
        panic!("it sets none")
    }
    fn is_spent(&self) -> bool {
        false
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}

fn looker() -> (Digest, Arc<dyn Plugin>) {
    (Digest::of(b"looker"), Arc::new(Looker))
}

fn manifest(scope: &str, grants: &str) -> String {
    format!(
        "name: p
partitions: 2
input: {{subjects: [orders], key: {{json: /order}}}}
tables: {{customers: {{subjects: ['crm.*'], key: {{subject-token: 2}}, scope: {scope}}}}}
steps: [{{name: look, plugin: looker@1.0.0, grants: [{grants}]}}]
output: {{subject: 'out.{{key}}'}}
"
    )
}

/// A key of this partition.
fn key_of(partition: u32) -> String {
    let mut keys = (0..).map(|number| format!("c{number}"));
    keys.find(|key| partition_of(key, 2) == partition).unwrap()
}

/// What an order of partition 0 is told of this customer, whose row is `1`.
fn told(scope: &str, grants: &str, customer: &str) -> Value {
    let mut stage = Stage::share_of(&manifest(scope, grants), looker, (0, 2));
    stage.send_row("customers", &format!("crm.{customer}"), "1");
    let order = json!({ "order": key_of(0), "customer": customer });
    stage.send_on("orders", order.to_string());
    stage.commit();
    stage.results().remove(0)
}

#[test]
fn a_row_is_told_to_a_step_with_the_grant_alone() {
    assert_eq!(told("everywhere", "tables", "ann"), "1");
    let refused = told("everywhere", "state", "ann");
    let why = refused["refused"].as_str().unwrap();
    assert!(why.contains("grants: [tables]"), "{why}");
}

#[test]
fn a_row_of_another_partition_is_a_misuse() {
    assert_eq!(told("partition", "tables", &key_of(0)), "1");
    let refused = told("partition", "tables", &key_of(1));
    let why = refused["refused"].as_str().unwrap();
    assert!(why.contains("lies in partition 1"), "{why}");
}
