//! `tailrace publish`: events from a file or from standard input, one a line, over the API. Lines that are there are
//! sent together; one that comes alone is sent at once.
//!
//! Each event bears an id of this run and its line, so that a request whose answer was lost can be sent again: the
//! stream takes each event once. For the same reason a run that stopped in the middle can be gone on with: it says its
//! id, and the line from which nothing is known to be published.

mod lines;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::{Value, json};
use tailrace_core::{
    extract::{Extractor, Scalar},
    manifest::{Extract, KEY_TOKEN, is_pointer},
    subject,
};

use super::{
    client::query,
    error::{CliError, misuse},
    global::Session,
    publish::lines::{Batch, next_batch, read},
    screen::count,
};

/// Most events of a request: half of what the server takes.
const BATCH_EVENTS: usize = 500;
/// How often a request is sent again whose answer was lost, or that the server could not take.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Publish events, one a line, on a subject of the tenant's write grant.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tailrace publish dev.events.click events.jsonl\n  echo '{\"user\":\"ada\"}' | tailrace publish dev.events.click\n  tailrace publish 'shop.orders.{key}' orders.jsonl --key /customer --header source=import --rate 500\n\nA line is the payload of an event, whatever it holds; a blank line is none. The stream that holds the subject\nmust exist: `tailrace stream create` makes one."
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
    /// The first line to publish, to go on where a run stopped.
    #[arg(long, value_name = "LINE", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from_line: u64,
    /// The id of a run that stopped, to go on with it: the stream does not take again what it has taken of late.
    #[arg(long, value_name = "ID", value_parser = run_id)]
    run: Option<String>,
}

/// The id of a run is part of the ids of events.
fn run_id(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("an id of a run has 1 to 64 letters, digits and hyphens".to_owned())
    }
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
    let lines = read(&args.file, args.whole)?;
    let path = session.tenant_route(&["events"])? + &query(&[]);
    let most = args
        .rate
        .map_or(BATCH_EVENTS, |rate| (rate as usize / 10).clamp(1, BATCH_EVENTS));
    let mut progress = Progress {
        published: 0,
        next: args.from_line,
        run: form.id.clone(),
    };
    let (mut line, mut held) = (0_u64, None);
    loop {
        let Batch { payloads, stop } = next_batch(&lines, &mut held, most);
        let is_end = payloads.is_empty();
        let mut fault = stop.map(|cause| unread(line + payloads.len() as u64 + 1, cause));
        let mut events = Vec::with_capacity(payloads.len());
        for payload in payloads {
            line += 1;
            if is_no_event(&payload, args.whole) || line < args.from_line {
                continue;
            }
            match form.event(line, &payload) {
                Ok(event) => events.push(event),
                Err(cause) => {
                    // The lines before it go out: then the way on begins at this line.
                    fault = Some(cause);
                    line -= 1;
                    break;
                }
            }
        }
        let sent = events.len() as u64;
        if !events.is_empty() {
            let told = |cause: anyhow::Error| {
                let cause = cause.context(format!("in lines {} to {line}", progress.next));
                progress.stopped(cause)
            };
            post(session, &path, &json!({ "events": events })).map_err(told)?;
        }
        progress.published += sent;
        progress.next = args.from_line.max(line + 1);
        if let Some(cause) = fault {
            return Err(progress.stopped(cause));
        }
        if is_end {
            break;
        }
        if let Some(rate) = args.rate {
            // At most the rate: the time of the request comes on top.
            std::thread::sleep(Duration::from_secs_f64(sent as f64 / f64::from(rate)));
        }
    }
    check_from_line(args.from_line, line)?;
    let published = progress.published;
    let answer = json!({ "published": published, "subject": args.subject });
    session.output.show(&answer, || {
        Ok(format!("{} published on {}", count(published), args.subject))
    })
}

/// Whether a line is blank. The whole of an input is an event, whatever it holds.
fn is_no_event(payload: &[u8], whole: bool) -> bool {
    !whole && payload.iter().all(u8::is_ascii_whitespace)
}

/// There is a line to go on with, or the input ends right before it.
fn check_from_line(from_line: u64, lines: u64) -> anyhow::Result<()> {
    if from_line <= lines + 1 {
        return Ok(());
    }
    Err(misuse(
        format!("--from-line {from_line} is behind the end: the input has {lines} lines"),
        "give the input that the run was given, and the line that it named",
    ))
}

/// How far a run has come.
struct Progress {
    published: u64,
    /// All lines before it are published or blank.
    next: u64,
    run: String,
}

impl Progress {
    /// The cause of an end in the middle, with the way on.
    fn stopped(&self, cause: anyhow::Error) -> anyhow::Error {
        if self.published == 0 {
            return cause;
        }
        let (published, next, run) = (count(self.published), self.next, &self.run);
        cause.context(format!(
            "{published} events were published, all of the lines before line {next}; go on with --from-line {next} --run {run}"
        ))
    }
}

fn unread(line: u64, cause: std::io::Error) -> anyhow::Error {
    anyhow::Error::new(cause).context(format!("cannot read line {line} of the events"))
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
        if let Some(pointer) = args.key.as_ref().filter(|pointer| !is_pointer(pointer)) {
            return Err(misuse(
                format!("--key {pointer:?} is no JSON pointer"),
                "write /user or /order/id, with ~1 for / and ~0 for ~ in a name",
            ));
        }
        Ok(Self {
            subject: args.subject.clone(),
            headers,
            key: args
                .key
                .clone()
                .map(|pointer| Extractor::new(vec![Extract::Json(pointer)])),
            id: args
                .run
                .clone()
                .unwrap_or_else(|| format!("{:016x}", rand::random::<u64>())),
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
            from_line: 1,
            run: None,
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
        for pointer in ["user", "/a~2"] {
            assert!(form("a", Some(pointer), &[]).is_err(), "{pointer}");
        }
    }

    #[test]
    fn a_run_that_stops_in_the_middle_says_how_to_go_on() {
        let stopped = |published| {
            let progress = Progress {
                published,
                next: 4,
                run: "ab".to_owned(),
            };
            format!("{:#}", progress.stopped(anyhow::anyhow!("line 4 has no key")))
        };
        assert_eq!(stopped(0), "line 4 has no key");
        assert_eq!(
            stopped(3),
            "3 events were published, all of the lines before line 4; go on with --from-line 4 --run ab: line 4 has no key"
        );
    }

    #[test]
    fn a_blank_line_is_no_event_and_a_line_behind_the_end_is_refused() {
        assert!(is_no_event(b"  ", false) && is_no_event(b"", false) && is_no_event(b"\t", false));
        assert!(!is_no_event(b" 1", false) && !is_no_event(b"  ", true));
        assert!(check_from_line(1, 0).is_ok() && check_from_line(5, 4).is_ok());
        let refused = check_from_line(30, 4).unwrap_err().to_string();
        assert!(
            refused.contains("--from-line 30") && refused.contains("4 lines"),
            "{refused}"
        );
    }
}
