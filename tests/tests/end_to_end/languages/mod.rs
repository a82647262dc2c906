//! Plugins in each language. One list of cases holds for all: `tests/conformance/cases.jsonl` has events, and what must
//! come of each, whatever the language of the plugin that does it. `cases.jsonl` of a language has what is easily got
//! wrong there. New projects pass their own tests and run in the sandbox, and the SDKs pass theirs.
//!
//! The tools come from PyPI and npm, into `target/tools`. Where they cannot be had, the tests fail and say so. What is
//! built of unchanged sources stays in `target/conformance` and `target/new`.

mod cases;
mod project;

use std::process::Command;

use tailrace_tests::files;

use self::{
    cases::{Case, check},
    project::{conforming, rehearse, run},
};

#[test]
fn a_plugin_in_rust_conforms() -> anyhow::Result<()> {
    check(&files::plugins()?.join("examples/conform.wasm"), &Case::all()?)
}

#[test]
fn a_plugin_in_python_conforms() -> anyhow::Result<()> {
    check(&conforming("python")?, &Case::with_those_of("python")?)
}

#[test]
fn a_plugin_in_javascript_conforms() -> anyhow::Result<()> {
    check(&conforming("javascript")?, &Case::with_those_of("javascript")?)
}

/// Which has no reader of JSON.
#[test]
fn a_plugin_in_c_conforms() -> anyhow::Result<()> {
    check(&conforming("c")?, &Case::without(&["json"])?)
}

#[test]
fn a_plugin_in_zig_conforms() -> anyhow::Result<()> {
    check(&conforming("zig")?, &Case::all()?)
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

/// With the machine's own C compiler; Rust needs one to link.
#[test]
fn the_sdk_of_c_passes_its_tests() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("sdk_test");
    run(Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fsanitize=address,undefined",
            "-I.",
        ])
        .args(["tests/sdk_test.c", "tailrace.c", "tailrace_test.c", "-o"])
        .arg(&program)
        .current_dir(files::root().join("sdk/c")))?;
    run(&mut Command::new(program))
}

#[test]
fn a_new_project_in_python_passes_its_own_test() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = project::new(folder.path(), "python")?;
    run(Command::new("python3")
        .args(["-B", "-m", "unittest"])
        .current_dir(&project))?;
    rehearse(&project, "python")
}

#[test]
fn a_new_project_in_javascript_passes_its_own_test() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = project::new(folder.path(), "javascript")?;
    // What `npm install` does here: the SDK is the only package.
    std::fs::create_dir(project.join("node_modules"))?;
    std::os::unix::fs::symlink("../sdk", project.join("node_modules/tailrace"))?;
    run(project::node()?.arg("--test").current_dir(&project))?;
    rehearse(&project, "javascript")
}

/// With its own compiler and test runner from npm. The compiler reads the SDK's types as well as the project.
#[test]
fn a_new_project_in_typescript_passes_its_own_test() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = project::new(folder.path(), "typescript")?;
    let types = files::root().join("sdk/javascript/tests/types.ts");
    run(project::npm()?
        .args(["install", "--no-audit", "--no-fund"])
        .current_dir(&project))?;
    run(project::npm()?.arg("test").current_dir(&project))?;
    rehearse(&project, "typescript")?;
    std::fs::copy(types, project.join("src/types.ts"))?;
    run(project::npm()?.args(["run", "check"]).current_dir(&project))
}

/// With the machine's own C compiler; Rust needs one to link.
#[test]
fn a_new_project_in_c_passes_its_own_test() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = project::new(folder.path(), "c")?;
    run(Command::new("make").arg("test").current_dir(&project))?;
    rehearse(&project, "c")
}

/// The SDK's own test is run with the project's, for both need what the build of the project has installed.
#[test]
fn a_new_project_in_zig_passes_its_own_test() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = project::new(folder.path(), "zig")?;
    rehearse(&project, "zig")?;
    let zig = format!("ZIG={}", project::zig()?);
    let test = || {
        let mut make = Command::new("make");
        make.args(["test", &zig])
            .env("ZIG_LOCAL_CACHE_DIR", folder.path().join("local"))
            .env("ZIG_GLOBAL_CACHE_DIR", folder.path().join("global"))
            .current_dir(&project);
        make
    };
    run(&mut test())?;
    let sdk_test = files::root().join("sdk/zig/tests/sdk_test.zig");
    std::fs::copy(sdk_test, project.join("src/plugin.zig"))?;
    run(&mut test())
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
