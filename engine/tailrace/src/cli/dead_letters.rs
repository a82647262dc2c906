//! `tailrace dead-letters`: events that could not be processed. Look at them, mend the plugin or its
//! config, and send them again to the step that they failed at.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    client::{query, read},
    error::CliError,
    global::Session,
    screen::{ago, count, facts, now_ms, printable, progress, table_or},
};

/// Dead letters of one page, when all are sent again.
const PAGE: usize = 200;

/// Commands on dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// List dead letters, oldest first.
    #[command(after_help = "Example:\n  tailrace dead-letters list recommendations --limit 20")]
    List {
        /// The pipeline.
        pipeline: String,
        /// List only dead letters after this id.
        #[arg(long, value_name = "ID")]
        after: Option<u64>,
        /// The most dead letters to list.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show a dead letter with its reason and its payload.
    #[command(after_help = "Example:\n  tailrace dead-letters show recommendations 42")]
    Show {
        /// The pipeline.
        pipeline: String,
        /// Its id, as `list` shows it.
        id: u64,
    },
    /// Redrive a dead letter, or all, to the step that failed. A repeated command sends none twice.
    #[command(
        after_help = "Examples:\n  tailrace dead-letters redrive recommendations 42\n  tailrace dead-letters redrive recommendations --all"
    )]
    Redrive(RedriveArgs),
}

/// What to send again.
#[derive(Debug, Args)]
#[group(skip)]
pub struct RedriveArgs {
    /// The pipeline.
    pipeline: String,
    /// Its id, as `list` shows it.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<u64>,
    /// Redrive all dead letters that are there now.
    #[arg(long)]
    all: bool,
}

#[derive(Deserialize)]
struct LetterView {
    id: u64,
    stored_ms: u64,
    step: String,
    code: String,
    reason: String,
    attempts: u32,
    #[serde(default)]
    backtrace: Vec<String>,
    sequence: u64,
    subject: String,
    key: String,
    payload_text: Option<String>,
    payload_hex: Option<String>,
    /// Bytes of the payload before it was cut: then it cannot be sent again.
    cut_from: Option<u64>,
}

/// A dead letter that is not sent again.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Kept {
    id: u64,
    /// Its event in the input stream.
    sequence: u64,
    reason: String,
}

/// Runs one of them.
pub fn run(command: DeadLettersCommand, session: &Session) -> anyhow::Result<()> {
    match command {
        DeadLettersCommand::List {
            pipeline,
            after,
            limit,
        } => {
            let answer = page(session, &pipeline, after, limit)?;
            session.output.show(&answer, || Ok(list(read(&answer)?)))
        }
        DeadLettersCommand::Show { pipeline, id } => {
            let answer = session
                .client
                .get(&session.pipeline_route(&pipeline, &["dead-letters", &id.to_string()])?)?;
            session.output.show(&answer, || Ok(describe(read(&answer)?)))
        }
        DeadLettersCommand::Redrive(RedriveArgs {
            pipeline,
            id: Some(id),
            ..
        }) => {
            let answer = redrive(session, &pipeline, id)?;
            session
                .output
                .show(&answer, || Ok(format!("dead letter {id} is sent again")))
        }
        DeadLettersCommand::Redrive(RedriveArgs { pipeline, .. }) => redrive_all(session, &pipeline),
    }
}

fn page(session: &Session, pipeline: &str, after: Option<u64>, limit: usize) -> anyhow::Result<Value> {
    let parameters = query(&[
        ("after", after.map(|after| after.to_string())),
        ("limit", Some(limit.to_string())),
    ]);
    session
        .client
        .get(&(session.pipeline_route(pipeline, &["dead-letters"])? + &parameters))
}

fn redrive(session: &Session, pipeline: &str, id: u64) -> anyhow::Result<Value> {
    session.client.post(
        &session.pipeline_route(pipeline, &["dead-letters", &id.to_string(), "redrive"])?,
        &json!({}),
    )
}

