//! What one event may cause, and not more.

use tailrace_core::{event::Verdict, grant::CallLimits, ports::plugins::TrapCode};

use super::{
    Sandbox, call,
    guests::{Guest, LOG, SKETCHES, STATE},
    host::TestHost,
    roomy, trap, verdict,
};

/// Emits as many messages as the payload has bytes; all are empty, from zeroed memory.
const EMIT_MANY: &str = "(i32.store8 (i32.const 1028) (i32.const 1))
    (i32.store (i32.const 1032) (i32.const 8192))
    (i32.store (i32.const 1036) (local.get $payload_len))
    (i32.const 1024)";

/// Emits one message whose payload has as many bytes as are asked for.
fn emit_bytes(bytes: u32) -> Guest {
    Guest::process(&format!(
        "(i32.store8 (i32.const 1028) (i32.const 1))
         (i32.store (i32.const 1032) (i32.const 1200)) (i32.store (i32.const 1036) (i32.const 1))
         (i32.store (i32.const 1232) (i32.const 8192)) (i32.store (i32.const 1236) (i32.const {bytes}))
         (i32.const 1024)"
    ))
}

/// Calls `$set` this often with a value of so many bytes.
fn writes(times: u32, bytes: u32) -> Guest {
    let set = format!(
        "(call $set (i32.const 0) (i32.const 3) (i32.const 8192) (i32.const {bytes}) (i32.const 0) (i64.const 0))"
    );
    Guest::process(&format!("{} (i32.const 1024)", set.repeat(times as usize)))
        .import(STATE, "set", "(param i32 i32 i32 i32 i32 i64)")
        .data("key")
}

#[test]
fn messages_are_counted_to_the_cap() {
    let payload = super::event().payload.len() as u32;
    let at_cap = CallLimits {
        messages: payload,
        ..roomy()
    };
    let sandbox = Sandbox::shared();
    let guest = Guest::process(EMIT_MANY);
    let Verdict::Emit(messages) = verdict(&mut *sandbox.instance(&guest, &at_cap)) else {
        panic!("no messages");
    };
    assert_eq!(messages.len(), payload as usize);
    let below = CallLimits {
        messages: payload - 1,
        ..roomy()
    };
    let trap = trap(&mut *sandbox.instance(&guest, &below));
    assert_eq!(trap.code, TrapCode::OverCap);
    assert!(trap.message.contains("limits.messages"), "{}", trap.message);
}

#[test]
fn bytes_of_messages_are_counted_to_the_cap() {
    let sandbox = Sandbox::shared();
    let limits = CallLimits {
        bytes: 1_000,
        ..roomy()
    };
    verdict(&mut *sandbox.instance(&emit_bytes(1_000), &limits));
    let trap = trap(&mut *sandbox.instance(&emit_bytes(1_001), &limits));
    assert_eq!(trap.code, TrapCode::OverCap);
    assert!(trap.message.contains("limits.bytes"), "{}", trap.message);
}

#[test]
fn bytes_of_state_are_counted_to_the_cap() {
    let sandbox = Sandbox::shared();
    let limits = CallLimits {
        bytes: 1_000,
        ..roomy()
    };
    verdict(&mut *sandbox.instance(&writes(1, 997), &limits));
    assert_eq!(
        trap(&mut *sandbox.instance(&writes(1, 998), &limits)).code,
        TrapCode::OverCap
    );
    assert_eq!(
        trap(&mut *sandbox.instance(&writes(3, 400), &limits)).code,
        TrapCode::OverCap
    );
}

#[test]
fn writes_are_counted_to_the_cap_and_the_one_beyond_never_reaches_the_host() {
    let sandbox = Sandbox::shared();
    verdict(&mut *sandbox.instance(&writes(10, 1), &roomy()));
    let mut instance = sandbox.instance(&writes(11, 1), &roomy());
    let (call, host) = call(&mut *instance, TestHost::default());
    assert!(call.result.is_err());
    assert_eq!(host.calls.len(), 10);
    let trap = trap(&mut *sandbox.instance(&writes(11, 1), &roomy()));
    assert_eq!(trap.code, TrapCode::OverCap);
    assert!(trap.message.contains("limits.writes"), "{}", trap.message);
}

#[test]
fn sketch_updates_are_writes_too() {
    let observe = "(call $observe (i32.const 0) (i32.const 3) (f64.const 1))".repeat(11);
    let guest = Guest::process(&format!("{observe} (i32.const 1024)"))
        .import(SKETCHES, "observe", "(param i32 i32 f64)")
        .data("key");
    let trap = trap(&mut *Sandbox::shared().instance(&guest, &roomy()));
    assert_eq!(trap.code, TrapCode::OverCap);
}

#[test]
fn log_lines_beyond_the_cap_never_reach_the_host() {
    let log = "(call $log (i32.const 0) (i32.const 0) (i32.const 3))".repeat(11);
    let guest = Guest::process(&format!("{log} (i32.const 1024)"))
        .import(LOG, "log", "(param i32 i32 i32)")
        .data("key");
    let mut instance = Sandbox::shared().instance(&guest, &roomy());
    let (_, host) = call(&mut *instance, TestHost::default());
    assert_eq!(host.calls.len(), 10);
}

#[test]
fn every_event_begins_with_fresh_caps() {
    let mut instance = Sandbox::shared().instance(&writes(10, 100), &roomy());
    for _ in 0..20 {
        assert_eq!(verdict(&mut *instance), Verdict::Forward);
    }
}
