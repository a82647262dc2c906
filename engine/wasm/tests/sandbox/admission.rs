//! What an upload must be, and what the tenant is told when it is not.

use bytes::Bytes;
use tailrace_core::{
    grant::Grant,
    identity::Digest,
    ports::plugins::{PluginError, PluginRuntime as _},
};

use super::{
    Sandbox,
    guests::{Guest, LOG, STATE, with_type},
    roomy,
};

fn refused(upload: &Bytes) -> PluginError {
    match Sandbox::shared().runtime.admit(upload) {
        Err(refusal) => refusal,
        Ok(_) => panic!("the upload was admitted"),
    }
}

fn refused_import(upload: &Bytes) -> (String, String) {
    match refused(upload) {
        PluginError::Import { import, hint } => (import, hint),
        other => panic!("not an import but {other:?}"),
    }
}

fn module(text: &str) -> Bytes {
    Bytes::from(wat::parse_str(text).expect("the text is right"))
}

/// A core module that imports one function.
fn importing(module_name: &str) -> Bytes {
    module(&format!("(module (import \"{module_name}\" \"f\" (func)))"))
}

#[test]
fn a_core_module_becomes_a_component_that_is_admitted_again_as_it_is() {
    let sandbox = Sandbox::shared();
    let guest = Guest::forward()
        .import(STATE, "delete", "(param i32 i32)")
        .import(LOG, "log", "(param i32 i32 i32)");
    let first = sandbox.runtime.admit(&guest.module()).expect("admitted");
    assert_eq!(first.digest, Digest::of(&first.component));
    assert!(first.imports.iter().eq(&[Grant::State, Grant::Log]));
    let second = sandbox.runtime.admit(&first.component).expect("admitted");
    assert_eq!((second.digest, second.component), (first.digest, first.component));
    assert_eq!(second.imports, first.imports);
}

#[test]
fn a_plugin_that_imports_nothing_needs_no_grant() {
    let sandbox = Sandbox::shared();
    let admitted = sandbox
        .runtime
        .admit(&Guest::forward().module())
        .expect("admitted");
    assert!(admitted.imports.is_empty());
    let plugin = sandbox
        .runtime
        .load(admitted.digest, &admitted.component)
        .expect("loaded");
    assert!(plugin.imports().is_empty());
}

#[test]
fn what_is_no_wasm_is_told_how_it_begins() {
    for (upload, shown) in [
        (&b"#!/bin/sh\nrm"[..], "#!/bin/sh"),
        (b"", "empty"),
        (b"(module)", "(module"),
        (b"\0as", r"\x00as"),
    ] {
        let PluginError::Invalid(reason) = refused(&Bytes::copy_from_slice(upload)) else {
            panic!("not invalid");
        };
        assert!(reason.contains(shown), "{reason}");
    }
}

#[test]
fn a_torn_file_is_invalid() {
    let whole = Guest::forward().module();
    for length in [8, 9, 40, whole.len() / 2, whole.len() - 1] {
        let refusal = refused(&whole.slice(..length));
        assert!(
            matches!(refusal, PluginError::Invalid(_) | PluginError::NoExport(_)),
            "{length}: {refusal:?}"
        );
    }
}

#[test]
fn any_damaged_byte_is_refused_or_still_runs_within_its_limits() {
    // Every third byte of a small component, so that the test stays short.
    let sandbox = Sandbox::shared();
    let whole = sandbox
        .runtime
        .admit(&Guest::forward().module())
        .expect("admitted")
        .component;
    for at in (0..whole.len()).step_by(3) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 0x41;
        if let Ok(admitted) = sandbox.runtime.admit(&Bytes::from(bytes)) {
            let plugin = sandbox
                .runtime
                .load(admitted.digest, &admitted.component)
                .expect("loaded");
            if let Ok(mut instance) = plugin.instantiate("{}", &roomy()) {
                let _ = super::call(&mut *instance, super::TestHost::default());
            }
        }
    }
}

