//! `tailrace publish`: events from a file or from standard input, one a line, over the API. Lines that are there are
//! sent together; one that comes alone is sent at once.
//!
//! Each event bears an id of this run and its line, so that a request whose answer was lost can be sent again: the
//! stream takes each event once.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal as _, Read as _},
    path::PathBuf,
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tailrace_core::{
    extract::{Extractor, Scalar},
    manifest::{Extract, KEY_TOKEN},
    subject,
};

use super::{
    client::query,
    error::{CliError, misuse},
    global::Session,
    screen::{count, remark},
};

/// Most events and most bytes of a request: half of what the server takes, for JSON makes text longer.
const BATCH_EVENTS: usize = 500;
const BATCH_BYTES: usize = 2 << 20;
/// Longest line: no broker takes a larger message.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// How often a request is sent again whose answer was lost, or that the server could not take.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Publish events, one a line, on a subject of the tenant's write grant.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tailrace publish dev.events.click events.jsonl\n  echo '{\"user\":\"ada\"}' | tailrace publish dev.events.click\n  tailrace publish 'shop.orders.{key}' orders.jsonl --key /customer --header source=import --rate 500\n\nA line is the payload of an event, whatever it holds; an empty line is none. The stream that holds the subject\nmust exist: `tailrace stream create` makes one."
)]
pub struct PublishArgs {
    /// The subject. `{key}` in it stands for the key, as one token.
    subject: String,
    /// The file, or - for standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// A header of every event. `{key}` in its value stands for the key. The flag may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    header: Vec<String>,
    /// Where the key is in a line: a JSON pointer, such as /user.
    #[arg(long, value_name = "POINTER")]
    key: Option<String>,
    /// The most events a second [default: as fast as the server takes them].
    #[arg(long, value_name = "EVENTS")]
    rate: Option<u32>,
    /// Publish the whole input as one event.
    #[arg(long)]
    whole: bool,
}

/// What makes an event of a line.
struct Form {
    subject: String,
    headers: Vec<(String, String)>,
    key: Option<Extractor>,
    /// Of this run.
    id: String,
}

/// Publishes until the input ends.
pub fn run(args: &PublishArgs, session: &Session) -> anyhow::Result<()> {
    if args.rate == Some(0) {
        return Err(misuse("--rate 0 publishes nothing", "give a rate of 1 or more"));
    }
    let form = Form::new(args)?;
    let lines = read(args)?;
    let path = session.tenant_route(&["events"])? + &query(&[]);
    let most = args
        .rate
        .map_or(BATCH_EVENTS, |rate| (rate as usize / 10).clamp(1, BATCH_EVENTS));
    let (mut published, mut line) = (0_u64, 0_u64);
    let mut held = None;
    while let Some(batch) = next_batch(&lines, &mut held, most)? {
        let mut events = Vec::with_capacity(batch.len());
        for payload in batch {
            line += 1;
            if !payload.is_empty() {
                events.push(form.event(line, &payload)?);
            }
        }
        if events.is_empty() {
            continue;
        }
        let sent = events.len() as u64;
        let told = |cause: anyhow::Error| {
            let before = format!(
                "{} events were published before the one that was refused",
                count(published)
            );
            if published > 0 {
                cause.context(before)
            } else {
                cause
            }
        };
        post(session, &path, &json!({ "events": events })).map_err(told)?;
        published += sent;
        if let Some(rate) = args.rate {
            // At most the rate: the time of the request comes on top.
            std::thread::sleep(Duration::from_secs_f64(sent as f64 / f64::from(rate)));
        }
    }
    let answer = json!({ "published": published, "subject": args.subject });
    session.output.show(&answer, || {
        Ok(format!("{} published on {}", count(published), args.subject))
    })
}

