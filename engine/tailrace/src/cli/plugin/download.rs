//! `tailrace plugin download`: the component of an uploaded version, as a file.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tailrace_core::manifest::PluginRef;

use crate::cli::{error::misuse, global::Session, screen::size};

/// The file that stands for standard output.
const STDOUT: &str = "-";

/// What to download.
#[derive(Debug, Args)]
pub struct DownloadArgs {
    /// The version, as NAME@VERSION.
    #[arg(value_name = "NAME@VERSION")]
    plugin: String,
    /// The file to write, or `-` for standard output [default: NAME-VERSION.wasm].
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
}

/// Downloads it.
pub fn run(args: DownloadArgs, session: &Session) -> anyhow::Result<()> {
    let plugin: Result<PluginRef, String> = args.plugin.parse();
    let plugin = plugin.map_err(|cause| misuse(cause, "tailrace plugin list shows the versions"))?;
    let version = plugin.version.to_string();
    let route =
        session.tenant_route(&["plugins", plugin.name.as_str(), "versions", &version, "component"])?;
    let file = args
        .file
        .unwrap_or_else(|| PathBuf::from(format!("{}-{version}.wasm", plugin.name)));
    let is_stdout = file.as_os_str() == STDOUT;
    if is_stdout && std::io::stdout().is_terminal() {
        return Err(misuse(
            "a component is no text for a terminal".to_owned(),
            "name a file with --file, or send the output to a program",
        ));
    }
    let bytes = session.client.get_bytes(&route)?;
    if is_stdout {
        return Ok(std::io::stdout().lock().write_all(&bytes)?);
    }
    write(&file, &bytes, args.force)?;
    let answer = json!({ "plugin": plugin, "file": file, "size_bytes": bytes.len() });
    session.output.show(&answer, || {
        Ok(format!(
            "{plugin} is in {}, {}",
            file.display(),
            size(bytes.len() as u64)
        ))
    })
}

/// Writes a file that is not there, unless it may be replaced.
fn write(file: &Path, bytes: &[u8], force: bool) -> anyhow::Result<()> {
    let mut how = OpenOptions::new();
    how.write(true).create(force).truncate(force).create_new(!force);
    let cannot = || format!("cannot write {}", file.display());
    let mut opened = match how.open(file) {
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
            return Err(misuse(
                format!("{} is there already", file.display()),
                "name another file with --file, or replace it with --force",
            ));
        }
        opened => opened.with_context(cannot)?,
    };
    opened.write_all(bytes).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_stays_unless_it_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wasm");
        write(&file, b"long one", false).unwrap();
        assert!(write(&file, b"two", false).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"long one");
        write(&file, b"two", true).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
    }
}