#[test]
fn an_upload_that_is_too_large_is_refused_before_it_is_read() {
    let mut upload = b"\0asm".to_vec();
    upload.resize((32 << 20) + 1, 0);
    let PluginError::Invalid(reason) = refused(&Bytes::from(upload)) else {
        panic!("not invalid");
    };
    assert!(reason.contains("33554433 bytes"), "{reason}");
}

#[test]
fn wasi_is_refused_with_the_way_to_build_without_it() {
    let (import, hint) = refused_import(&importing("wasi_snapshot_preview1"));
    assert_eq!(import, "wasi_snapshot_preview1");
    assert!(
        hint.contains("wasm32-unknown-unknown") && hint.contains("--stub-wasi"),
        "{hint}"
    );
}

#[test]
fn a_component_with_wasi_is_refused_with_the_way_to_build_without_it() {
    let component = module(r#"(component (import "wasi:io/poll@0.2.0" (instance (export "f" (func)))))"#);
    let (import, hint) = refused_import(&component);
    assert_eq!(import, "wasi:io/poll@0.2.0");
    assert!(hint.contains("wasm32-unknown-unknown"), "{hint}");
}

#[test]
fn wasm_bindgen_and_env_are_refused_with_their_own_hints() {
    let (_, hint) = refused_import(&importing("__wbindgen_placeholder__"));
    assert!(hint.contains("wasm-bindgen"), "{hint}");
    let (import, hint) = refused_import(&importing("env"));
    assert_eq!(import, "env");
    assert!(hint.contains("dependency"), "{hint}");
}

#[test]
fn an_interface_of_another_version_is_refused_by_name() {
    let component =
        module(r#"(component (import "tailrace:plugin/state@0.3.0" (instance (export "f" (func)))))"#);
    let (import, hint) = refused_import(&component);
    assert_eq!(import, "tailrace:plugin/state@0.3.0");
    assert!(hint.contains("0.2.0"), "{hint}");
}

#[test]
fn a_plugin_of_a_later_patch_of_the_contract_runs() {
    // The same component with another version in every name.
    let sandbox = Sandbox::shared();
    let guest = Guest::forward().import(STATE, "delete", "(param i32 i32)");
    let component = sandbox
        .runtime
        .admit(&guest.module())
        .expect("admitted")
        .component;
    let mut later = component.to_vec();
    for at in 0..later.len() - 6 {
        if &later[at..at + 6] == b"@0.2.0" {
            later[at + 5] = b'7';
        }
    }
    assert_ne!(later, component);
    let admitted = sandbox.runtime.admit(&Bytes::from(later)).expect("admitted");
    assert!(admitted.imports.iter().eq(&[Grant::State]));
    let plugin = sandbox
        .runtime
        .load(admitted.digest, &admitted.component)
        .expect("loaded");
    super::verdict(&mut *plugin.instantiate("{}", &roomy()).expect("an instance"));
}

#[test]
fn an_interface_with_other_functions_is_refused() {
    let component =
        module(r#"(component (import "tailrace:plugin/state@0.2.0" (instance (export "steal" (func)))))"#);
    assert!(matches!(
        refused(&component),
        PluginError::NoExport(_) | PluginError::Invalid(_)
    ));
}

#[test]
fn a_module_that_exports_nothing_is_told_what_to_add() {
    for upload in [
        module("(module (memory (export \"memory\") 1))"),
        module("(component)"),
        with_type("(module (memory (export \"memory\") 1))"),
    ] {
        let refusal = refused(&upload);
        assert!(matches!(&refusal, PluginError::NoExport(_)), "{refusal:?}");
        assert!(
            refusal.to_string().contains("tailrace:plugin/transform"),
            "{refusal}"
        );
    }
}

#[test]
fn proposals_that_the_sandbox_leaves_out_are_refused() {
    for more in [
        "(memory $second 1)",
        "(func (return_call $process (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) drop)",
        "(type $s (struct (field i32)))",
        "(tag $t)",
        "(memory $shared 1 1 shared)",
    ] {
        let refusal = refused(&Guest::forward().more(more).module());
        assert!(matches!(&refusal, PluginError::Invalid(_)), "{more}: {refusal:?}");
    }
}
