//! C and Zig: the compiler of PyPI's package `ziglang` makes a core module of the plugin's sources and of those of the
//! SDK, for a machine without an operating system.

use std::{ffi::OsString, path::Path, process::Command};

use anyhow::Context as _;

use super::{
    steps::run,
    tools::{self, progress},
};
use crate::plugin_test::{
    project::{PlainLanguage, PlainSource, Project},
    scaffold::{self, Language},
};

const PACKAGE: &str = "ziglang";
const VERSION: &str = "0.17.1";

/// A target without WASI and without a C library.
const TARGET: &str = "wasm32-freestanding";

/// Files of the SDK that belong into a component.
const SDK_SOURCES: [&str; 2] = ["tailrace.c", "guest.c"];

/// Builds the core module.
pub(super) fn module(project: &Project, source: &PlainSource, made: &Path) -> anyhow::Result<Vec<u8>> {
    let python = tools::python_with(PACKAGE, VERSION)?;
    progress(&format!("building {} with Zig {VERSION}", project.name));
    let module = made.join("module.wasm");
    let language = match source.language {
        PlainLanguage::C => Language::C,
        PlainLanguage::Zig => Language::Zig,
    };
    let sdk = scaffold::sdk(&project.folder, made, language)?;
    let mut tool = Command::new(python);
    tool.args(["-m", "ziglang"]);
    match source.language {
        // Functions keep their names, because a trap shows them.
        PlainLanguage::C => tool
            .args(["cc", "-target", TARGET, "-std=c11", "-O2", "-Wall", "-Wextra"])
            .args(["-nostdlib", "-Wl,--no-entry", "-Wl,--strip-debug"]),
        PlainLanguage::Zig => tool
            .args(["build-exe", "-target", TARGET, "-O", "ReleaseSmall"])
            .args(["-fno-entry", "-fstrip"]),
    };
    tool.arg("-I")
        .arg(&sdk)
        .args(SDK_SOURCES.map(|name| sdk.join(name)));
    match (source.language, source.sources.split_first()) {
        (PlainLanguage::Zig, Some((root, more))) => tool
            .args(more)
            .args(["--dep", "tailrace"])
            .arg(joined("-Mroot=", root))
            .arg(joined("-Mtailrace=", &sdk.join("tailrace.zig")))
            .arg(joined("-femit-bin=", &module)),
        _ => tool.args(&source.sources).arg("-o").arg(&module),
    };
    // Beside what is built, not in the user's home.
    tool.env("ZIG_LOCAL_CACHE_DIR", made.join("zig"))
        .current_dir(&project.folder);
    run(&mut tool, &format!("build {}", project.name))?;
    std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))
}

/// A flag and its path, as one argument.
fn joined(flag: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(flag);
    argument.push(path);
    argument
}
