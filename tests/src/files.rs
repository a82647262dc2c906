//! Where things lie: the built binary, the built plugins, the shared data.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The top of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("/"))
        .to_owned()
}

/// The folder that cargo builds into, from where this test or program itself lies.
pub fn built() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().context("a program lies in a folder")?;
    // Tests lie one folder deeper than the binaries.
    let profile = match folder.file_name() {
        Some(name) if name == "deps" => folder.parent().context("deps lies in a folder")?,
        _ => folder,
    };
    Ok(profile.to_owned())
}

/// The engine's binary: the one that `TAILRACE_BINARY` names, else the one beside this test.
pub fn binary() -> anyhow::Result<PathBuf> {
    let binary = match std::env::var_os("TAILRACE_BINARY") {
        Some(named) => named.into(),
        None => built()?.join("tailrace"),
    };
    anyhow::ensure!(
        binary.is_file(),
        "no {}: run `make test`, which builds it first",
        binary.display()
    );
    Ok(binary)
}

/// A version of the engine that is not the one under test, and plugins that were built for it.
#[derive(Debug, Clone)]
pub struct OtherVersion {
    /// Its binary.
    pub program: PathBuf,
    /// The folder of its plugins.
    pub plugins: PathBuf,
}

impl OtherVersion {
    /// The version before, which `tests/tools/version-before.sh` builds.
    pub fn before() -> anyhow::Result<Self> {
        let named = std::env::var_os("TAILRACE_BEFORE").context(
            "TAILRACE_BEFORE names no binary: set it to what tests/tools/version-before.sh prints",
        )?;
        let program = PathBuf::from(named);
        anyhow::ensure!(program.is_file(), "TAILRACE_BEFORE: no {}", program.display());
        let target = program.parent().and_then(Path::parent);
        let target = target.context("TAILRACE_BEFORE: the binary lies in no target folder")?;
        Ok(Self {
            plugins: target.join("wasm32-unknown-unknown/guest"),
            program,
        })
    }
}

/// Where the built plugins lie: the folder that `TAILRACE_PLUGINS` names, else where `make plugins` puts them.
pub fn plugins() -> anyhow::Result<PathBuf> {
    match std::env::var_os("TAILRACE_PLUGINS") {
        Some(named) => Ok(named.into()),
        None => Ok(built()?.join("../wasm32-unknown-unknown/guest")),
    }
}

/// A built plugin, by the name of its file.
pub fn plugin(name: &str) -> anyhow::Result<Vec<u8>> {
    plugin_in(&plugins()?, name)
}

/// The same in this folder.
pub fn plugin_in(folder: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let file = folder.join(format!("{name}.wasm"));
    std::fs::read(&file).with_context(|| format!("no {}: run `make plugins`", file.display()))
}

/// The last lines of a log, for messages of failed tests.
pub fn last_lines(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().rev().take(30).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// A nats-server: the one that `make test` found or fetched.
pub fn nats_server() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("TAILRACE_NATS_SERVER") {
        return Ok(named.into());
    }
    let found = std::process::Command::new(root().join("tests/tools/nats-server.sh")).output()?;
    anyhow::ensure!(
        found.status.success(),
        "{}",
        String::from_utf8_lossy(&found.stderr)
    );
    Ok(String::from_utf8(found.stdout)?.trim().into())
}

/// A file of `../shared/data`. Tests that need it are ignored where the folder is missing.
pub fn shared(path: &str) -> anyhow::Result<PathBuf> {
    let file = root().join("../shared/data").join(path);
    anyhow::ensure!(
        file.is_file(),
        "no {}: this test needs the shared data",
        file.display()
    );
    Ok(file)
}
