//! `tailrace outputs`: the results of a pipeline, from the stream of its own. Each is committed, and shown once.

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    client::query,
    global::Session,
    pipeline::shown::{check_end, remark_aside, remark_standstill},
    screen::{Output, count, out, printable, remark},
};

/// Most outputs of a page that the server gives.
const PAGE: u64 = 500;

/// Read the results of a pipeline, or follow them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tailrace outputs clicks\n  tailrace outputs clicks --follow\n  tailrace outputs clicks --key ada --from 2026-11-01T00:00:00Z --limit 20\n\nOnly results of commits are shown, in the order of the pipeline's own stream."
)]
pub struct OutputsArgs {
    /// The pipeline.
    pipeline: String,
    /// Show new outputs as they come, until interrupted.
    #[arg(short, long)]
    follow: bool,
    /// Where to begin: first, new, a sequence, or a time [default: first, and new with --follow].
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// Show only outputs of this key.
    #[arg(long)]
    key: Option<String>,
    /// The most outputs to show [default: 100; with --follow, until interrupted].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

#[derive(Deserialize)]
struct PageView {
    stream: String,
    subjects: String,
    outputs: Vec<Box<RawValue>>,
    pending: u64,
}

#[derive(Deserialize)]
struct OutputView {
    sequence: u64,
    subject: String,
    encoding: String,
    /// As the server wrote it, so that no number loses a digit.
    value: Box<RawValue>,
}

/// Shows a page, or follows.
pub fn run(args: &OutputsArgs, session: &Session) -> anyhow::Result<()> {
    if args.follow {
        follow(args, session)
    } else {
        list(args, session)
    }
}

fn list(args: &OutputsArgs, session: &Session) -> anyhow::Result<()> {
    let (mut left, mut after) = (args.limit.unwrap_or(100), None);
    let mut all: Vec<Box<RawValue>> = Vec::new();
    loop {
        let asked = query(&[
            ("from", after.is_none().then(|| args.from.clone()).flatten()),
            ("after", after.map(|after: u64| after.to_string())),
            ("key", args.key.clone()),
            ("limit", Some(left.clamp(1, PAGE).to_string())),
        ]);
        let path = session.pipeline_route(&args.pipeline, &["outputs"])? + &asked;
        let page: PageView = understood(&session.client.get_bytes(&path)?)?;
        left = left.saturating_sub(page.outputs.len() as u64);
        if let Some(last) = page.outputs.last() {
            after = Some(understood::<OutputView>(last.get().as_bytes())?.sequence);
        }
        let is_done = left == 0 || page.pending == 0 || page.outputs.is_empty();
        if session.output == Output::Text {
            for output in &page.outputs {
                out(&line(output)?);
            }
        } else {
            all.extend(page.outputs);
        }
        if is_done {
            end(
                args,
                session,
                &all,
                after,
                &page.stream,
                &page.subjects,
                page.pending,
            );
            return Ok(());
        }
    }
}

fn end(
    args: &OutputsArgs,
    session: &Session,
    all: &[Box<RawValue>],
    after: Option<u64>,
    stream: &str,
    subjects: &str,
    pending: u64,
) {
    if session.output == Output::Json {
        let place = json!({ "stream": stream, "subjects": subjects, "pending": pending });
        let outputs: Vec<&str> = all.iter().map(|output| output.get()).collect();
        // The outputs as they came, put into the rest of the answer.
        let rest = place.to_string();
        out(&format!(
            "{},\"outputs\":[{}]}}",
            &rest[..rest.len() - 1],
            outputs.join(",\n")
        ));
        return;
    }
    match after {
        None => {
            let of_key = args.key.as_ref().map(|key| format!(" for key {key:?}"));
            let of_key = of_key.unwrap_or_default();
            remark(&format!("no results yet{of_key} on {subjects} (stream {stream})"));
        }
        Some(after) if pending > 0 => remark(&format!(
            "{} more; to go on: tailrace outputs {} --from {}",
            count(pending),
            args.pipeline,
            after + 1
        )),
        Some(_) => {}
    }
}

fn follow(args: &OutputsArgs, session: &Session) -> anyhow::Result<()> {
    let asked = query(&[
        ("follow", Some("true".to_owned())),
        ("from", args.from.clone()),
        ("key", args.key.clone()),
        ("limit", args.limit.map(|limit| limit.to_string())),
    ]);
    let path = session.pipeline_route(&args.pipeline, &["outputs"])? + &asked;
    remark_standstill(session, &args.pipeline)?;
    let mut events = session.client.follow(&path)?;
    let mut outputs = 0;
    while let Some((name, data)) = events.next_raw()? {
        outputs += u64::from(name == "output");
        match name.as_str() {
            "output" if session.output == Output::Text => out(&line(&data)?),
            "output" => out(data.get()),
            "shown" => {
                let place: Value = understood(data.get().as_bytes())?;
                let text = |field: &str| place[field].as_str().unwrap_or_default().to_owned();
                remark(&format!(
                    "following {} (stream {})",
                    text("subjects"),
                    text("stream")
                ));
            }
            other => remark_aside(other, &understood(data.get().as_bytes())?)?,
        }
    }
    check_end(outputs, args.limit)
}

/// Reads what a server of another version may have written in another way.
fn understood<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).map_err(|cause| {
        super::error::misuse(
            format!("the server's answer is not understood: {cause}"),
            "use a command line of the server's version, or --output json",
        )
    })
}

/// Subject and payload.
fn line(output: &RawValue) -> anyhow::Result<String> {
    let output: OutputView = understood(output.get().as_bytes())?;
    let value = match output.encoding.as_str() {
        "json" => output.value.get().to_owned(),
        kind => {
            let text: String = understood(output.value.get().as_bytes())?;
            if kind == "base64" {
                format!("(base64) {text}")
            } else {
                text
            }
        }
    };
    Ok(printable(&format!("{} {value}", output.subject)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> String {
        line(&RawValue::from_string(json.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn an_output_is_shown_as_it_was_written_and_moves_no_cursor() {
        let json = r#"{"sequence":7,"subject":"a.b","stored_ms":1,"encoding":"json","value":{"n":123456789012345678901,"a":1}}"#;
        assert_eq!(shown(json), r#"a.b {"n":123456789012345678901,"a":1}"#);
        let text = r#"{"sequence":7,"subject":"a.b","stored_ms":1,"encoding":"text","value":"x\u001b[2J"}"#;
        assert_eq!(shown(text), "a.b x\\u{1b}[2J");
        let bytes = r#"{"sequence":7,"subject":"a.b","stored_ms":1,"encoding":"base64","value":"AP8="}"#;
        assert_eq!(shown(bytes), "a.b (base64) AP8=");
    }
}
