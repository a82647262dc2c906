//! The cases that hold for all languages, and a run of them in `tailrace plugin test`.

use std::{fmt::Write as _, path::Path};

use anyhow::Context as _;
use serde_json::Value;
use tailrace_tests::files;

use super::project::tailrace;

/// The limits of a case's call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limits {
    /// Those of the pipeline, where fuel ends first.
    Narrow,
    /// Time ends first.
    Time,
    /// Memory ends first, however slow the machine is.
    Memory,
}

impl Limits {
    fn flags(self) -> &'static [&'static str] {
        const FUEL: &str = "100000000000";
        match self {
            Self::Narrow => &[],
            Self::Time => &["--fuel", FUEL, "--deadline", "300ms"],
            Self::Memory => &["--fuel", FUEL, "--deadline", "10s"],
        }
    }
}

/// An event and what must come of it. What `expect` does not name may be anything.
pub struct Case {
    event: Value,
    expect: serde_json::Map<String, Value>,
    /// The timers that fire before it, in order, and what must come of each.
    fired: Vec<serde_json::Map<String, Value>>,
    /// What the language's SDK must have for it.
    needs: Option<String>,
    /// What ends its call first, where that is not the pipeline's fuel.
    limits: Limits,
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
        Self::read("cases.jsonl")
    }

    /// All of them, and then those of a language: what is easily got wrong there.
    pub fn with_those_of(language: &str) -> anyhow::Result<Vec<Self>> {
        let mut cases = Self::all()?;
        cases.extend(Self::read(&format!("{language}/cases.jsonl"))?);
        Ok(cases)
    }

    fn read(file: &str) -> anyhow::Result<Vec<Self>> {
        let path = files::root().join("tests/conformance").join(file);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        text.lines()
            .map(|line| {
                let mut case: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
                let expect = case["expect"].as_object().context("a case expects something")?;
                let fired = case["fired"].as_array().into_iter().flatten();
                let fired = fired.map(|fired| fired.as_object().cloned().context("a timer is an object"));
                Ok(Self {
                    expect: expect.clone(),
                    fired: fired.collect::<anyhow::Result<_>>()?,
                    needs: case["needs"].as_str().map(str::to_owned),
                    limits: match case["limits"].as_str() {
                        None => Limits::Narrow,
                        Some("time") => Limits::Time,
                        Some("memory") => Limits::Memory,
                        Some(other) => anyhow::bail!("no limits are called {other}"),
                    },
                    event: case["event"].take(),
                })
            })
            .collect()
    }
}

/// Runs a plugin, a file or a project, through the cases. All that differ are told at once.
pub fn check(plugin: &Path, cases: &[Case]) -> anyhow::Result<()> {
    let mut wrong = String::new();
    for limits in [Limits::Narrow, Limits::Time, Limits::Memory] {
        let cases: Vec<_> = cases.iter().filter(|case| case.limits == limits).collect();
        wrong += &differences(&cases, &play(plugin, &cases, limits.flags())?);
    }
    anyhow::ensure!(wrong.is_empty(), "{}:\n{wrong}", plugin.display());
    // What is random is so by the event: another run draws the same.
    let draws: Vec<_> = cases
        .iter()
        .filter(|case| case.event["subject"] == "c.random")
        .collect();
    let drawn = |played: Vec<Played>| played[0].report["messages"][0]["payload"].clone();
    let (first, again) = (
        drawn(play(plugin, &draws, &[])?),
        drawn(play(plugin, &draws, &[])?),
    );
    anyhow::ensure!(first == again, "{first} and then {again}");
    Ok(())
}

/// The report of an event, and of the timers that fired before it.
struct Played {
    fired: Vec<Value>,
    report: Value,
}

/// What came of each event.
fn play(plugin: &Path, cases: &[&Case], limits: &[&str]) -> anyhow::Result<Vec<Played>> {
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
        .arg("--table")
        .arg(rows()?)
        .args(limits)
        .arg(plugin);
    let done = command.output()?;
    let (mut played, mut fired) = (Vec::new(), Vec::new());
    for line in String::from_utf8_lossy(&done.stdout).lines() {
        let report: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        if report["timer"].is_null() {
            let fired = std::mem::take(&mut fired);
            played.push(Played { fired, report });
        } else {
            fired.push(report);
        }
    }
    // One report an event, and the summary.
    anyhow::ensure!(
        played.len() == cases.len() + 1,
        "{} reports of {} events: {}",
        played.len(),
        cases.len(),
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(played)
}

/// The rows of the table, as an argument.
fn rows() -> anyhow::Result<String> {
    let file = files::root().join("tests/conformance/rows.json");
    Ok(format!("tiers={}", file.to_str().context("a path in UTF-8")?))
}

fn differences(cases: &[&Case], played: &[Played]) -> String {
    let mut found = String::new();
    for (case, Played { fired, report }) in cases.iter().zip(played) {
        let event = &case.event;
        if case.fired.len() != fired.len() {
            let _ = writeln!(
                found,
                "{event}\n  {} timers expected, and {fired:?}",
                case.fired.len()
            );
        }
        let of_timers = case.fired.iter().zip(fired);
        for (expect, report) in of_timers.chain([(&case.expect, report)]) {
            for (name, expected) in expect {
                if !is_as_expected(name, expected, &report[name]) {
                    let _ = writeln!(found, "{event}\n  {name}: {expected} expected, in {report}");
                }
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
