//! `tailrace schema`: schemas of payloads, by name and version.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::read,
    error::{CliError, Problem, misuse},
    global::Session,
    screen::{count, facts, remark, table_or},
};

/// Commands on schemas.
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// Push a new version of a schema. The same content again is the version that there is.
    #[command(
        after_help = "Examples:\n  tailrace schema push order -f order.avsc\n  tailrace schema push order -f order.schema.json --reference address.json=address:1"
    )]
    Push {
        /// The schema.
        name: String,
        #[command(flatten)]
        content: ContentArgs,
    },
    /// Say whether a version could be pushed, and change nothing. Exit code 3 if it could not.
    #[command(after_help = "Example:\n  tailrace schema check order -f order.avsc")]
    Check {
        /// The schema.
        name: String,
        #[command(flatten)]
        content: ContentArgs,
    },
    /// List all schemas.
    #[command(after_help = "Example:\n  tailrace schema list")]
    List,
    /// Show a schema, or the text of one of its versions.
    #[command(
        after_help = "Examples:\n  tailrace schema show order\n  tailrace schema show order --version latest"
    )]
    Show {
        /// The schema.
        name: String,
        /// A version's number, or `latest`.
        #[arg(long)]
        version: Option<String>,
    },
    /// List the pipelines and the schemas that use a schema.
    #[command(after_help = "Example:\n  tailrace schema uses order")]
    Uses {
        /// The schema.
        name: String,
    },
    /// Choose what new versions are compared with.
    #[command(after_help = "Example:\n  tailrace schema compatibility order full-transitive")]
    Compatibility {
        /// The schema.
        name: String,
        /// The mode.
        #[arg(value_enum)]
        mode: ModeArg,
    },
    /// Bind subjects to a schema. A pipeline that reads such subjects, and names no schema, gets this one when it is
    /// applied. A rule of the same subjects is replaced.
    #[command(
        after_help = "Examples:\n  tailrace schema bind 'orders.>' order\n  tailrace schema bind 'orders.>' order --version 3 --framing confluent"
    )]
    Bind {
        /// A subject pattern.
        subject: String,
        /// The schema.
        name: String,
        /// The number of the version [default: the latest one when a pipeline is applied].
        #[arg(long)]
        version: Option<u32>,
        /// The message that payloads are, for Protobuf [default: the first of the file].
        #[arg(long)]
        message: Option<String>,
        /// The bytes before a payload.
        #[arg(long, value_enum, default_value_t = FramingArg::None)]
        framing: FramingArg,
    },
    /// Take away what binds subjects to a schema. Pipelines keep what was filled in.
    #[command(after_help = "Example:\n  tailrace schema unbind 'orders.>'")]
    Unbind {
        /// The subject pattern, as it was bound.
        subject: String,
    },
    /// List the rules that bind subjects to schemas.
    #[command(after_help = "Example:\n  tailrace schema rules")]
    Rules,
    /// Delete a version that nothing uses, or a schema with all its versions.
    #[command(
        after_help = "Examples:\n  tailrace schema delete order --version 3 --yes\n  tailrace schema delete order --yes"
    )]
    Delete {
        /// The schema.
        name: String,
        /// The number of the version; all of them where it is not said.
        #[arg(long)]
        version: Option<u32>,
        /// Confirm the deletion.
        #[arg(long, required = true)]
        yes: bool,
    },
}

/// What a version is made of.
#[derive(Debug, Args)]
pub struct ContentArgs {
    /// The file with the schema. A descriptor set of Protobuf may be binary.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// The form that the schema is written in. The file's name says it where it ends in .json, .avsc, .proto, .pb or .desc.
    #[arg(long, value_enum)]
    format: Option<FormatArg>,
    /// A name by which the schema calls another one, and the version that is meant. The flag may be repeated.
    #[arg(long, value_name = "NAME=SCHEMA:VERSION")]
    reference: Vec<String>,
    /// Judge `format` too, and not only note it. JSON Schema only.
    #[arg(long)]
    assert_formats: bool,
}

