//! Plugins in each language. One list of cases holds for all: `tests/conformance/cases.jsonl` has events, and what must
//! come of each, whatever the language of the plugin that does it. New projects pass their own tests, and so do the SDKs.
//!
//! The tools come from PyPI and npm, into `target/tools`. What is built of unchanged sources stays in
//! `target/conformance`.

mod cases;
mod project;

use std::process::Command;

use tailrace_tests::files;

use self::{
    cases::{Case, check},
    project::{conforming, run},
};

fn conforms(language: &str) -> anyhow::Result<()> {
    let project = conforming(language)?;
    check(&project, &Case::all()?)
}

#[test]
fn a_plugin_in_rust_conforms() -> anyhow::Result<()> {
    check(&files::plugins()?.join("examples/conform.wasm"), &Case::all()?)
}

#[test]
fn a_plugin_in_python_conforms() -> anyhow::Result<()> {
    conforms("python")
}

#[test]
fn a_plugin_in_javascript_conforms() -> anyhow::Result<()> {
    conforms("javascript")
}

/// Which has no reader of JSON.
#[test]
fn a_plugin_in_c_conforms() -> anyhow::Result<()> {
    check(&conforming("c")?, &Case::without(&["json"])?)
}

#[test]
fn a_plugin_in_zig_conforms() -> anyhow::Result<()> {
    conforms("zig")
}

#[test]
fn the_sdk_of_python_passes_its_tests() -> anyhow::Result<()> {
    run(Command::new("python3")
        .args(["-B", "-m", "unittest", "tests/test_sdk.py"])
        .current_dir(files::root().join("sdk/python")))
}

#[test]
fn the_sdk_of_javascript_passes_its_tests() -> anyhow::Result<()> {
    run(project::node()?
        .args(["--test", "tests/"])
        .current_dir(files::root().join("sdk/javascript")))
}

#[test]
fn a_new_project_in_python_passes_its_own_test() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = project::new(folder.path(), "python")?;
    run(Command::new("python3")
        .args(["-B", "-m", "unittest"])
        .current_dir(project))
}

#[test]
fn a_new_project_in_javascript_passes_its_own_test() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = project::new(folder.path(), "javascript")?;
    // What `npm install` does here: the SDK is the only package.
    std::fs::create_dir(project.join("node_modules"))?;
    std::os::unix::fs::symlink("../sdk", project.join("node_modules/tailrace"))?;
    run(project::node()?.arg("--test").current_dir(project))
}

/// With the machine's own C compiler; Rust needs one to link.
#[test]
fn a_new_project_in_c_passes_its_own_test() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = project::new(folder.path(), "c")?;
    run(Command::new("make").arg("test").current_dir(project))
}

#[test]
fn examples_in_python_pass_their_tests() -> anyhow::Result<()> {
    for example in ["also-liked", "orders-check"] {
        run(Command::new("python3")
            .args(["-B", "-m", "unittest"])
            .env("PYTHONPATH", files::root().join("sdk/python"))
            .current_dir(files::root().join("examples/languages/python").join(example)))?;
    }
    Ok(())
}

#[test]
fn examples_in_javascript_pass_their_tests() -> anyhow::Result<()> {
    for example in ["also-liked", "orders-check"] {
        let folder = tempfile::tempdir()?;
        let from = files::root().join("examples/languages/javascript").join(example);
        project::mirror(&from, folder.path())?;
        let packages = folder.path().join("node_modules");
        std::fs::create_dir(&packages)?;
        std::os::unix::fs::symlink(files::root().join("sdk/javascript"), packages.join("tailrace"))?;
        run(project::node()?.arg("--test").current_dir(folder.path()))?;
    }
    Ok(())
}
