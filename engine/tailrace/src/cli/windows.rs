//! `tailrace windows`: what is open of a pipeline's windows, as of the last commit.

use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    client::{query, read},
    global::Session,
    screen::{go_on, table_or},
};

/// What is open of a window.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tailrace windows orders per-minute\n  tailrace windows orders per-minute --group shop-7"
)]
pub struct WindowsArgs {
    /// The pipeline.
    pipeline: String,
    /// Its window.
    window: String,
    /// List only this group: its value, or a JSON array of its values.
    #[arg(long)]
    group: Option<String>,
    /// Go on behind this, which the list before has named.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// The most entries to list.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Deserialize)]
struct Page {
    windows: Vec<Open>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Open {
    partition: u32,
    events: u64,
    result: Map<String, Value>,
}

/// Runs it.
pub fn run(args: WindowsArgs, session: &Session) -> anyhow::Result<()> {
    let parameters = query(&[
        ("group", args.group),
        ("after", args.after),
        ("limit", Some(args.limit.to_string())),
    ]);
    let route = session.pipeline_route(&args.pipeline, &["windows", &args.window])?;
    let answer = session.client.get(&(route + &parameters))?;
    session.output.show(&answer, || {
        let page: Page = read(&answer)?;
        go_on(page.next.as_deref());
        let mut rows = Vec::new();
        for open in page.windows {
            let member = |name: &str| open.result.get(name).and_then(Value::as_str).unwrap_or_default();
            let (start, end) = (member("start").to_owned(), member("end").to_owned());
            let own = open
                .result
                .iter()
                .filter(|(name, _)| !FRAME.contains(&name.as_str()));
            let own: Map<String, Value> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
            let (partition, events) = (open.partition.to_string(), open.events.to_string());
            rows.push(vec![
                start,
                end,
                partition,
                events,
                Value::Object(own).to_string(),
            ]);
        }
        Ok(table_or(
            "no such window is open",
            &["start", "end", "partition>", "events>", "so far"],
            rows,
        ))
    })
}

/// Members that have columns of their own.
const FRAME: [&str; 4] = ["window", "start", "end", "result"];
