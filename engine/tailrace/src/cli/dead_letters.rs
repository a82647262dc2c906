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
    /// Redrive a dead letter, or all, to the step that failed. A repeated command, or another one at the same time,
    /// sends none twice.
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
}

/// What became of all letters.
#[derive(Debug, Default, Serialize)]
struct Done {
    redriven: Vec<u64>,
    sent_before: Vec<u64>,
    kept: Vec<Kept>,
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
            let is_sent = redrive(session, &pipeline, id)?;
            session.output.show(&json!({ "sent": is_sent }), || {
                Ok(if is_sent {
                    format!("dead letter {id} is sent again")
                } else {
                    format!("dead letter {id} was sent again before, by another command")
                })
            })
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

/// Whether this command has sent it, and not another one before. A server of an earlier version does not say.
fn redrive(session: &Session, pipeline: &str, id: u64) -> anyhow::Result<bool> {
    let route = session.pipeline_route(pipeline, &["dead-letters", &id.to_string(), "redrive"])?;
    let answer = session.client.post(&route, &json!({}))?;
    Ok(answer["sent"] != false)
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
    let mut done = Done::default();
    let bar = progress(letters.len() as u64, "sending again");
    for letter in letters {
        match redrive(session, pipeline, letter.id) {
            Ok(true) => done.redriven.push(letter.id),
            Ok(false) => done.sent_before.push(letter.id),
            Err(cause) if is_gone(&cause) => done.sent_before.push(letter.id),
            Err(cause) => match refusal(&cause) {
                Some(reason) => done.kept.push(Kept::of(&letter, reason)),
                None => return Err(cause.context(format!("{}, then one failed", done.sent()))),
            },
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    session
        .output
        .show(&serde_json::to_value(&done)?, || Ok(done.told()))
}

/// Whether somebody else has sent it again since the list was read.
fn is_gone(cause: &anyhow::Error) -> bool {
    matches!(
        cause.downcast_ref(),
        Some(CliError::Refused(problem)) if problem.status == 404 && problem.detail.contains("dead letter")
    )
}

/// Why a letter stays that is refused for what it is.
fn refusal(cause: &anyhow::Error) -> Option<String> {
    match cause.downcast_ref() {
        Some(CliError::Refused(problem)) if problem.status == 409 => Some(problem.detail.clone()),
        _ => None,
    }
}

impl Kept {
    fn of(letter: &LetterView, reason: String) -> Self {
        Self {
            id: letter.id,
            sequence: letter.sequence,
            reason,
        }
    }
}

impl Done {
    fn sent(&self) -> String {
        let sent = count(self.redriven.len() as u64);
        format!("{sent} dead letters are sent again")
    }

    fn told(&self) -> String {
        let mut lines = vec![self.sent()];
        if !self.sent_before.is_empty() {
            let before = count(self.sent_before.len() as u64);
            lines.push(format!("sent again before, by another command: {before}"));
        }
        if !self.kept.is_empty() {
            let kept = count(self.kept.len() as u64);
            lines.push(format!("{kept} stay, since they cannot be sent again:"));
        }
        let rows = self.kept.iter();
        lines.extend(rows.map(|Kept { sequence, reason, .. }| format!("  event {sequence}: {reason}")));
        lines.join("\n")
    }
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
    fn it_is_told_which_letters_this_command_has_sent_and_which_stay() {
        let done = Done {
            redriven: vec![1; 1_200],
            ..Done::default()
        };
        assert_eq!(done.told(), "1,200 dead letters are sent again");
        let letter = json!({
            "id": 7, "stored_ms": 0, "step": "input", "code": "too-large", "reason": "", "attempts": 1,
            "sequence": 5, "subject": "a", "key": "k", "cut_from": 44,
        });
        let done = Done {
            redriven: vec![1, 2],
            sent_before: vec![3],
            kept: vec![Kept::of(
                &read(&letter).unwrap(),
                "the payload of dead letter 7 was cut".to_owned(),
            )],
        };
        assert_eq!(
            done.told(),
            "2 dead letters are sent again\nsent again before, by another command: 1\n1 stay, since they cannot be sent again:\n  event 5: the payload of dead letter 7 was cut"
        );
    }
}