/// Sends a request, again where that can help.
fn post(session: &Session, path: &str, body: &Value) -> anyhow::Result<()> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        let Err(cause) = session.client.post(path, body) else {
            return Ok(());
        };
        let passes = match cause.downcast_ref::<CliError>() {
            Some(CliError::Lost { .. }) => true,
            Some(CliError::Refused(problem)) => problem.status == 429 || problem.status == 503,
            _ => false,
        };
        if !passes {
            return Err(cause);
        }
        std::thread::sleep(pause);
        pause *= 2;
    }
    session.client.post(path, body).map(drop)
}

impl Form {
    fn new(args: &PublishArgs) -> anyhow::Result<Self> {
        let header = |wish: &String| {
            let pair = wish.split_once('=');
            pair.map(|(name, value)| (name.to_owned(), value.to_owned()))
                .ok_or_else(|| misuse(format!("{wish:?} is no header"), "write --header NAME=VALUE"))
        };
        let headers: Vec<_> = args.header.iter().map(header).collect::<Result<_, _>>()?;
        let has_key = |text: &str| text.contains(KEY_TOKEN);
        let wants_key = has_key(&args.subject) || headers.iter().any(|(_, value)| has_key(value));
        if args.key.is_none() && wants_key {
            return Err(misuse(
                "{key} stands for a key, and none is named",
                "say where it is with --key /user",
            ));
        }
        let plain = args.subject.replace(KEY_TOKEN, "");
        if plain.contains(['{', '}']) {
            return Err(misuse(
                format!(
                    "{:?} has braces, and only {KEY_TOKEN} stands for something",
                    args.subject
                ),
                "write {key}, and say where it is with --key /user",
            ));
        }
        Ok(Self {
            subject: args.subject.clone(),
            headers,
            key: args
                .key
                .clone()
                .map(|pointer| Extractor::new(vec![Extract::Json(pointer)])),
            id: format!("{:016x}", rand::random::<u64>()),
        })
    }

    fn event(&self, line: u64, payload: &[u8]) -> anyhow::Result<Value> {
        let text = std::str::from_utf8(payload).map_err(|_| {
            misuse(
                format!("line {line} is no UTF-8 text"),
                "use a NATS client for other bytes, or the API with base64",
            )
        })?;
        let key = self.key(line, payload)?;
        let filled = |text: &str, key: &str| text.replace(KEY_TOKEN, key);
        let (in_subject, in_header) = key.map_or_else(Default::default, |key| (subject::token(&key), key));
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), filled(value, &in_header).into()));
        Ok(json!({
            "subject": filled(&self.subject, &in_subject),
            "headers": headers.collect::<serde_json::Map<_, _>>(),
            "text": text,
            "id": format!("{}:{line}", self.id),
        }))
    }

    /// The key of a line, as the engine would find it.
    fn key(&self, line: u64, payload: &[u8]) -> anyhow::Result<Option<String>> {
        let Some(extractor) = &self.key else {
            return Ok(None);
        };
        let mut found = extractor.extract("", &[], payload);
        let why = found
            .fault
            .as_ref()
            .map_or_else(|| "it has nothing at --key".to_owned(), ToString::to_string);
        let key = found.values.pop().flatten().and_then(Scalar::into_text);
        key.map(Some).ok_or_else(|| {
            misuse(
                format!("line {line} has no key: {why}"),
                "mend the line, or leave {key} out",
            )
        })
    }
}

/// Reads in a thread of its own, so that lines which are there can go together.
fn read(args: &PublishArgs) -> anyhow::Result<Receiver<std::io::Result<Vec<u8>>>> {
    let (name, whole) = (args.file.display().to_string(), args.whole);
    let mut source: Box<dyn BufRead + Send> = if args.file.as_os_str() == "-" {
        if std::io::stdin().is_terminal() {
            remark("one event a line; Ctrl-D ends");
        }
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let file = File::open(&args.file).with_context(|| format!("cannot read the events {name}"))?;
        Box::new(BufReader::new(file))
    };
    let (sender, lines) = sync_channel(2 * BATCH_EVENTS);
    std::thread::spawn(move || {
        loop {
            let read = if whole {
                take_all(&mut source)
            } else {
                take_line(&mut source)
            };
            let Some(line) = read.transpose() else { return };
            let is_last = line.is_err();
            if sender.send(line).is_err() || is_last {
                return;
            }
        }
    });
    Ok(lines)
}

