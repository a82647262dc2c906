//! `tailrace timers`: the timers of a pipeline's plugins that have not fired, as of the last commit.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::{
    client::{query, read},
    global::Session,
    screen::{go_on, table_or, time},
};

/// Which timers.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tailrace timers orders\n  tailrace timers orders --step remind --limit 10"
)]
pub struct TimersArgs {
    /// The pipeline.
    pipeline: String,
    /// List only the timers of this step.
    #[arg(long)]
    step: Option<String>,
    /// Go on behind this, which the list before has named.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// The most timers to list.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Deserialize)]
struct Page {
    timers: Vec<TimerView>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct TimerView {
    at_ms: u64,
    step: String,
    key: String,
    name: String,
    partition: u32,
    value: Value,
}

/// Lists them.
pub fn run(args: TimersArgs, session: &Session) -> anyhow::Result<()> {
    let parameters = query(&[
        ("step", args.step),
        ("after", args.after),
        ("limit", Some(args.limit.to_string())),
    ]);
    let route = session.pipeline_route(&args.pipeline, &["timers"])?;
    let answer = session.client.get(&(route + &parameters))?;
    session.output.show(&answer, || {
        let page: Page = read(&answer)?;
        go_on(page.next.as_deref());
        let row = |timer: TimerView| {
            let partition = timer.partition.to_string();
            let due = time(timer.at_ms);
            vec![
                due,
                timer.step,
                timer.key,
                timer.name,
                partition,
                timer.value.to_string(),
            ]
        };
        Ok(table_or(
            "no timer is set",
            &["due", "step", "key", "name", "partition>", "payload"],
            page.timers.into_iter().map(row).collect(),
        ))
    })
}
