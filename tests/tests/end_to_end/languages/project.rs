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
    let script = files::root().join("engine/console/tools/node.sh");
    let found = Command::new(script).output()?;
    anyhow::ensure!(
        found.status.success(),
        "{}",
        String::from_utf8_lossy(&found.stderr)
    );
    let folder = String::from_utf8(found.stdout)?;
    Ok(Command::new(Path::new(folder.trim()).join("node")))
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
