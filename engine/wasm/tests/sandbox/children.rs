//! A compiler in a child process: each way in which a child can end. The children here are shells that
//! end as they are told; the real one is called in the end-to-end tests.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use tailrace_core::ports::plugins::{CompileLimit, PluginError, PluginRuntime as _};
use tailrace_wasm::{Compile, CompilerProgram, WasmOptions, WasmRuntime};

use super::{alone, guests::Guest};

/// Longer than any of the children takes that are not meant to be killed.
const LONG: Duration = Duration::from_mins(1);

/// What an upload gets whose compiler is a shell with this script.
fn refused_by(script: &str, deadline: Duration) -> PluginError {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = CompilerProgram {
        program: PathBuf::from("/bin/sh"),
        arguments: vec![OsString::from("-c"), OsString::from(script)],
        deadline,
    };
    let runtime = WasmRuntime::new(WasmOptions {
        artefacts: folder.path().join("artefacts"),
        compile: Compile::InChild(program),
    })
    .expect("the sandbox starts");
    match runtime.admit(&Guest::forward().module()) {
        Err(refusal) => refusal,
        Ok(_) => panic!("the upload was admitted"),
    }
}

fn limit(refusal: &PluginError) -> CompileLimit {
    match refusal {
        PluginError::TooCostly(limit) => *limit,
        other => panic!("no limit but {other:?}"),
    }
}

#[test]
fn a_compiler_that_is_out_of_processor_time_is_named() {
    let refusal = refused_by("cat > /dev/null; kill -XCPU $$", LONG);
    assert!(matches!(limit(&refusal), CompileLimit::Processor(_)));
    assert!(
        refusal.to_string().contains("processor time") && refusal.to_string().contains("split"),
        "{refusal}"
    );
}

#[test]
fn a_compiler_that_is_out_of_memory_is_named() {
    let refusal = refused_by(
        "cat > /dev/null; echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$",
        LONG,
    );
    assert!(matches!(limit(&refusal), CompileLimit::Memory(_)), "{refusal:?}");
}

#[test]
fn a_compiler_that_does_not_end_is_killed_at_its_deadline() {
    let refusal = refused_by("exec sleep 1000", Duration::from_millis(50));
    assert!(matches!(limit(&refusal), CompileLimit::Wall(_)), "{refusal:?}");
}

#[test]
fn a_compiler_that_answers_without_end_is_stopped() {
    let refusal = refused_by("exec cat /dev/zero", LONG);
    assert!(
        matches!(limit(&refusal), CompileLimit::Artefact(_)),
        "{refusal:?}"
    );
}

#[test]
fn a_compiler_that_breaks_down_is_the_plugins_fault_and_shows_nothing_of_the_host() {
    for (script, shown) in [
        (
            "cat > /dev/null; echo 'panicked at /root/src/x.rs:7' >&2; exit 101",
            "status 101",
        ),
        ("cat > /dev/null; kill -SEGV $$", "signal 11"),
        (
            "echo 'thread has overflowed its stack' >&2; kill -ABRT $$",
            "nests too deeply",
        ),
    ] {
        let refusal = refused_by(script, LONG);
        assert!(matches!(refusal, PluginError::Uncompilable(_)), "{refusal:?}");
        let text = refusal.to_string();
        assert!(text.contains(shown) && !text.contains("/root"), "{text}");
    }
}

#[test]
fn a_refusal_of_the_compiler_is_passed_on_as_plain_text() {
    let refusal = refused_by(
        r"cat > /dev/null; printf '\001\000\000\000\000\000\000\000\000unknown\nopcode'",
        LONG,
    );
    let PluginError::Invalid(text) = &refusal else {
        panic!("not invalid but {refusal:?}");
    };
    assert!(text.contains(r"unknown\nopcode"), "{text}");
}

#[test]
fn what_is_not_the_plugins_fault_is_the_engines() {
    for script in [
        // Killed by somebody else.
        "cat > /dev/null; kill -KILL $$",
        // No answer, a torn one, one of another kind.
        "cat > /dev/null",
        r"cat > /dev/null; printf '\000\000'",
        r"cat > /dev/null; printf '\007\000\000\000\000\000\000\000\000x'",
    ] {
        let refusal = refused_by(script, LONG);
        assert!(matches!(refusal, PluginError::Engine(_)), "{script}: {refusal:?}");
    }
}

#[test]
fn machine_code_of_another_engine_is_not_loaded() {
    let refusal = refused_by(
        r"cat > /dev/null; printf '\000\000\000\000\000\000\000\000\000not machine code'",
        LONG,
    );
    assert!(matches!(refusal, PluginError::Engine(_)), "{refusal:?}");
}

#[test]
fn a_child_has_no_environment_and_stands_in_an_empty_folder() {
    let refusal = refused_by(
        r"cat > /dev/null; printf '\001\000\000\000\000\000\000\000\000'; ls -A | wc -l; /usr/bin/env | grep -v -e '^PWD=' -e '^SHLVL=' -e '^_=' -e '^OLDPWD=' | wc -l",
        LONG,
    );
    let PluginError::Invalid(text) = &refusal else {
        panic!("not invalid but {refusal:?}");
    };
    assert!(text.ends_with(r"0\n0\n"), "{text}");
}
