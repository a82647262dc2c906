//! The cases that hold for all languages, and a run of them in `tailrace plugin test`.

use std::{fmt::Write as _, path::Path};

use anyhow::Context as _;
use serde_json::Value;
use tailrace_tests::files;

use super::project::tailrace;

/// An event and what must come of it. What `expect` does not name may be anything.
pub struct Case {
    event: Value,
    expect: serde_json::Map<String, Value>,
    /// What the language's SDK must have for it.
    needs: Option<String>,
    /// Whether the limits of its call are wide, so that time or memory ends first.
    is_wide: bool,
}

impl Case {
    /// Those for an SDK that lacks this, in order: later ones read the state that earlier ones wrote.
    pub fn without(lacking: &[&str]) -> anyhow::Result<Vec<Self>> {
        let mut cases = Self::all()?;
        cases.retain(|case| {
            case.needs
                .as_deref()
                .is_none_or(|needs| !lacking.contains(&needs))
        });
        Ok(cases)
    }

    /// All of them, in order.
    pub fn all() -> anyhow::Result<Vec<Self>> {
        let text = std::fs::read_to_string(files::root().join("tests/conformance/cases.jsonl"))?;
        text.lines()
            .map(|line| {
                let mut case: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
                let expect = case["expect"].as_object().context("a case expects something")?;
                Ok(Self {
                    expect: expect.clone(),
                    needs: case["needs"].as_str().map(str::to_owned),
                    is_wide: case["limits"] == "wide",
                    event: case["event"].take(),
                })
            })
            .collect()
    }
}

/// Runs a plugin, a file or a project, through the cases. All that differ are told at once.
pub fn check(plugin: &Path, cases: &[Case]) -> anyhow::Result<()> {
    let (wide, narrow): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.is_wide);
    let mut wrong = differences(&narrow, &play(plugin, &narrow, &[])?);
    let limits = ["--fuel", "100000000000", "--deadline", "300ms"];
    wrong += &differences(&wide, &play(plugin, &wide, &limits)?);
    anyhow::ensure!(wrong.is_empty(), "{}:\n{wrong}", plugin.display());
    // What is random is so by the event: another run draws the same.
    let draws: Vec<_> = narrow
        .into_iter()
        .filter(|case| case.event["subject"] == "c.random")
        .collect();
    let drawn = |reports: Vec<Value>| reports[0]["messages"][0]["payload"].clone();
    let (first, again) = (
        drawn(play(plugin, &draws, &[])?),
        drawn(play(plugin, &draws, &[])?),
    );
    anyhow::ensure!(first == again, "{first} and then {again}");
    Ok(())
}

/// The report of each event.
fn play(plugin: &Path, cases: &[&Case], limits: &[&str]) -> anyhow::Result<Vec<Value>> {
    let folder = tempfile::tempdir()?;
    let events = folder.path().join("events.jsonl");
    let mut text = String::new();
    for case in cases {
        writeln!(text, "{}", case.event)?;
    }
    std::fs::write(&events, text)?;
    let mut command = tailrace()?;
    command
        .args(["plugin", "test", "--envelopes", "--output", "json", "--events"])
        .arg(&events)
        .arg("--pipeline")
        .arg(files::root().join("tests/conformance/pipeline.yaml"))
        .args(limits)
        .arg(plugin);
    let done = command.output()?;
    let mut reports = Vec::new();
    for line in String::from_utf8_lossy(&done.stdout).lines() {
        reports.push(serde_json::from_str(line).with_context(|| line.to_owned())?);
    }
    // One report an event, and the summary.
    anyhow::ensure!(
        reports.len() == cases.len() + 1,
        "{} reports of {} events: {}",
        reports.len(),
        cases.len(),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(reports)
}

fn differences(cases: &[&Case], reports: &[Value]) -> String {
    let mut found = String::new();
    for (case, report) in cases.iter().zip(reports) {
        for (name, expected) in &case.expect {
            if !is_as_expected(name, expected, &report[name]) {
                let event = &case.event;
                let _ = writeln!(found, "{event}\n  {name}: {expected} expected, in {report}");
            }
        }
    }
    found
}

fn is_as_expected(name: &str, expected: &Value, found: &Value) -> bool {
    let found_list = found.as_array();
    match name {
        "reason" => found
            .as_str()
            .zip(expected.as_str())
            .is_some_and(|(found, part)| found.contains(part)),
        "sketches" => found_list.map(Vec::len) == expected.as_u64().map(|count| count as usize),
        "log" => {
            let text = |line: &Value| line.as_str().map(str::to_owned);
            let line = |line: &Value| {
                Some(format!(
                    "{}: {}",
                    line["level"].as_str()?,
                    line["message"].as_str()?
                ))
            };
            let lines = |list: Option<&Vec<Value>>, read: &dyn Fn(&Value) -> Option<String>| {
                list.map(|list| list.iter().map(read).collect::<Vec<_>>())
            };
            lines(found_list, &line) == lines(expected.as_array(), &text)
        }
        "messages" => {
            let holds = |(expected, found): (&Value, &Value)| {
                let mut fields = expected.as_object().into_iter().flatten();
                fields.all(|(name, value)| found[name] == *value)
            };
            found_list
                .zip(expected.as_array())
                .is_some_and(|(found, expected)| {
                    found.len() == expected.len() && expected.iter().zip(found).all(holds)
                })
        }
        _ => found == expected,
    }
}
