//! `tailrace pipeline candidate`, `promote` and `abandon`: a revision beside the active one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::cli::{
    client::read,
    global::Session,
    screen::{count, facts, micros, short, table},
};

/// Characters of a message that an example shows.
const SHOWN_CHARS: usize = 60;

#[derive(Deserialize)]
struct View {
    active_revision: u64,
    #[serde(default)]
    candidate: Option<CandidateView>,
    #[serde(default)]
    last_candidate: Option<EndedView>,
    #[serde(default)]
    found: Option<FoundView>,
}

#[derive(Deserialize)]
struct CandidateView {
    revision: u64,
    mode: String,
    #[serde(default)]
    share_ppm: Option<u32>,
}

#[derive(Deserialize)]
struct EndedView {
    revision: u64,
    reason: String,
}

#[derive(Deserialize)]
struct FoundView {
    compared: u64,
    differences: BTreeMap<String, u64>,
    examples: Vec<ExampleView>,
    active: SideView,
    candidate: SideView,
}

#[derive(Deserialize)]
struct ExampleView {
    kind: String,
    sequence: u64,
    key: String,
    active: ShownView,
    candidate: ShownView,
}

#[derive(Deserialize)]
struct ShownView {
    verdict: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    payload: Option<ExcerptView>,
}

#[derive(Deserialize)]
struct ExcerptView {
    text: String,
}

#[derive(Deserialize)]
struct SideView {
    events: u64,
    errors: u64,
    codes: BTreeMap<String, u64>,
    fuel: u64,
    latency: LatencyView,
}

#[derive(Deserialize)]
struct LatencyView {
    p50_us: Option<f64>,
    p99_us: Option<f64>,
}

#[derive(Deserialize)]
struct AppliedView {
    revision: u64,
}

/// Shows what was found of the candidate.
pub fn show(name: &str, session: &Session) -> anyhow::Result<()> {
    let answer = session
        .client
        .get(&session.pipeline_route(name, &["candidate"])?)?;
    session.output.show(&answer, || Ok(told(name, &read(&answer)?)))
}

/// Makes it the active revision.
pub fn promote(name: &str, session: &Session) -> anyhow::Result<()> {
    let answer = session.client.post(
        &session.pipeline_route(name, &["candidate", "promote"])?,
        &json!({}),
    )?;
    session.output.show(&answer, || {
        let AppliedView { revision } = read(&answer)?;
        Ok(format!("{name} runs revision {revision}"))
    })
}

/// Ends it.
pub fn abandon(name: &str, session: &Session) -> anyhow::Result<()> {
    let answer = session
        .client
        .delete(&session.pipeline_route(name, &["candidate"])?)?;
    session.output.show(&answer, || {
        let AppliedView { revision } = read(&answer)?;
        Ok(format!("{name} runs revision {revision} alone"))
    })
}

fn told(name: &str, view: &View) -> String {
    let mut parts = Vec::new();
    let active = view.active_revision;
    parts.push(match &view.candidate {
        Some(CandidateView {
            revision,
            mode,
            share_ppm,
        }) => {
            let share = share_ppm.map(|ppm| format!(", {} % of the keys", f64::from(ppm) / 1e4));
            format!(
                "{name}: revision {revision} runs beside revision {active} as a {mode}{}",
                share.unwrap_or_default()
            )
        }
        None => format!("{name}: nothing runs beside revision {active}"),
    });
    if let Some(EndedView { revision, reason }) = &view.last_candidate {
        parts.push(format!("revision {revision} ended: {reason}"));
    }
    if let Some(found) = &view.found {
        parts.push(sides(found));
        if found.compared > 0 {
            parts.push(differences(found));
        }
    }
    parts.join("\n\n")
}

fn sides(found: &FoundView) -> String {
    let time = |us: Option<f64>| us.map_or("-".to_owned(), micros);
    let row = |what: &str, side: &SideView| {
        let codes = side.codes.iter().map(|(code, times)| format!("{code} {times}"));
        vec![
            what.to_owned(),
            count(side.events),
            count(side.errors),
            count(side.fuel.checked_div(side.events).unwrap_or_default()),
            time(side.latency.p50_us),
            time(side.latency.p99_us),
            codes.collect::<Vec<_>>().join(", "),
        ]
    };
    table(
        &[
            "",
            "events>",
            "errors>",
            "fuel an event>",
            "p50>",
            "p99>",
            "codes",
        ],
        [row("active", &found.active), row("candidate", &found.candidate)],
    )
}

fn differences(found: &FoundView) -> String {
    let different: u64 = found.differences.values().sum();
    let kinds = found
        .differences
        .iter()
        .map(|(kind, times)| format!("{kind} {times}"));
    let summary = facts(&[
        ("compared", count(found.compared)),
        ("different", count(different)),
        ("by kind", kinds.collect::<Vec<_>>().join(", ")),
    ]);
    let side = |shown: &ShownView| {
        let code = shown
            .code
            .as_deref()
            .map_or(String::new(), |code| format!(" {code}"));
        let text = shown.payload.as_ref().map_or("", |payload| &payload.text);
        short(&format!("{}{code} {text}", shown.verdict), SHOWN_CHARS)
    };
    let row = |example: &ExampleView| {
        vec![
            example.kind.clone(),
            example.sequence.to_string(),
            short(&example.key, SHOWN_CHARS),
            side(&example.active),
            side(&example.candidate),
        ]
    };
    if found.examples.is_empty() {
        return summary;
    }
    let headings = ["differs in", "sequence>", "key", "active", "candidate"];
    format!(
        "{summary}\n\n{}",
        table(&headings, found.examples.iter().map(row))
    )
}
