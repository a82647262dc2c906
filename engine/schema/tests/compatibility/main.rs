//! Verdicts, rule by rule: a change, and what Confluent's registry says of it under backward compatibility. The other
//! modes are the same comparison the other way round, or both ways, or with every version.

mod avro;
mod json_schema;
mod json_schema_beside;
mod modes;
mod protobuf;

use tailrace_schema::{Format, Options, Schema};

const FINE: &str = "";

fn schema(format: Format, text: &str) -> Schema {
    Schema::parse(format, text, &[], Options::default()).unwrap_or_else(|fault| panic!("{fault}\n{text}"))
}

/// Each row: what changes, the older schema, the newer one, and the rule that forbids it.
fn check(format: Format, rows: &[(&str, &str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (name, old, new, rule) in rows {
        let found = schema(format, new).differences(&schema(format, old));
        let rules: Vec<&str> = found.iter().map(|difference| difference.rule).collect();
        let is_right = if rule.is_empty() {
            rules.is_empty()
        } else {
            rules.contains(rule)
        };
        if !is_right {
            wrong.push(format!("{name}: expected {rule:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
