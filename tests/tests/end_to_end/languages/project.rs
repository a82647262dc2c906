//! Projects of plugins, and what runs them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use tailrace_tests::files;

/// The command line, with its cache where tools of tests lie. It stands behind tests that measure time.
pub fn tailrace() -> anyhow::Result<Command> {
    let mut command = Command::new("nice");
    command
        .args(["-n", "10"])
        .arg(files::binary()?)
        .env("TAILRACE_CACHE", files::root().join("target/tools"))
        .env("NO_COLOR", "1");
    Ok(command)
}

/// A Node: the one of the console.
pub fn node() -> anyhow::Result<Command> {
    Ok(Command::new(node_folder()?.join("node")))
}

/// Its npm, which runs programs with this Node.
pub fn npm() -> anyhow::Result<Command> {
    let folder = node_folder()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(folder.clone()).chain(std::env::split_paths(&path));
    let mut command = Command::new(folder.join("npm"));
    command.env("PATH", std::env::join_paths(paths)?);
    Ok(command)
}

fn node_folder() -> anyhow::Result<PathBuf> {
    let script = files::root().join("engine/console/tools/node.sh");
    let found = Command::new(script).output()?;
    anyhow::ensure!(
        found.status.success(),
        "{}",
        String::from_utf8_lossy(&found.stderr)
    );
    let folder = String::from_utf8(found.stdout)?;
    Ok(PathBuf::from(folder.trim()))
}

/// The command that runs Zig: what `tailrace plugin build` has installed from PyPI.
pub fn zig() -> anyhow::Result<String> {
    let tools = files::root().join("target/tools");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&tools)? {
        let path = entry?.path();
        let is_zig = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("ziglang-"));
        if is_zig && path.join("bin/python").is_file() {
            found.push(path.join("bin/python"));
        }
    }
    found.sort();
    let python = found.pop().context("no build has installed Zig")?;
    Ok(format!("{} -m ziglang", python.display()))
}

/// Builds a new project, and runs its own events through it in the sandbox. Its files go into a folder that stays, so
/// that what is unchanged is not built again.
pub fn rehearse(project: &Path, language: &str) -> anyhow::Result<()> {
    let folder = files::root().join("target/new").join(language);
    mirror(project, &folder)?;
    let done = tailrace()?
        .args(["plugin", "test", "--events", "events.jsonl"])
        .args(["--pipeline", "pipeline.yaml", "--output", "json", "."])
        .current_dir(&folder)
        .output()?;
    let said = String::from_utf8_lossy(&done.stdout);
    let events = std::fs::read_to_string(folder.join("events.jsonl"))?;
    let summary: serde_json::Value = serde_json::from_str(said.lines().last().unwrap_or_default())
        .with_context(|| String::from_utf8_lossy(&done.stderr).into_owned())?;
    // Another one has no key.
    let keyed = events.lines().filter(|line| line.starts_with("{\"user\""));
    let emitted = &summary["summary"]["emitted"];
    anyhow::ensure!(*emitted == keyed.count(), "{language}: {said}");
    Ok(())
}

/// Makes a new project of a language; gives its folder.
pub fn new(parent: &Path, language: &str) -> anyhow::Result<PathBuf> {
    run(tailrace()?
        .args(["plugin", "new", "clicks", "--lang", language])
        .current_dir(parent))?;
    Ok(parent.join("clicks"))
}

/// Runs a command, and fails with what it said.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let done = command.output().with_context(|| format!("{command:?}"))?;
    let said = [done.stdout, done.stderr].concat();
    anyhow::ensure!(
        done.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&said)
    );
    Ok(())
}

/// The conformance plugin of a language with its SDK beside it, in a folder that stays, so that what is unchanged is
/// not built again.
pub fn conforming(language: &str) -> anyhow::Result<PathBuf> {
    let root = files::root();
    let folder = root.join("target/conformance").join(language);
    mirror(&root.join("tests/conformance").join(language), &folder)?;
    let (sdks, to): (&[&str], _) = match language {
        "python" => (&["sdk/python/tailrace"], "tailrace"),
        "javascript" => (&["sdk/javascript"], "sdk"),
        "c" => (&["sdk/c"], "sdk"),
        "zig" => (&["sdk/c", "sdk/zig"], "sdk"),
        other => anyhow::bail!("{other} has no SDK here"),
    };
    for sdk in sdks {
        mirror(&root.join(sdk), &folder.join(to))?;
    }
    Ok(folder)
}

/// Copies a folder's files, without the tests of an SDK and what was built.
pub fn mirror(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if path.is_file() {
            std::fs::copy(&path, to.join(name))?;
        } else if !["tests", "__pycache__", "build", "node_modules"]
            .iter()
            .any(|left_out| name == *left_out)
        {
            mirror(&path, &to.join(name))?;
        }
    }
    Ok(())
}
