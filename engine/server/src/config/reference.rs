//! `configuration.md`: every field of the configuration, from these structs: their doc comments, their types
//! and their defaults.

use std::fmt::Write as _;

use serde_json::Value;
use tailrace_reference::{
    cell, page,
    schema::{Field, Holds, Schema, choices, doc, fields, written},
};

use super::Config;

const HEAD: &str = "# Configuration

`tailrace serve --config tailrace.toml` reads this file. An environment variable comes before the file, and a
[flag](command-line.md#tailrace-serve) comes before the variable. `tailrace serve --print-config` prints the values
that the engine would use. [`examples/tailrace.toml`](../../examples/tailrace.toml) holds all defaults.

The name of a variable is `TAILRACE_` and the path of the field in capitals. Two underscores separate the levels. An
unknown field is refused.

| value | written as |
| --- | --- |
| duration | a number with its unit: `100ms`, `30s`, `5m`, `24h` or `7d` |
| size | bytes with a unit: `64 KiB`, `16 MiB` or `1 GiB` |
| name | lower-case letters, digits and `-`, at most 32 characters |
| address | an IP address and a port: `127.0.0.1:8790` |

Some values are secrets. They have no field: the configuration names a file, or the environment holds the value.
`TAILRACE_OPERATOR_TOKEN` is the operator's first token. `TAILRACE_FAIL_AT` arms a fault for tests.

## Top level

";

#[test]
fn the_page_of_the_configuration_is_the_one_of_its_structs() {
    let schema = Schema::new(schemars::schema_for!(Config).to_value());
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut text = HEAD.to_owned();
    table(&mut text, &schema, schema.root(), &mut Vec::new(), &defaults);
    page("configuration.md", &text);
}

/// Lists hold what a pipeline manifest holds, too.
const LIKE_A_PIPELINE: &str = "An entry has the fields of an [alarm of a pipeline](pipeline.md#alarm): `name`, `when` and `notify`. The environment cannot set it.";

/// The fields of a table that hold plain values, then a section for each table below it.
fn table(text: &mut String, schema: &Schema, object: &Value, path: &mut Vec<String>, defaults: &Value) {
    let (plain, tables): (Vec<_>, Vec<_>) = fields(object)
        .into_iter()
        .partition(|field| below(schema, field).is_none());
    if !plain.is_empty() {
        text.push_str(
            "| field | type | default | environment | meaning |\n| --- | --- | --- | --- | --- |\n",
        );
    }
    for field in &plain {
        row(text, schema, field, path, defaults);
    }
    for field in &tables {
        let definition = below(schema, field).expect("a table");
        path.push(field.name.clone());
        match field.holds {
            Holds::One => {}
            Holds::Map => path.push("<name>".to_owned()),
            Holds::List => {
                let (name, said) = (&field.name, &field.doc);
                let _ = writeln!(text, "\n## `[[{name}]]`\n\n{said} {LIKE_A_PIPELINE}");
                path.pop();
                continue;
            }
        }
        let _ = writeln!(
            text,
            "\n## `[{}]`\n\n{}\n",
            path.join("."),
            about(field, definition)
        );
        table(text, schema, definition, path, &defaults[&field.name]);
        path.truncate(path.len() - 1 - usize::from(field.holds == Holds::Map));
    }
}

/// The table that a field holds; none where it holds a plain value or a choice.
fn below<'a>(schema: &'a Schema, field: &Field) -> Option<&'a Value> {
    let definition = schema.definition(field.target.as_ref()?);
    definition["properties"].is_object().then_some(definition)
}

/// The doc comment of the field, with that of its type where it says more.
fn about(field: &Field, definition: &Value) -> String {
    let (own, general) = (&field.doc, doc(definition));
    let is_more = general.starts_with(own.trim_end_matches('.'));
    match field.holds {
        Holds::One if is_more => general,
        Holds::One => own.clone(),
        Holds::List | Holds::Map => format!("{own} {general}"),
    }
}

fn row(text: &mut String, schema: &Schema, field: &Field, path: &[String], defaults: &Value) {
    let choices = field
        .target
        .as_ref()
        .map(|name| choices(schema.definition(name)))
        .unwrap_or_default();
    let kind = if choices.is_empty() {
        field.kind.clone()
    } else {
        choices
            .iter()
            .map(|choice| choice.text.clone())
            .collect::<Vec<_>>()
            .join(" or ")
    };
    let default = match defaults.get(&field.name) {
        Some(value) => written(value),
        None if field.is_required => "required".to_owned(),
        None => field.default.as_ref().map_or("none".to_owned(), written),
    };
    let variable = path
        .iter()
        .chain([&field.name])
        .map(|part| part.trim_matches(['<', '>']).replace('-', "_").to_uppercase());
    let variable = format!("`TAILRACE_{}`", variable.collect::<Vec<_>>().join("__"));
    let (name, meaning) = (&field.name, cell(&field.doc));
    let _ = writeln!(
        text,
        "| `{name}` | {} | {} | {variable} | {meaning} |",
        cell(&kind),
        cell(&default)
    );
}
