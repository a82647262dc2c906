//! `pipeline.md`: the fields of a pipeline manifest, from its JSON Schema, and one full example that the
//! engine's own parser and checks accept.

use std::fmt::Write as _;

use tailrace_core::manifest::{check, parse};
use tailrace_reference::{
    cell, page,
    schema::{Schema, choices, doc, fields, heading},
};

/// Every section of the page appears in it, apart from those that exclude each other.
const EXAMPLE: &str = "\
name: recommendations
input:
  stream: SHOP
  key: { json: /user }
  time: { json: /ts }
  start: all
  dedup: { header: Nats-Msg-Id, window: 1h }
inputs:
  ratings: { subjects: [\"shop.events.rating\"] }
  visits: { subjects: [\"shop.events.visit\"], key: { json: /visitor } }
partitions: 4
delivery: exactly-once
steps:
  - name: validate
    plugin: validator@1.0.0
    config: { schema: { fields: { user: { type: text, required: true } } } }
  - name: rank
    plugin: ranker@1.0.0
    grants: [state, vectors, sketches, timers, tables, log]
    state-version: 2
    limits: { fuel: 200000000, memory: 32MiB, deadline: 200ms, messages: 10, bytes: 1MiB, writes: 5000, log-lines: 20 }
    on-error: { retries: 5, backoff: 200ms, then: forward, payload: { items: [] } }
vectors:
  users: { dimensions: 32, metric: cosine, search: auto }
sketches:
  users: { kind: distinct, value: { json: /user }, window: 1m, keep: 24h }
  ratings: { kind: quantiles, value: { json: /rating }, by: { json: /country }, groups: 50, watch: 0.1 }
  titles: { kind: top, size: 10 }
tables:
  films: { bucket: films }
joins:
  rated-after-visit: { left: visits, right: ratings, within: { after: 30m }, kind: left }
windows:
  per-minute:
    of: ratings
    over: { tumbling: 1m }
    by: { user: { json: /user } }
    aggregate: { ratings: count, best: { max: { json: /rating }, keep: { title: { json: /title } } } }
    grace: 10s
output:
  subject: \"shop.recommendations.{window}.{key}\"
  events: true
  keep: { age: 7d, bytes: 1GiB }
circuit-breaker: { dead-letter-ratio: 0.2, window: 1m, minimum: 100 }
rate:
  events: { limit: 1000, per: 1s, window: sliding }
  output-bytes: { limit: 10MiB, per: 1m, window: fixed }
  over: wait
alarms:
  - name: many-dead-letters
    when: dead-letter-ratio > 0.01 for 1m
    notify: { subject: shop.alarms }
";

const HEAD: &str = "# Pipeline manifest

A manifest describes a pipeline in YAML or JSON. `tailrace pipeline apply -f pipeline.yaml` applies it. The engine
checks it first and names the field that is wrong.

`tailrace pipeline schema` prints the JSON Schema of this page for editors. A copy lies in
[`examples/pipeline.schema.json`](../../examples/pipeline.schema.json).

## Values

| value | written as |
| --- | --- |
| name | lower-case letters, digits and `-`, at most 32 characters |
| duration | a number with its unit: `100ms`, `30s`, `5m`, `24h` or `7d` |
| size | bytes as a number, or with a unit: `64KiB`, `16MiB` or `1GiB` |
| plugin version | `name@version` with a semantic version: `validator@1.0.0` |
| subject pattern | a NATS subject with `*` for one token and `>` for all further tokens |

A manifest has at most 512 KiB. An unknown field is refused.

## Example

This manifest uses every section:

```yaml
{example}```

";

#[test]
fn the_page_of_the_manifest_is_the_one_of_its_schema() {
    let schema = Schema::new(parse::json_schema());
    let mut text = HEAD.replace("{example}", EXAMPLE);
    let _ = writeln!(text, "## pipeline\n\n{}\n", doc(schema.root()));
    table(&mut text, schema.root());
    for name in schema.reachable() {
        let definition = schema.definition(&name);
        let _ = writeln!(text, "\n## {}\n\n{}\n", heading(&name), doc(definition));
        let choices = choices(definition);
        if choices.is_empty() {
            table(&mut text, definition);
            continue;
        }
        text.push_str("| value | meaning |\n| --- | --- |\n");
        for choice in choices {
            let _ = writeln!(text, "| {} | {} |", cell(&choice.text), cell(&choice.doc));
        }
    }
    page("pipeline.md", &text);
}

fn table(text: &mut String, object: &serde_json::Value) {
    text.push_str("| field | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for field in fields(object) {
        let default = field.default_cell();
        let (name, kind, meaning) = (&field.name, &field.kind, cell(&field.doc));
        let _ = writeln!(text, "| `{name}` | {kind} | {default} | {meaning} |");
    }
}

#[test]
fn the_example_is_accepted_and_names_every_field_of_the_top_level() {
    let manifest = parse::parse(EXAMPLE.as_bytes()).unwrap();
    check::check(&manifest).unwrap();
    let schema = parse::json_schema();
    for field in fields(&schema) {
        let is_there = EXAMPLE
            .lines()
            .any(|line| line.starts_with(&format!("{}:", field.name)));
        assert!(is_there, "the example lacks {}", field.name);
    }
}
