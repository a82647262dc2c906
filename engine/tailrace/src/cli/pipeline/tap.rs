//! `tailrace pipeline tap`.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::shown::{check_end, remark_aside, remark_standstill};
use crate::cli::{
    client::{query, read},
    global::Session,
    screen::{count, micros, short},
};

/// Characters of a payload on the screen; the JSON output has the whole excerpt.
const SHOWN: usize = 160;

/// What to watch.
#[derive(Debug, Args)]
pub struct TapArgs {
    /// The pipeline.
    name: String,
    /// Show only calls of this step.
    #[arg(long)]
    step: Option<String>,
    /// Show only events with this key.
    #[arg(long)]
    key: Option<String>,
    /// End after this many samples.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

#[derive(Deserialize)]
struct SampleView {
    step: String,
    partition: u32,
    sequence: u64,
    attempt: u32,
    key: String,
    before: ExcerptView,
    verdict: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    after: Vec<ExcerptView>,
    messages: usize,
    fuel: u64,
    took_us: f64,
}

#[derive(Deserialize)]
struct ExcerptView {
    text: String,
    bytes: u64,
    cut: bool,
}

/// Watches until the end of the stream.
pub fn run(args: &TapArgs, session: &Session) -> anyhow::Result<()> {
    let asked = query(&[
        ("step", args.step.clone()),
        ("key", args.key.clone()),
        ("limit", args.limit.map(|limit| limit.to_string())),
    ]);
    let path = session.pipeline_route(&args.name, &["tap"])?;
    remark_standstill(session, &args.name)?;
    let mut events = session.client.follow(&(path + &asked))?;
    let mut samples = 0;
    while let Some((name, data)) = events.next()? {
        if name == "sample" {
            samples += 1;
            let shown = text(&data)?;
            session.output.line(&data, || shown)?;
        } else {
            remark_aside(&name, &data)?;
        }
    }
    check_end(samples, args.limit)
}

fn text(sample: &Value) -> anyhow::Result<String> {
    let sample: SampleView = read(sample)?;
    let again = if sample.attempt > 1 {
        format!(", try {}", sample.attempt)
    } else {
        String::new()
    };
    let failed: Vec<String> = [sample.code, sample.reason].into_iter().flatten().collect();
    let outcome = format!("{} {}", sample.verdict, failed.join(": "));
    let mut lines = vec![
        format!(
            "{}/{} {} key {}{again}: {} ({} fuel, {})",
            sample.partition,
            sample.sequence,
            sample.step,
            short(&sample.key, SHOWN),
            short(outcome.trim_end(), SHOWN),
            count(sample.fuel),
            micros(sample.took_us),
        ),
        format!("  < {}", excerpt(&sample.before)),
    ];
    lines.extend(sample.after.iter().map(|after| format!("  > {}", excerpt(after))));
    if sample.messages > sample.after.len() {
        lines.push(format!("  > and {} more", sample.messages - sample.after.len()));
    }
    Ok(lines.join("\n"))
}

fn excerpt(excerpt: &ExcerptView) -> String {
    let text = short(&excerpt.text, SHOWN);
    if excerpt.cut {
        format!("{text} (of {} bytes)", count(excerpt.bytes))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sample_is_shown_with_its_verdict_and_moves_no_cursor() {
        let sample = json!({
            "step": "rank", "partition": 2, "sequence": 7, "attempt": 2, "key": "a\u{1b}[31m",
            "before": { "text": "{\"a\":1}\r\n", "bytes": 5000, "cut": true },
            "verdict": "failed", "code": "crash", "reason": "boom",
            "after": [], "messages": 3, "fuel": 1234, "took_us": 18.0,
        });
        let shown = text(&sample).unwrap();
        assert!(!shown.contains(['\u{1b}', '\r']), "{shown:?}");
        assert_eq!(
            shown,
            "2/7 rank key a\\u{1b}[31m, try 2: failed crash: boom (1,234 fuel, 18.0 µs)\n  < {\"a\":1}\\r\\n (of 5,000 bytes)\n  > and 3 more"
        );
    }
}
