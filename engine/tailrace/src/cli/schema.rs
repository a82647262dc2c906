//! `tailrace schema`: schemas of payloads, by name and version.

mod content;
mod shown;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use self::{
    content::ContentArgs,
    shown::{bound, describe, list, misfit, pushed, rules, used, verdict},
};
use super::{client::read, global::Session};

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

/// Runs one of them.
pub fn run(command: SchemaCommand, session: &Session) -> anyhow::Result<()> {
    let client = &session.client;
    match command {
        SchemaCommand::Push { name, content } => {
            let route = session.tenant_route(&["schemas", &name, "versions"])?;
            let answer = client.post(&route, &content.request()?)?;
            session.output.show(&answer, || pushed(&name, &answer))
        }
        SchemaCommand::Check { name, content } => {
            let route = session.tenant_route(&["schemas", &name, "check"])?;
            let answer = client.post(&route, &content.request()?)?;
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