/// What a schema is written in.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FormatArg {
    /// JSON Schema 2020-12.
    JsonSchema,
    /// Avro.
    Avro,
    /// Protobuf.
    Protobuf,
}

/// The bytes before a payload.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FramingArg {
    /// Nothing.
    None,
    /// Confluent's header.
    Confluent,
}

/// Who must be able to read what.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ModeArg {
    /// Everything is allowed.
    None,
    /// The new version reads what the last one wrote.
    Backward,
    /// The new version reads what every version wrote.
    BackwardTransitive,
    /// The last version reads what the new one writes.
    Forward,
    /// Every version reads what the new one writes.
    ForwardTransitive,
    /// Both ways, with the last version.
    Full,
    /// Both ways, with every version.
    FullTransitive,
}

#[derive(Deserialize)]
struct SchemaView {
    name: String,
    compatibility: String,
    versions: Vec<VersionView>,
}

#[derive(Deserialize)]
struct RuleView {
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

#[derive(Deserialize)]
struct UsesView {
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

/// Runs one of them.
pub fn run(command: SchemaCommand, session: &Session) -> anyhow::Result<()> {
    let client = &session.client;
    match command {
        SchemaCommand::Push { name, content } => {
            let route = session.tenant_route(&["schemas", &name, "versions"])?;
            let answer = client.post(&route, &request(&content)?)?;
            session.output.show(&answer, || pushed(&name, &answer))
        }
        SchemaCommand::Check { name, content } => {
            let route = session.tenant_route(&["schemas", &name, "check"])?;
            let answer = client.post(&route, &request(&content)?)?;
            session.output.show(&answer, || Ok(verdict(&answer)))?;
            if answer["compatible"] == json!(true) {
                Ok(())
            } else {
                Err(misfit(&name))
            }
        }
        SchemaCommand::List => {
            let answer = client.get(&session.tenant_route(&["schemas"])?)?;
            session.output.show(&answer, || Ok(list(read(&answer)?)))
        }
        SchemaCommand::Show { name, version: None } => {
            let answer = client.get(&session.tenant_route(&["schemas", &name])?)?;
            session.output.show(&answer, || Ok(describe(&read(&answer)?)))
        }
        SchemaCommand::Show {
            name,
            version: Some(version),
        } => {
            let route = session.tenant_route(&["schemas", &name, "versions", &version])?;
            let answer = client.get(&route)?;
            let text = answer["text"].as_str().unwrap_or_default().trim_end().to_owned();
            session.output.show(&answer, || Ok(text))
        }
        SchemaCommand::Uses { name } => {
            let answer = client.get(&session.tenant_route(&["schemas", &name, "uses"])?)?;
            session.output.show(&answer, || Ok(used(read(&answer)?)))
        }
        SchemaCommand::Compatibility { name, mode } => {
            let mode = mode.to_possible_value().map(|value| value.get_name().to_owned());
            let route = session.tenant_route(&["schemas", &name, "compatibility"])?;
            let answer = client.put(&route, &json!({ "compatibility": mode }))?;
            let told = format!(
                "new versions of schema {name} are compared by {}",
                mode.unwrap_or_default()
            );
            session.output.show(&answer, || Ok(told))
        }
        SchemaCommand::Bind {
            subject,
            name,
            version,
            message,
            framing,
        } => {
            let framing = framing
                .to_possible_value()
                .map(|value| value.get_name().to_owned());
            let request = json!({ "name": name, "version": version, "message": message, "framing": framing });
            let answer = client.put(&session.tenant_route(&["schema-rules", &subject])?, &request)?;
            session.output.show(&answer, || Ok(bound(&read(&answer)?)))
        }
        SchemaCommand::Unbind { subject } => {
            let answer = client.delete(&session.tenant_route(&["schema-rules", &subject])?)?;
            session.output.show(&answer, || {
                Ok(format!("no schema is bound to {subject:?} any more"))
            })
        }
        SchemaCommand::Rules => {
            let answer = client.get(&session.tenant_route(&["schema-rules"])?)?;
            session.output.show(&answer, || Ok(rules(read(&answer)?)))
        }
        SchemaCommand::Delete {
            name,
            version: Some(version),
            ..
        } => {
            let number = version.to_string();
            let answer = client.delete(&session.tenant_route(&["schemas", &name, "versions", &number])?)?;
            session.output.show(&answer, || {
                Ok(format!("version {version} of schema {name} is deleted"))
            })
        }
        SchemaCommand::Delete {
            name, version: None, ..
        } => {
            let route = session.tenant_route(&["schemas", &name])?;
            let answer = client.delete(&route)?;
            session
                .output
                .show(&answer, || Ok(format!("schema {name} is deleted")))
        }
    }
}

fn request(content: &ContentArgs) -> anyhow::Result<Value> {
    let file = &content.file;
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let format = content.format.or_else(|| guessed(file)).ok_or_else(|| {
        misuse(
            format!("{} does not say what it is written in", file.display()),
            "name it with --format",
        )
    })?;
    let format = format
        .to_possible_value()
        .map(|value| value.get_name().to_owned());
    let text = String::from_utf8(bytes).unwrap_or_else(|fault| base64(fault.as_bytes()));
    let references = content.reference.iter().map(|reference| referred(reference));
    let references: Vec<Value> = references.collect::<anyhow::Result<_>>()?;
    let mut request = json!({ "format": format, "schema": text, "references": references });
    if content.assert_formats {
        request["assert-formats"] = json!(true);
    }
    Ok(request)
}

fn guessed(file: &Path) -> Option<FormatArg> {
    match file.extension()?.to_str()? {
        "json" => Some(FormatArg::JsonSchema),
        "avsc" => Some(FormatArg::Avro),
        "proto" | "pb" | "desc" => Some(FormatArg::Protobuf),
        _ => None,
    }
}

/// `address.json=address:1`.
fn referred(text: &str) -> anyhow::Result<Value> {
    let parsed = text.rsplit_once('=').and_then(|(name, to)| {
        let (schema, version) = to.split_once(':')?;
        Some(json!({ "name": name, "schema": schema, "version": version.parse::<u32>().ok()? }))
    });
    parsed.ok_or_else(|| {
        misuse(
            format!("{text:?} is no reference"),
            "write it as address.json=address:1",
        )
    })
}

/// A descriptor set goes as text, as the API takes it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let number = number << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let digit = ALPHABET[(number >> (18 - 6 * position) & 63) as usize];
            text.push(if position > chunk.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

fn pushed(name: &str, answer: &Value) -> anyhow::Result<String> {
    let VersionView { version, id, .. } = read(answer)?;
    Ok(format!("schema {name} has version {version}, id {id}"))
}

fn verdict(answer: &Value) -> String {
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

fn misfit(name: &str) -> anyhow::Error {
    let detail = format!("the version may not follow those of schema {name}");
    let problem = Problem {
        status: 409,
        detail,
        code: "conflict".to_owned(),
        ..Problem::default()
    };
    CliError::Refused(problem).into()
}

fn list(schemas: Vec<SchemaView>) -> String {
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

fn used(uses: UsesView) -> String {
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
fn bound(rule: &RuleView) -> String {
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

fn rules(rules: Vec<RuleView>) -> String {
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

fn describe(schema: &SchemaView) -> String {
    let versions = schema.versions.iter();
    let versions =
        versions.map(|version| format!("{} ({}, id {})", version.version, version.format, version.id));
    facts(&[
        ("schema", schema.name.clone()),
        ("compatibility", schema.compatibility.clone()),
        ("versions", versions.collect::<Vec<_>>().join(", ")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_version() {
        let expected = json!({ "name": "a=b.json", "schema": "address", "version": 2 });
        assert_eq!(referred("a=b.json=address:2").unwrap(), expected);
        for wrong in ["address:2", "a=address", "a=address:x", "a=address:-1"] {
            assert!(referred(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_binary_descriptor_goes_as_base64() {
        assert_eq!(base64(b"foob"), "Zm9vYg==");
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
