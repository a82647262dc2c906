//! `tailrace plugin new`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::{
    cli::screen::Output,
    plugin_test::scaffold::{self, Language, Wanted},
};

/// What to make.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Name of the plugin, its package and its folder.
    name: String,
    /// Language of the plugin.
    #[arg(long, value_enum, default_value_t = Language::Rust, value_name = "LANGUAGE")]
    lang: Language,
    /// Folder of the Rust SDK [default: its sources are laid beside the plugin].
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
}

/// The way on, whatever the language.
const ONWARD: [&str; 4] = [
    "tailrace plugin build",
    "tailrace plugin test . --events events.jsonl",
    "tailrace plugin push .",
    "tailrace pipeline apply -f pipeline.yaml",
];

/// Makes it, and prints how to go on.
pub fn run(args: &NewArgs, output: Output) -> anyhow::Result<()> {
    let wanted = Wanted {
        name: &args.name,
        language: args.lang,
        sdk: args.sdk.as_deref(),
    };
    let folder = scaffold::create(Path::new("."), &wanted)?;
    let enter = format!("cd {}", args.name);
    let next = [&[&*enter], args.lang.test(), &ONWARD].concat();
    output.show(&json!({ "folder": folder, "next": next }), || {
        Ok(format!(
            "{} is made; next:\n  {}",
            folder.display(),
            next.join("\n  ")
        ))
    })
}
