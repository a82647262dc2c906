//! `tailrace state delete` and `tailrace state deletion`.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::{
    client::read,
    error::misuse,
    global::Session,
    screen::{count, remark},
};

/// Looks at how far a deletion has come, and the pause between two of them: half a minute in all. It goes on without
/// anybody who looks.
const LOOKS: u32 = 150;
const PAUSE: Duration = Duration::from_millis(200);

/// What is to be deleted.
#[derive(Debug, Args)]
pub struct DeleteStateArgs {
    /// The pipeline.
    pipeline: String,
    /// Its step.
    step: String,
    #[command(flatten)]
    keys: KeyArgs,
    /// Confirm the deletion.
    #[arg(long, required = true)]
    yes: bool,
}

/// Which entries.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct KeyArgs {
    /// Delete the entry with this key.
    #[arg(long)]
    key: Option<String>,
    /// Delete every entry whose key begins with this.
    #[arg(long)]
    prefix: Option<String>,
    /// Delete every entry of the step.
    #[arg(long)]
    all: bool,
}

#[derive(Deserialize)]
struct ReportView {
    number: u64,
    done: bool,
    entries: u64,
    waiting: Vec<u32>,
}

/// Gives the order, and waits a while until it is done.
pub fn run(args: &DeleteStateArgs, session: &Session) -> anyhow::Result<()> {
    let keys = match (&args.keys.key, &args.keys.prefix) {
        (Some(key), _) => json!({ "key": key }),
        (None, Some(prefix)) if prefix.is_empty() => {
            let help = "give --prefix a text, or delete all of the step with --all";
            return Err(misuse("every key begins with the empty prefix", help));
        }
        (None, Some(prefix)) => json!({ "prefix": prefix }),
        (None, None) => json!({ "prefix": "" }),
    };
    let route = session.pipeline_route(&args.pipeline, &["steps", &args.step, "state-deletions"])?;
    let ordered = session.client.post(&route, &keys)?;
    let number = ordered["number"].to_string();
    let route = session.pipeline_route(&args.pipeline, &["state-deletions", &number])?;
    let mut answer = session.client.get(&route)?;
    if answer["done"] != json!(true) {
        remark(&format!(
            "order {number} is given; it is done while the pipeline runs, whether or not this waits"
        ));
    }
    for _ in 0..LOOKS {
        if answer["done"] == json!(true) {
            break;
        }
        std::thread::sleep(PAUSE);
        answer = session.client.get(&route)?;
    }
    show(&args.pipeline, &answer, session)
}

/// Tells how far one has come.
pub fn look(pipeline: &str, number: u64, session: &Session) -> anyhow::Result<()> {
    let route = session.pipeline_route(pipeline, &["state-deletions", &number.to_string()])?;
    let answer = session.client.get(&route)?;
    show(pipeline, &answer, session)
}

fn show(pipeline: &str, answer: &Value, session: &Session) -> anyhow::Result<()> {
    session.output.show(answer, || {
        let report: ReportView = read(answer)?;
        if !report.done {
            let number = report.number;
            remark(&format!(
                "it is done while the pipeline runs; to look again: tailrace state deletion {pipeline} {number}"
            ));
        }
        Ok(told(&report))
    })
}

fn told(report: &ReportView) -> String {
    let entries = match report.entries {
        1 => "1 entry is deleted".to_owned(),
        entries => format!("{} entries are deleted", count(entries)),
    };
    if report.done {
        return entries;
    }
    let waiting: Vec<String> = report.waiting.iter().map(u32::to_string).collect();
    let waiting = waiting.join(", ");
    format!("{entries} so far; not done yet in partition {waiting}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_how_many_and_what_is_left() {
        let mut report = ReportView {
            number: 7,
            done: true,
            entries: 1,
            waiting: Vec::new(),
        };
        assert_eq!(told(&report), "1 entry is deleted");
        (report.done, report.entries, report.waiting) = (false, 0, vec![1, 3]);
        assert_eq!(
            told(&report),
            "0 entries are deleted so far; not done yet in partition 1, 3"
        );
    }
}
