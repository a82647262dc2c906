//! `tailrace plugin push`: uploads a component, or the core module that cargo made.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use tailrace_control::command::trial::Trial;
use tailrace_core::{
    manifest::parse_version,
    name::Name,
    ports::plugins::{CompileCost, DeclaredMemory},
};
use tailrace_server::system::SystemRandom;

use super::{form::Form, sandbox::Sandbox};
use crate::{
    cli::{
        client::read,
        error::misuse,
        global::Session,
        screen::{count, facts, micros, progress, short, size},
    },
    plugin_test::{build, project::Project, setting::read_config, stamp},
};

/// Longest reason on a line; the whole is in the JSON output.
const MAX_REASON: usize = 160;

/// What to upload.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// A .wasm file, or the folder of a project, which is built first.
    file: PathBuf,
    /// Name of the plugin [default: the one that it was built as].
    #[arg(long)]
    name: Option<String>,
    /// Version of the plugin [default: the one that it was built as].
    #[arg(long = "version", value_name = "VERSION")]
    plugin_version: Option<String>,
    /// Config to try the plugin with, in JSON or YAML. If the plugin refuses it, nothing is uploaded.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Payload of an event to try the plugin on. The answer shows the verdict and the cost.
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
}

#[derive(Deserialize)]
struct VersionView {
    digest: String,
    size_bytes: u64,
    imports: Vec<String>,
    memory: DeclaredMemory,
    compiled: Option<CompileCost>,
    trial: Trial,
}

/// Uploads it.
pub fn run(args: PushArgs, session: &Session) -> anyhow::Result<()> {
    let is_folder = args.file.is_dir();
    let project = if is_folder {
        Some(Project::open(&args.file)?)
    } else {
        None
    };
    let trial = trial_parts(&args)?;
    let file = match &project {
        Some(project) => build::build(project, &Sandbox::new()?.runtime)?.path,
        None => args.file.clone(),
    };
    let (name, version) = identify(args, project, &file)?;
    let answer = upload(
        &file,
        &session.tenant_route(&["plugins", &name, "versions", &version])?,
        &trial,
        session,
    )?;
    session.output.show(&answer, || {
        Ok(present(&format!("{name}@{version}"), &read(&answer)?))
    })
}

/// What the plugin is tried with, as parts of a form.
fn trial_parts(args: &PushArgs) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut parts = Vec::new();
    if let Some(path) = &args.config {
        // Read here too, so that a file that reads in no way is named.
        read_config(path)?;
        parts.push(("config", std::fs::read(path)?));
    }
    if let Some(path) = &args.event {
        let event = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        parts.push(("event", event));
    }
    Ok(parts)
}

/// What `configure` says, or why it did not come to that.
fn configured(trial: &Trial) -> String {
    match (&trial.refusal, trial.needs_memory) {
        (None, _) => "takes the config".to_owned(),
        (Some(_), Some(enough)) => {
            format!("not tried, for it needs more memory: write limits: {{ memory: {enough} }} in the step")
        }
        (Some(why), None) => format!("needs a config: {}", short(why, MAX_REASON)),
    }
}

fn present(plugin: &str, version: &VersionView) -> String {
    let DeclaredMemory {
        initial_bytes,
        maximum_bytes,
    } = version.memory;
    let maximum = maximum_bytes.map_or("no maximum of its own".to_owned(), |most| {
        format!("at most {}", size(most))
    });
    let compiled = version.compiled.map_or("was compiled before".to_owned(), |cost| {
        format!("{} ms, {}", count(cost.processor_ms), size(cost.artefact_bytes))
    });
    let configured = configured(&version.trial);
    let mut lines = vec![
        ("plugin", plugin.to_owned()),
        ("size", size(version.size_bytes)),
        ("imports", version.imports.join(", ")),
        ("memory", format!("{}, {maximum}", size(initial_bytes))),
        ("compiled", compiled),
        ("configure", configured),
    ];
    if let Some(event) = &version.trial.event {
        let reason = event.reason.as_deref();
        let reason = reason.map_or(String::new(), |why| format!(": {}", short(why, MAX_REASON)));
        lines.push(("event", format!("{}{reason}", event.verdict)));
        lines.push((
            "cost",
            format!(
                "fuel {}, {}, {} of memory",
                count(event.fuel),
                micros(event.took_us as f64),
                size(event.memory_bytes)
            ),
        ));
    }
    lines.push(("digest", version.digest.clone()));
    facts(&lines)
}

/// Name and version: as given, else those that it was built as, else those of the project that the file lies in.
/// Checked here too, so that nothing is uploaded for a misspelt version, or under one that it was not built as.
fn identify(args: PushArgs, project: Option<Project>, file: &Path) -> anyhow::Result<(String, String)> {
    let is_folder = project.is_some();
    let project = project.or_else(|| Project::around(file));
    if let Some(project) = project.as_ref().filter(|_| !is_folder) {
        project.check_fresh(file)?;
    }
    let description = project.as_ref().map_or("its project", Project::description);
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let said = stamp::read(&bytes);
    let (name, version) = match (args.name, args.plugin_version, &said) {
        (Some(name), Some(version), _) => (name, version),
        (name, version, Some(said)) => (
            name.unwrap_or_else(|| said.0.clone()),
            version.unwrap_or_else(|| said.1.clone()),
        ),
        (name, version, None) => {
            let unsaid = || {
                misuse(
                    "name and version of the plugin are not known",
                    "give both with --name and --version",
                )
            };
            let project = project.ok_or_else(unsaid)?;
            (name.unwrap_or(project.name), version.unwrap_or(project.version))
        }
    };
    if let Some((built_name, built)) = said.filter(|said| *said != (name.clone(), version.clone())) {
        return Err(misuse(
            format!(
                "{} was built as {built_name}@{built}, and is not {name}@{version}",
                file.display()
            ),
            format!(
                "write the version into {description} and build again, or leave --name and --version out"
            ),
        ));
    }
    Name::new(&name).map_err(|cause| misuse(cause.to_string(), "choose such a name with --name"))?;
    parse_version(&version).map_err(|cause| misuse(cause, "choose such a version with --version"))?;
    Ok((name, version))
}

fn upload(
    path: &Path,
    route: &str,
    trial: &[(&str, Vec<u8>)],
    session: &Session,
) -> anyhow::Result<serde_json::Value> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let length = file.metadata()?.len();
    let bar = progress(length, "uploading");
    let mut file = bar.wrap_read(file);
    let answer = if trial.is_empty() {
        session
            .client
            .upload(route, &mut file, length, "application/wasm")
    } else {
        let form = Form::new(trial, &SystemRandom);
        let kind = form.content_type();
        let (mut body, whole) = form.around(file, length);
        session.client.upload(route, &mut body, whole, &kind)
    };
    bar.finish_and_clear();
    answer
}
