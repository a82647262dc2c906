//! Orders look customers up, in many orders of messages and with crashes: the results are those of a plain map.

use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{replaying::Seen, stage::Stage};

const MANIFEST: &str = "name: p
input: {time: {json: /ts, unit: ms}}
inputs: {orders: {subjects: [orders], key: {json: /order}}}
tables: {customers: {subjects: ['crm.*'], key: {subject-token: 2}}}
joins: {known: {left: orders, right: customers, on: {left: /customer}, kind: left}}
output: {subject: 'out.{join}.{key}'}
";

#[test]
fn an_order_finds_the_customer_of_the_moment() {
    let mut seen = Seen::default();
    for seed in 0..120 {
        let random = &mut StdRng::seed_from_u64(seed);
        let mut stage = Stage::of(MANIFEST);
        let mut customers: BTreeMap<String, Value> = BTreeMap::new();
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        for number in 0..120 {
            let customer = format!("c{}", random.random_range(0..5));
            match random.random_range(0..10) {
                0..3 => {
                    let row = json!({ "tier": number });
                    stage.send_row("customers", &format!("crm.{customer}"), &row.to_string());
                    customers.insert(customer, row);
                }
                3 => {
                    stage.send_row("customers", &format!("crm.{customer}"), "");
                    customers.remove(&customer);
                }
                4 => {
                    stage.commit();
                    found.append(&mut stage.results());
                }
                5 => stage.crash(),
                _ => {
                    let order = json!({ "order": number, "customer": customer, "ts": 1_000 + number });
                    let row = customers.get(&customer).cloned().unwrap_or(Value::Null);
                    stage.send_on("orders", order.to_string());
                    let told = json!({ "join": "known", "key": customer, "left": order, "right": row });
                    expected.push(told);
                }
            }
        }
        stage.commit();
        found.append(&mut stage.results());
        assert_eq!(found, expected, "seed {seed}");
        let kept: BTreeMap<String, Value> = stage
            .rows_of("customers")
            .into_iter()
            .map(|(key, row)| (key, serde_json::from_str(&row).unwrap()))
            .collect();
        assert_eq!(kept, customers, "seed {seed}");
        stage.assert_replays(&mut seen);
    }
    seen.assert_all(&["events", "rows", "clock"]);
}