fn take_line(source: &mut dyn BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if source.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == MAX_LINE_BYTES {
        return Err(std::io::Error::other("a line is longer than a message may be"));
    }
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(Some(line))
}

fn take_all(source: &mut dyn BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    source.take(MAX_LINE_BYTES).read_to_end(&mut all)?;
    Ok((!all.is_empty()).then_some(all))
}

/// The lines that are there, and at least one; none at the end. What does not fit any more is `held` for the next.
fn next_batch(
    lines: &Receiver<std::io::Result<Vec<u8>>>,
    held: &mut Option<Vec<u8>>,
    most: usize,
) -> anyhow::Result<Option<Vec<Vec<u8>>>> {
    let first = match held.take() {
        Some(line) => line,
        None => match lines.recv() {
            Ok(line) => line.context("cannot read the events")?,
            Err(_) => return Ok(None),
        },
    };
    let mut bytes = first.len();
    let mut batch = vec![first];
    while batch.len() < most
        && let Ok(line) = lines.try_recv()
    {
        let line = line.context("cannot read the events")?;
        if bytes + line.len() > BATCH_BYTES {
            *held = Some(line);
            break;
        }
        bytes += line.len();
        batch.push(line);
    }
    Ok(Some(batch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(subject: &str, key: Option<&str>, header: &[&str]) -> anyhow::Result<Form> {
        Form::new(&PublishArgs {
            subject: subject.to_owned(),
            file: "-".into(),
            header: header.iter().map(|header| (*header).to_owned()).collect(),
            key: key.map(str::to_owned),
            rate: None,
            whole: false,
        })
    }

    #[test]
    fn the_key_of_a_line_goes_where_it_is_wanted() {
        let form = form("shop.orders.{key}", Some("/user"), &["who={key}", "a=b=c"]).unwrap();
        let event = form.event(3, br#"{"user":"a.b"}"#).unwrap();
        assert_eq!(event["subject"], "shop.orders.a%2Eb");
        assert_eq!(event["headers"], json!({ "who": "a.b", "a": "b=c" }));
        assert_eq!(event["text"], r#"{"user":"a.b"}"#);
        assert!(event["id"].as_str().unwrap().ends_with(":3"));
        let without = form.event(4, b"{}").unwrap_err().to_string();
        assert!(without.contains("line 4 has no key"), "{without}");
        let broken = form.event(5, b"{\"user\":").unwrap_err().to_string();
        assert!(broken.contains("line 5"), "{broken}");
    }

    #[test]
    fn a_key_that_nobody_names_and_a_header_without_a_value_are_misuses() {
        assert!(form("a.{key}", None, &[]).is_err());
        assert!(form("a", None, &["x={key}"]).is_err());
        assert!(form("a", None, &["x"]).is_err());
    }

    #[test]
    fn lines_that_are_there_go_together_within_bounds() {
        let (sender, lines) = sync_channel(8);
        for size in [1, 2, BATCH_BYTES, 3] {
            sender.send(Ok(vec![b'x'; size])).unwrap();
        }
        drop(sender);
        let (mut held, mut sizes) = (None, Vec::new());
        while let Some(batch) = next_batch(&lines, &mut held, 2).unwrap() {
            sizes.push(batch.iter().map(Vec::len).collect::<Vec<_>>());
        }
        assert_eq!(sizes, [vec![1, 2], vec![BATCH_BYTES], vec![3]]);
    }

    #[test]
    fn a_line_ends_with_its_line_and_the_whole_is_one() {
        let mut source: &[u8] = b"a\r\n\nb";
        let mut lines = Vec::new();
        while let Some(line) = take_line(&mut source).unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, [&b"a"[..], b"", b"b"]);
        let mut source: &[u8] = b"a\nb\n";
        assert_eq!(take_all(&mut source).unwrap().unwrap(), b"a\nb\n");
        assert!(take_all(&mut source).unwrap().is_none());
    }
}
