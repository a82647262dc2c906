//! `tailrace plugin test`: flags into a rehearsal, its reports onto the screen.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use tailrace_core::{
    manifest::{Extract, SketchManifest, VectorManifest},
    name::Name,
    ports::plugins::{Admitted, PluginRuntime as _},
    units::{Bytes as Size, Span},
};
use tailrace_server::system::SystemClock;
use tailrace_store::{SledStore, StoreOptions};

use super::{present, sandbox::Sandbox};
use crate::{
    cli::{error::misuse, screen::Output},
    plugin_test::{
        build,
        events::EventFile,
        project::Project,
        rehearsal::{Played, Rehearsal},
        report::Summary,
        setting::{Setting, Wishes, read_config, read_pipeline},
        tables::GivenTable,
    },
};

/// What to run on what.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct TestArgs {
    /// A .wasm file, or the folder of a project, which is built first.
    file: PathBuf,
    /// File of events, one on each line.
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    /// Read each line as an envelope: {"subject":…,"headers":{…},"time_ms":…,"payload":…}.
    #[arg(long)]
    envelopes: bool,
    /// Config of the step, in JSON or YAML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Take config, grants, limits, key, vectors and sketches from a step of this pipeline [default:
    /// pipeline.yaml of the project's folder].
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// Step of the pipeline, if several steps could be meant.
    #[arg(long)]
    step: Option<String>,
    /// Place of an event's key as a JSON pointer, such as /user [default: the subject].
    #[arg(long, value_name = "POINTER")]
    key: Option<String>,
    /// Subject of the events.
    #[arg(long, default_value = "events")]
    subject: String,
    /// Subject of emitted messages, with {key} for the key [default: results.{key}].
    #[arg(long, value_name = "SUBJECT")]
    out_subject: Option<String>,
    /// A collection of vectors. The flag may be repeated.
    #[arg(long, value_name = "NAME:DIMENSIONS[:METRIC]", value_parser = vectors)]
    vectors: Vec<(Name, VectorManifest)>,
    /// A sketch that the plugin feeds. The flag may be repeated.
    #[arg(long, value_name = "NAME:KIND", value_parser = sketch)]
    sketch: Vec<(Name, SketchManifest)>,
    /// Rows of a table: a file with one JSON object, whose members are the rows by key. The flag may be repeated.
    #[arg(long, value_name = "NAME=FILE", value_parser = given_table)]
    table: Vec<(Name, PathBuf)>,
    /// Fuel of a call, about one unit for each instruction.
    #[arg(long, help_heading = "Limits of the step")]
    fuel: Option<u64>,
    /// Linear memory, such as 16MiB.
    #[arg(long, help_heading = "Limits of the step")]
    memory: Option<Size>,
    /// Wall time of a call, such as 50ms.
    #[arg(long, help_heading = "Limits of the step")]
    deadline: Option<Span>,
    /// After the last event, fire all timers that are left, each at its own time.
    #[arg(long)]
    to_the_end: bool,
    /// Print the summary only.
    #[arg(short, long)]
    quiet: bool,
    /// Exit with 1 for rejected events, too.
    #[arg(long)]
    strict: bool,
}

/// Runs it.
pub fn run(args: TestArgs, output: Output) -> anyhow::Result<()> {
    let is_folder = args.file.is_dir();
    let project = if is_folder {
        Some(Project::open(&args.file)?)
    } else {
        None
    };
    let sandbox = Sandbox::new()?;
    let admitted = match &project {
        Some(project) => build::build(project, &sandbox.runtime)?.admitted,
        None => read_component(&args.file, &sandbox)?,
    };
    let plugin = sandbox.runtime.load(admitted.digest, &admitted.component)?;
    let events = EventFile::open(&args.events, &args.subject, args.envelopes)?;
    let (is_quiet, is_strict, to_the_end) = (args.quiet, args.strict, args.to_the_end);
    let tables = args.table.iter();
    let tables = tables.map(|(name, path)| GivenTable::read(name.clone(), path));
    let tables = tables.collect::<anyhow::Result<Vec<_>>>()?;
    let setting = Setting::new(wishes(args, project)?, &admitted)?;
    let store = SledStore::open(sandbox.state_folder(), StoreOptions::default())?;
    let mut rehearsal = Rehearsal::new(setting, plugin, &store, Arc::new(SystemClock::new()))?;
    for table in tables {
        rehearsal.fill(table)?;
    }
    let mut summary = play(&mut rehearsal, events, is_quiet, output)?;
    if to_the_end && summary.paused.is_none() {
        show(rehearsal.play_to_the_end()?, &mut summary, is_quiet, output)?;
    }
    summary.warnings = rehearsal.warnings();
    output.line(&serde_json::json!({ "summary": summary }), || {
        present::summary(&summary)
    })?;
    if summary.is_good(is_strict) {
        return Ok(());
    }
    Err(misuse(
        "not every event went well",
        "look at the events above that say so",
    ))
}

