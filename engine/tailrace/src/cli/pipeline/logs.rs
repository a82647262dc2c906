//! `tailrace pipeline logs`.

use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::shown::{check_end, remark_aside, remark_standstill};
use crate::cli::{
    client::{query, read},
    global::Session,
    screen::short,
};

/// The end of the year 9999: later times cannot be written.
const LATEST_MS: u64 = 253_402_300_799_999;

/// What to show.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The pipeline.
    name: String,
    /// Follow new lines.
    #[arg(long, short)]
    follow: bool,
    /// Number of last lines to show.
    #[arg(long, value_name = "N", default_value_t = 100)]
    lines: u32,
}

#[derive(Deserialize)]
struct LineView {
    time_ms: u64,
    level: String,
    step: String,
    partition: u32,
    sequence: u64,
    text: String,
    #[serde(default)]
    left_out: u64,
}

/// Shows lines of the pipeline's plugins.
pub fn run(args: &LogsArgs, session: &Session) -> anyhow::Result<()> {
    let asked = query(&[
        ("lines", Some(args.lines.to_string())),
        ("follow", args.follow.then(|| "true".to_owned())),
    ]);
    let path = session.pipeline_route(&args.name, &["logs"])? + &asked;
    if !args.follow {
        let answer = session.client.get(&path)?;
        remark_aside("shown", &answer)?;
        return session.output.show(&answer, || {
            let lines = answer["lines"].as_array().map_or(&[][..], Vec::as_slice);
            let lines: anyhow::Result<Vec<String>> = lines.iter().map(text).collect();
            let lines = lines?;
            Ok(if lines.is_empty() {
                "no plugin has logged anything here".to_owned()
            } else {
                lines.join("\n")
            })
        });
    }
    remark_standstill(session, &args.name)?;
    let mut events = session.client.follow(&path)?;
    while let Some((name, data)) = events.next()? {
        match name.as_str() {
            "line" => {
                let shown = text(&data)?;
                session.output.line(&data, || shown)?;
            }
            _ => remark_aside(&name, &data)?,
        }
    }
    check_end(0, None)
}

fn text(line: &Value) -> anyhow::Result<String> {
    let line: LineView = read(line)?;
    let time = UNIX_EPOCH + Duration::from_millis(line.time_ms.min(LATEST_MS));
    let left_out = if line.left_out > 0 {
        format!("({} lines were left out)\n", line.left_out)
    } else {
        String::new()
    };
    Ok(format!(
        "{left_out}{} {:<5} {} {}/{} {}",
        humantime::format_rfc3339_millis(time),
        short(&line.level, 5),
        short(&line.step, 32),
        line.partition,
        line.sequence,
        short(&line.text, usize::MAX),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_shows_where_it_comes_from_and_what_was_left_out() {
        let line = json!({
            "time_ms": 1_000, "level": "warn", "step": "rank", "partition": 1, "sequence": 9,
            "text": "look\nout\u{1b}", "left_out": 4,
        });
        assert_eq!(
            text(&line).unwrap(),
            "(4 lines were left out)\n1970-01-01T00:00:01.000Z warn  rank 1/9 look\\nout\\u{1b}"
        );
    }

    #[test]
    fn a_time_beyond_all_calendars_is_shown_as_their_last() {
        let line = json!({
            "time_ms": u64::MAX, "level": "warn", "step": "rank", "partition": 1, "sequence": 9, "text": "",
        });
        assert!(text(&line).is_ok_and(|shown| shown.starts_with("9999-12-31T")));
    }
}