/// Those that fail again become new dead letters behind the last one known now, so it ends there.
fn redrive_all(session: &Session, pipeline: &str) -> anyhow::Result<()> {
    let mut letters: Vec<LetterView> = Vec::new();
    loop {
        let answer = page(session, pipeline, letters.last().map(|letter| letter.id), PAGE)?;
        let more: Vec<LetterView> = read(&answer)?;
        let ended = more.len() < PAGE;
        letters.extend(more);
        if ended {
            break;
        }
    }
    let (whole, cut): (Vec<_>, Vec<_>) = letters.into_iter().partition(|letter| letter.cut_from.is_none());
    let kept: Vec<Kept> = cut.iter().filter_map(kept).collect();
    let bar = progress(whole.len() as u64, "sending again");
    let mut ids = Vec::with_capacity(whole.len());
    for LetterView { id, .. } in whole {
        match redrive(session, pipeline, id) {
            Ok(_) => ids.push(id),
            // Somebody else has sent it again, or deleted it, since the list was read.
            Err(cause) if is_gone(&cause) => {}
            Err(cause) => {
                let sent = format!("{} dead letters are sent again, then one failed", ids.len());
                return Err(cause.context(sent));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    session
        .output
        .show(&json!({ "redriven": ids, "kept": kept }), || {
            Ok(told(ids.len(), &kept))
        })
}

fn is_gone(cause: &anyhow::Error) -> bool {
    matches!(
        cause.downcast_ref(),
        Some(CliError::Refused(problem)) if problem.status == 404 && problem.detail.contains("dead letter")
    )
}

/// One that cannot be sent again.
fn kept(letter: &LetterView) -> Option<Kept> {
    let bytes = letter.cut_from?;
    Some(Kept {
        id: letter.id,
        sequence: letter.sequence,
        reason: format!("its payload was cut from {bytes} bytes"),
    })
}

fn told(sent: usize, kept: &[Kept]) -> String {
    let mut lines = vec![format!("{} dead letters are sent again", count(sent as u64))];
    if !kept.is_empty() {
        lines.push(format!(
            "{} stay, since they cannot be sent again; the input stream has the whole events, to be published again:",
            count(kept.len() as u64)
        ));
    }
    let rows = kept
        .iter()
        .map(|Kept { id, sequence, reason }| format!("  dead letter {id}, event {sequence}: {reason}"));
    lines.extend(rows);
    lines.join("\n")
}

fn list(letters: Vec<LetterView>) -> String {
    let row = |letter: LetterView| {
        let ago = ago(letter.stored_ms, now_ms());
        vec![
            letter.id.to_string(),
            ago,
            letter.step,
            letter.code,
            letter.key,
            letter.sequence.to_string(),
            letter.reason,
        ]
    };
    let rows = letters.into_iter().map(row).collect();
    table_or(
        "there are no dead letters",
        &["id>", "stored", "step", "code", "key", "event>", "reason"],
        rows,
    )
}

fn describe(letter: LetterView) -> String {
    let payload = match (&letter.payload_text, &letter.payload_hex) {
        (Some(text), _) => printable(text),
        (None, Some(hex)) => format!("(hexadecimal) {hex}"),
        (None, None) => "(empty)".to_owned(),
    };
    let mut told = vec![facts(&[
        ("id", letter.id.to_string()),
        ("stored", ago(letter.stored_ms, now_ms())),
        ("step", letter.step),
        ("code", letter.code),
        ("reason", letter.reason),
        ("attempts", letter.attempts.to_string()),
        ("event", letter.sequence.to_string()),
        ("subject", letter.subject),
        ("key", letter.key),
    ])];
    let frames = letter.backtrace.iter();
    told.extend(frames.map(|frame| format!("    at {}", printable(frame))));
    told.extend([String::new(), payload]);
    told.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_stay_are_told_with_their_events() {
        assert_eq!(told(1_200, &[]), "1,200 dead letters are sent again");
        let letter = json!({
            "id": 7, "stored_ms": 0, "step": "input", "code": "too-large", "reason": "", "attempts": 1,
            "sequence": 5, "subject": "a", "key": "k", "cut_from": 44,
        });
        let kept = kept(&read(&letter).unwrap()).unwrap();
        let text = told(2, &[kept]);
        assert!(
            text.contains("1 stay")
                && text.contains("dead letter 7, event 5: its payload was cut from 44 bytes")
        );
    }
}
