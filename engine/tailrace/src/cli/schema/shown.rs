//! What the commands on schemas print.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::{
    client::read,
    error::{CliError, Problem},
    screen::{count, facts, remark, table_or},
};

/// A schema with its versions.
#[derive(Deserialize)]
pub struct SchemaView {
    name: String,
    compatibility: String,
    versions: Vec<VersionView>,
}

/// A rule that binds subjects to a schema.
#[derive(Deserialize)]
pub struct RuleView {
    subject: String,
    schema: RuleSchemaView,
    #[serde(default)]
    otherwise: Vec<String>,
}

#[derive(Deserialize)]
struct RuleSchemaView {
    name: String,
    version: Option<u32>,
    #[serde(default)]
    framing: String,
}

#[derive(Deserialize)]
struct VersionView {
    version: u32,
    id: u32,
    format: String,
}

/// What uses a schema.
#[derive(Deserialize)]
pub struct UsesView {
    pipelines: Vec<UseView>,
    schemas: Vec<ReferrerView>,
}

#[derive(Deserialize)]
struct UseView {
    version: u32,
    pipeline: String,
    revision: u64,
    candidate: bool,
    place: String,
}

#[derive(Deserialize)]
struct ReferrerView {
    version: u32,
    schema: String,
    schema_version: u32,
}

/// The number and the id of a version that was pushed.
pub fn pushed(name: &str, answer: &Value) -> anyhow::Result<String> {
    let VersionView { version, id, .. } = read(answer)?;
    Ok(format!("schema {name} has version {version}, id {id}"))
}

/// Whether a version may follow, and which differences forbid it.
pub fn verdict(answer: &Value) -> String {
    if answer["compatible"] == json!(true) {
        return format!(
            "the version may follow (compatibility {})",
            text(&answer["compatibility"])
        );
    }
    let mut lines = Vec::new();
    for conflict in answer["conflicts"].as_array().into_iter().flatten() {
        let version = &conflict["version"];
        lines.push(match conflict["direction"].as_str() {
            Some("backward") => format!("the new version cannot read version {version}:"),
            _ => format!("version {version} cannot read the new version:"),
        });
        for difference in conflict["differences"].as_array().into_iter().flatten() {
            let (rule, place) = (text(&difference["rule"]), text(&difference["place"]));
            lines.push(format!("  {rule} {place}  {}", text(&difference["what"])));
        }
    }
    lines.join("\n")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The error of a version that may not follow.
pub fn misfit(name: &str) -> anyhow::Error {
    let detail = format!("the version may not follow those of schema {name}");
    let problem = Problem {
        status: 409,
        detail,
        code: "conflict".to_owned(),
        ..Problem::default()
    };
    CliError::Refused(problem).into()
}

/// All schemas.
pub fn list(schemas: Vec<SchemaView>) -> String {
    let row = |schema: SchemaView| {
        let last = schema.versions.last();
        vec![
            schema.name,
            last.map_or_else(String::new, |version| version.format.clone()),
            schema.compatibility,
            count(schema.versions.len() as u64),
            last.map_or_else(String::new, |version| version.version.to_string()),
        ]
    };
    table_or(
        "there are no schemas",
        &["schema", "format", "compatibility", "versions>", "latest>"],
        schemas.into_iter().map(row).collect(),
    )
}

/// What uses a schema.
pub fn used(uses: UsesView) -> String {
    let by_pipelines = uses.pipelines.into_iter().map(|found| {
        let candidate = if found.candidate { ", a candidate" } else { "" };
        let by = format!(
            "pipeline {}, revision {}{candidate}",
            found.pipeline, found.revision
        );
        vec![found.version.to_string(), by, found.place]
    });
    let by_schemas = uses.schemas.into_iter().map(|found| {
        let by = format!("schema {}, version {}", found.schema, found.schema_version);
        vec![found.version.to_string(), by, "references".to_owned()]
    });
    table_or(
        "nothing uses it",
        &["version>", "used by", "place"],
        by_pipelines.chain(by_schemas).collect(),
    )
}

/// What was bound, and what does not follow it yet.
pub fn bound(rule: &RuleView) -> String {
    let RuleView {
        subject,
        schema,
        otherwise,
    } = rule;
    if !otherwise.is_empty() {
        let named = otherwise.join(", ");
        remark(&format!(
            "these read such subjects in another way until they are applied again: {named}"
        ));
    }
    format!(
        "payloads on {subject:?} have schema {}, {}",
        schema.name,
        schema.version()
    )
}

impl RuleSchemaView {
    fn version(&self) -> String {
        self.version.map_or_else(
            || "the latest version".to_owned(),
            |version| format!("version {version}"),
        )
    }
}

/// Which subjects are bound to which schemas.
pub fn rules(rules: Vec<RuleView>) -> String {
    let row = |rule: RuleView| {
        let version = rule
            .schema
            .version
            .map_or_else(|| "latest".to_owned(), |version| version.to_string());
        let framing = Some(rule.schema.framing).filter(|framing| !framing.is_empty());
        vec![
            rule.subject,
            rule.schema.name,
            version,
            framing.unwrap_or_else(|| "none".to_owned()),
        ]
    };
    table_or(
        "no schema is bound to a subject",
        &["subject", "schema", "version>", "framing"],
        rules.into_iter().map(row).collect(),
    )
}

/// One schema with its versions.
pub fn describe(schema: &SchemaView) -> String {
    let versions = schema.versions.iter();
    let versions =
        versions.map(|version| format!("{} ({}, id {})", version.version, version.format, version.id));
    facts(&[
        ("schema", schema.name.clone()),
        ("compatibility", schema.compatibility.clone()),
        ("versions", versions.collect::<Vec<_>>().join(", ")),
    ])
}