fn read_component(file: &Path, sandbox: &Sandbox) -> anyhow::Result<Admitted> {
    if let Some(project) = Project::around(file) {
        project.check_fresh(file)?;
    }
    let upload = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    build::admit(&sandbox.runtime, upload)
}

fn play(
    rehearsal: &mut Rehearsal,
    events: EventFile,
    is_quiet: bool,
    output: Output,
) -> anyhow::Result<Summary> {
    let mut summary = Summary::default();
    for event in events {
        show(rehearsal.play(event?)?, &mut summary, is_quiet, output)?;
        if summary.paused.is_some() {
            break;
        }
    }
    Ok(summary)
}

fn show(played: Vec<Played>, summary: &mut Summary, is_quiet: bool, output: Output) -> anyhow::Result<()> {
    for played in played {
        match played {
            Played::Done(report) => {
                summary.add(&report);
                if !is_quiet {
                    output.line(&report, || present::event(&report))?;
                }
            }
            Played::Paused(why) => summary.paused = Some(why),
        }
    }
    Ok(())
}

fn wishes(args: TestArgs, project: Option<Project>) -> anyhow::Result<Wishes> {
    let usual = project
        .as_ref()
        .map(|project| project.folder.join("pipeline.yaml"))
        .filter(|path| path.is_file());
    let pipeline = args.pipeline.or(usual);
    Ok(Wishes {
        pipeline: pipeline.map(|path| read_pipeline(&path)).transpose()?,
        step: args.step,
        plugin: project.map(|project| project.name),
        config: args.config.map(|path| read_config(&path)).transpose()?,
        fuel: args.fuel,
        memory: args.memory,
        deadline: args.deadline,
        key: args.key.map(Extract::Json),
        out_subject: args.out_subject,
        vectors: args.vectors,
        sketches: args.sketch,
        tables: args.table.into_iter().map(|(name, _)| name).collect(),
    })
}

/// Reads `items:32:dot`.
fn vectors(text: &str) -> Result<(Name, VectorManifest), String> {
    let wrong = || {
        format!(
            "{text:?} is no collection: write name:dimensions or name:dimensions:metric, such as items:32:dot"
        )
    };
    let mut parts = text.split(':');
    let name = parts
        .next()
        .and_then(|name| Name::new(name).ok())
        .ok_or_else(wrong)?;
    let dimensions = parts
        .next()
        .and_then(|dimensions| dimensions.parse().ok())
        .ok_or_else(wrong)?;
    let metric = parts.next().map(|metric| serde_json::from_value(metric.into()));
    let metric = metric.transpose().map_err(|_| wrong())?.unwrap_or_default();
    if parts.next().is_some() {
        Err(wrong())
    } else {
        let search = tailrace_core::vectors::Search::default();
        Ok((
            name,
            VectorManifest {
                dimensions,
                metric,
                search,
            },
        ))
    }
}

/// Reads `customers=customers.json`.
fn given_table(text: &str) -> Result<(Name, PathBuf), String> {
    let wrong = || format!("{text:?} gives no rows: write name=file, such as customers=customers.json");
    let (name, file) = text.split_once('=').ok_or_else(wrong)?;
    Ok((Name::new(name).map_err(|_| wrong())?, PathBuf::from(file)))
}

/// Reads `users:distinct`.
fn sketch(text: &str) -> Result<(Name, SketchManifest), String> {
    let wrong = || {
        format!(
            "{text:?} is no sketch: write name:kind with quantiles, distinct or top, such as users:distinct"
        )
    };
    let (name, kind) = text.split_once(':').ok_or_else(wrong)?;
    let kind = serde_json::from_value(kind.into()).map_err(|_| wrong())?;
    Ok((Name::new(name).map_err(|_| wrong())?, SketchManifest::of(kind)))
}
