//! `configure`: once an instance, with the step's config, and without a host.

use tailrace_core::ports::plugins::{PluginError, PluginRuntime as _};

use super::{
    Sandbox,
    guests::{Guest, STATE},
    roomy,
};

fn config_refusal(guest: &Guest) -> String {
    match Sandbox::shared().refusal(guest, &roomy()) {
        PluginError::Config(reason) => reason,
        other => panic!("not a refused config: {other:?}"),
    }
}

#[test]
fn the_config_reaches_the_guest_as_it_is() {
    let guest = Guest::forward().configure(
        "(if (i32.ne (local.get $config_len) (i32.const 7)) (then unreachable))
         (if (i32.ne (i32.load8_u (local.get $config)) (i32.const 123)) (then unreachable))
         (i32.const 1100)",
    );
    let plugin = Sandbox::shared().plugin(&guest);
    assert!(plugin.instantiate("{\"a\":1}", &roomy()).is_ok());
    assert!(plugin.instantiate("{}", &roomy()).is_err());
}

#[test]
fn a_refused_config_says_what_the_plugin_said() {
    let guest = Guest::forward()
        .configure(
            "(i32.store8 (i32.const 1100) (i32.const 1))
             (i32.store (i32.const 1104) (i32.const 0)) (i32.store (i32.const 1108) (i32.const 13))
             (i32.const 1100)",
        )
        .data("no such field");
    assert_eq!(config_refusal(&guest), "no such field");
}

#[test]
fn a_refusal_is_bounded_and_plain() {
    let guest = Guest::forward().configure(
        "(memory.fill (i32.const 4096) (i32.const 27) (i32.const 100000))
         (i32.store8 (i32.const 1100) (i32.const 1))
         (i32.store (i32.const 1104) (i32.const 4096)) (i32.store (i32.const 1108) (i32.const 100000))
         (i32.const 1100)",
    );
    let reason = config_refusal(&guest);
    assert!(reason.len() < 10_000, "{} bytes", reason.len());
    assert!(!reason.contains('\u{1b}'));
}

#[test]
fn a_crash_in_configure_refuses_the_config() {
    let reason = config_refusal(&Guest::forward().configure("unreachable"));
    assert!(
        reason.contains("configure") && reason.contains("crash"),
        "{reason}"
    );
}

#[test]
fn an_endless_configure_is_stopped() {
    let guest = Guest::forward().configure("(loop $again (br $again)) (i32.const 1100)");
    let reason = config_refusal(&guest);
    assert!(
        reason.contains("out-of-fuel") || reason.contains("deadline"),
        "{reason}"
    );
    assert!(
        !reason.contains("limits."),
        "configure has bounds of its own: {reason}"
    );
}

#[test]
fn a_host_call_in_configure_is_refused_by_name() {
    let guest = Guest::forward()
        .configure("(call $delete (i32.const 0) (i32.const 1)) (i32.const 1100)")
        .import(STATE, "delete", "(param i32 i32)");
    let reason = config_refusal(&guest);
    assert!(
        reason.contains("configure") && reason.contains("misuse"),
        "{reason}"
    );
}

#[test]
fn a_start_function_that_loops_is_stopped() {
    let guest = Guest::forward().more("(func $begin (loop $again (br $again))) (start $begin)");
    let reason = config_refusal(&guest);
    assert!(
        reason.contains("out-of-fuel") || reason.contains("deadline"),
        "{reason}"
    );
}

#[test]
fn exports_of_another_type_are_the_plugin_s_fault() {
    let component = wat::parse_str(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $t (export "configure" (func $f)) (export "process" (func $f)))
            (export "tailrace:plugin/transform@0.2.0" (instance $t)))"#,
    )
    .expect("the text is right");
    let sandbox = Sandbox::shared();
    let refusal = sandbox.runtime.admit(&component.into()).and_then(|admitted| {
        let plugin = sandbox.runtime.load(admitted.digest, &admitted.component)?;
        plugin.instantiate("{}", &roomy()).map(drop)
    });
    assert!(matches!(&refusal, Err(PluginError::Invalid(_))), "{refusal:?}");
}
