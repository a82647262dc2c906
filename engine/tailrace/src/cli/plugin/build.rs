//! `tailrace plugin build`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::sandbox::Sandbox;
use crate::{
    cli::screen::{Output, facts, size},
    plugin_test::{build, project::Project},
};

/// What to build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Folder of the project.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    path: PathBuf,
}

/// Builds it, and prints what it became.
pub fn run(args: &BuildArgs, output: Output) -> anyhow::Result<()> {
    let project = Project::open(&args.path)?;
    let sandbox = Sandbox::new()?;
    let built = build::build(&project, &sandbox.runtime)?;
    let bytes = built.admitted.component.len() as u64;
    let answer = json!({
        "path": built.path,
        "name": project.name,
        "version": project.version,
        "size_bytes": bytes,
        "digest": built.admitted.digest,
        "imports": built.admitted.imports,
    });
    output.show(&answer, || {
        let imports: Vec<String> = built
            .admitted
            .imports
            .iter()
            .map(|import| format!("{import:?}").to_lowercase())
            .collect();
        let imports = if imports.is_empty() {
            "nothing, so it needs no grants".to_owned()
        } else {
            format!("{}; a step that runs it is granted these", imports.join(", "))
        };
        Ok(facts(&[
            ("component", built.path.display().to_string()),
            ("version", format!("{}@{}", project.name, project.version)),
            ("size", size(bytes)),
            ("imports", imports),
            ("digest", built.admitted.digest.to_string()),
        ]))
    })
}
