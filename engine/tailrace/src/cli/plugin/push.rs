//! `tailrace plugin push`: uploads a component, or the core module that cargo made.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use tailrace_core::{name::Name, spec::parse_version};

use crate::{
    cli::{
        client::read,
        error::misuse,
        global::Session,
        screen::{facts, progress, size},
    },
    offline::project::Project,
};

/// What to upload.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// A .wasm file, or the folder of a project that was built.
    file: PathBuf,
    /// Name of the plugin [default: the package's].
    #[arg(long)]
    name: Option<String>,
    /// Version to upload it as [default: the package's].
    #[arg(long = "version", value_name = "VERSION")]
    plugin_version: Option<String>,
}

#[derive(Deserialize)]
struct VersionView {
    digest: String,
    size_bytes: u64,
    imports: Vec<String>,
}

/// Uploads it.
pub fn run(args: PushArgs, session: &Session) -> anyhow::Result<()> {
    let is_folder = args.file.is_dir();
    let project = if is_folder {
        Some(Project::open(&args.file)?)
    } else {
        None
    };
    let file = match &project {
        Some(project) => project.built()?,
        None => args.file.clone(),
    };
    let (name, version) = identify(args, project)?;
    let answer = upload(
        &file,
        &session.tenant_route(&["plugins", &name, "versions", &version])?,
        session,
    )?;
    session.output.show(&answer, || {
        let VersionView {
            digest,
            size_bytes,
            imports,
        } = read(&answer)?;
        Ok(facts(&[
            ("plugin", format!("{name}@{version}")),
            ("size", size(size_bytes)),
            ("imports", imports.join(", ")),
            ("digest", digest),
        ]))
    })
}

/// Name and version: as given, else those of the project that the file lies in. Checked here too, so
/// that nothing is uploaded for a misspelt version.
fn identify(args: PushArgs, project: Option<Project>) -> anyhow::Result<(String, String)> {
    let around = || project.or_else(|| Project::around(&args.file));
    let (name, version) = match (args.name, args.plugin_version) {
        (Some(name), Some(version)) => (name, version),
        (name, version) => {
            let unsaid = || {
                misuse(
                    "name and version of the plugin are not known",
                    "give both with --name and --version",
                )
            };
            let project = around().ok_or_else(unsaid)?;
            (name.unwrap_or(project.name), version.unwrap_or(project.version))
        }
    };
    Name::new(&name).map_err(|cause| misuse(cause.to_string(), "choose such a name with --name"))?;
    parse_version(&version).map_err(|cause| misuse(cause, "choose such a version with --version"))?;
    Ok((name, version))
}

fn upload(path: &Path, route: &str, session: &Session) -> anyhow::Result<serde_json::Value> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let length = file.metadata()?.len();
    let bar = progress(length, "uploading");
    let answer = session
        .client
        .upload(route, &mut bar.wrap_read(file), length, "application/wasm");
    bar.finish_and_clear();
    answer
}
