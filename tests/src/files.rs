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

/// The folder that cargo builds into, from where this test itself lies.
pub fn built() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test
        .parent()
        .and_then(Path::parent)
        .context("a test lies two folders deep")?;
    Ok(profile.to_owned())
}

/// The engine's binary.
pub fn binary() -> anyhow::Result<PathBuf> {
    let binary = built()?.join("tailrace");
    anyhow::ensure!(
        binary.is_file(),
        "no {}: run `make test`, which builds it first",
        binary.display()
    );
    Ok(binary)
}

/// A built plugin, by the name of its file.
pub fn plugin(name: &str) -> anyhow::Result<Vec<u8>> {
    let target = built()?.parent().map(Path::to_owned).unwrap_or_default();
    let file = target
        .join("wasm32-unknown-unknown/guest")
        .join(format!("{name}.wasm"));
    std::fs::read(&file).with_context(|| format!("no {}: run `make plugins`", file.display()))
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

/// A file of `../shared/data`; where the folder is missing the test says so and ends.
pub fn shared(path: &str) -> Option<PathBuf> {
    let file = root().join("../shared/data").join(path);
    if file.is_file() {
        return Some(file);
    }
    println!(
        "SKIPPED: {} is not here; this test needs the shared data",
        file.display()
    );
    None
}
