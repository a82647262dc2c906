//! `tailrace sketch`: approximate metrics of a pipeline, each with the bound of its error.

use clap::Subcommand;
use serde_json::Value;

use super::{
    client::query,
    global::Session,
    screen::{printable, table_or},
};

/// Queries of sketches.
#[derive(Debug, Subcommand)]
pub enum SketchCommand {
    /// List all sketches of a pipeline.
    #[command(after_help = "Example:\n  tailrace sketch list recommendations")]
    List {
        /// The pipeline.
        pipeline: String,
    },
    /// Show one, or all, with what they say and how exact that is.
    #[command(after_help = "Examples:\n  tailrace sketch show recommendations\n  tailrace sketch show recommendations amounts -q 0.5,0.99")]
    Show {
        /// The pipeline.
        pipeline: String,
        /// The sketch; left out, all of them.
        name: Option<String>,
        /// Quantiles to show, between 0 and 1, parted by commas.
        #[arg(short, long, value_delimiter = ',', value_parser = quantile, value_name = "Q,…", requires = "name")]
        quantiles: Vec<f64>,
    },
}

fn quantile(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| format!("{text:?} is no quantile: write a number between 0 and 1, such as 0.99"))
}

/// Runs one of them.
pub fn run(command: SketchCommand, session: &Session) -> anyhow::Result<()> {
    match command {
        SketchCommand::List { pipeline } => {
            let answer = session.client.get(&session.pipeline_route(&pipeline, &["sketches"])?)?;
            session.output.show(&answer, || Ok(list(&answer)))
        }
        SketchCommand::Show { pipeline, name: None, .. } => {
            let answer = session.client.get(&session.pipeline_route(&pipeline, &["sketches"])?)?;
            session.output.show(&answer, || Ok(describe(&answer["sketches"], 0)))
        }
        SketchCommand::Show { pipeline, name: Some(name), quantiles } => {
            let asked: Vec<String> = quantiles.iter().map(ToString::to_string).collect();
            let parameters = query(&[("q", Some(asked.join(",")).filter(|asked| !asked.is_empty()))]);
            let answer = session.client.get(&(session.pipeline_route(&pipeline, &["sketches", &name])? + &parameters))?;
            session.output.show(&answer, || Ok(describe(&answer, 0)))
        }
    }
}

fn list(answer: &Value) -> String {
    let sketches = answer["sketches"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows = sketches.map(|sketch| vec![text(&sketch["name"]), text(&sketch["kind"])]).collect();
    table_or("the pipeline declares no sketches", &["sketch", "kind"], rows)
}

/// Each kind reports what is its own; so this shows whatever there is, names beside values.
fn describe(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let is_flat = |value: &Value| !value.is_object() && !value.is_array();
    let scalar = |value: &Value| value.as_str().map_or_else(|| value.to_string(), printable);
    match value {
        Value::Object(fields) => {
            let line = |(name, value): (&String, &Value)| {
                if is_flat(value) { format!("{indent}{name}: {}", scalar(value)) } else { format!("{indent}{name}:\n{}", describe(value, depth + 1)) }
            };
            fields.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Value::Array(items) if items.iter().all(|item| item.as_object().is_some_and(|item| item.values().all(is_flat))) => {
            let line = |item: &Value| {
                let fields = item.as_object().into_iter().flatten().map(|(name, value)| format!("{name}: {}", scalar(value)));
                format!("{indent}{}", fields.collect::<Vec<_>>().join("  "))
            };
            items.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Value::Array(items) => items.iter().map(|item| describe(item, depth)).collect::<Vec<_>>().join("\n\n"),
        flat => format!("{indent}{}", scalar(flat)),
    }
}
