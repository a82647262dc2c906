//! `tailrace plugin new`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::{cli::screen::Output, plugin_test::scaffold};

/// What to make.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Name of the plugin, its package and its folder.
    name: String,
    /// Folder of the SDK [default: its sources are laid beside the plugin].
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
}

/// Makes it, and prints how to go on.
pub fn run(args: &NewArgs, output: Output) -> anyhow::Result<()> {
    let folder = scaffold::create(Path::new("."), &args.name, args.sdk.as_deref())?;
    let name = &args.name;
    let next = [
        format!("cd {name}"),
        "cargo test".to_owned(),
        "tailrace plugin build".to_owned(),
        "tailrace plugin test . --events events.jsonl".to_owned(),
        "tailrace plugin push .".to_owned(),
        "tailrace pipeline apply -f pipeline.yaml".to_owned(),
    ];
    output.show(&json!({ "folder": folder, "next": next }), || {
        Ok(format!(
            "{} is made; next:\n  {}",
            folder.display(),
            next.join("\n  ")
        ))
    })
}
