//! Tools that a language brings through its own registry: installed once, in a version that is fixed here, into a
//! folder of the user's cache. What is done is said, and so is what is missing and how to get it.
//!
//! Two builds at once wait for each other, and an installation that was cut off is done again.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use super::steps::{make_folder, run};
use crate::{cli::error::misuse, plugin_test::cache};

/// In a tool's folder when it is whole.
const WHOLE: &str = "whole";

/// The folder of a tool, which `install` fills once.
pub(super) fn installed(
    name: &str,
    from: &str,
    install: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let tools = cache::folder()?;
    make_folder(&tools)?;
    let folder = tools.join(name);
    let lock = tools.join(format!("{name}.lock"));
    let lock = File::create(&lock).with_context(|| format!("cannot write {}", lock.display()))?;
    lock.lock()
        .with_context(|| format!("cannot lock {}", folder.display()))?;
    if folder.join(WHOLE).is_file() {
        return Ok(folder);
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    progress(&format!(
        "installing {name} from {from} into {}, once",
        folder.display()
    ));
    make_folder(&folder)?;
    install(&folder)?;
    std::fs::write(folder.join(WHOLE), "")?;
    Ok(folder)
}

/// A line of progress. Standard output is for the answer.
#[allow(clippy::print_stderr, reason = "progress of a build, as cargo shows it")]
pub(super) fn progress(line: &str) {
    eprintln!("{line}");
}

/// The Python of a virtual environment that holds one package of PyPI.
pub(super) fn python_with(package: &str, version: &str) -> anyhow::Result<PathBuf> {
    let name = format!("{package}-{version}");
    let folder = installed(&name, "PyPI", |folder| {
        let made = Command::new("python3").args(["-m", "venv"]).arg(folder).output();
        let made = made.map_err(|_| no_python("python3 cannot be run"))?;
        if !made.status.success() {
            // Debian keeps a part of `venv` in a package of its own.
            return Err(no_python("python3 cannot make a virtual environment"));
        }
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        let wanted = format!("{package}=={version}");
        run(pip.arg(&wanted), &format!("install {wanted} from PyPI"))
    })?;
    Ok(folder.join("bin/python"))
}

fn no_python(what: &str) -> anyhow::Error {
    misuse(
        what,
        "install Python 3.10 or later with venv and pip (Debian, Ubuntu: `apt install python3-venv`)",
    )
}
