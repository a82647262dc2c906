//! Plugins that set timers and wake up, and what they read of sketches.

use tailrace_core::{
    event::Verdict,
    grant::{CallLimits, Grant},
    ports::plugins::{CallFailure, TrapCode},
    timer::Timer,
};

use super::{
    Sandbox, call,
    guests::{Guest, SKETCHES, TIMERS},
    host::TestHost,
    roomy, trap,
};

/// Sets `name` at 5 with the payload `abc`, so often.
fn sets(times: usize) -> Guest {
    let set = "(call $set (i32.const 0) (i32.const 4) (i64.const 5) (i32.const 4) (i32.const 3))";
    Guest::process(&format!("{} (i32.const 1024)", set.repeat(times)))
        .import(TIMERS, "set", "(param i32 i32 i64 i32 i32)")
        .data("nameabc")
}

fn timer() -> Timer {
    Timer {
        name: "minute".to_owned(),
        key: "ada".to_owned(),
        at_ms: 60_000,
        payload: b"seen".to_vec(),
        set_by: 7,
    }
}

/// Answers a timer with one message that bears its name as its key and its payload. Its result is at 1300, so that the
/// one of `process` stays as it is.
const ECHO: &str = r"
    (if (i32.eqz (i32.and (i64.eq (local.get $at) (i64.const 60000)) (i64.eq (local.get $set_by) (i64.const 7))))
        (then unreachable))
    (i32.store (i32.const 1304) (i32.const 1200))
    (i32.store (i32.const 1308) (i32.const 1))
    (i32.store8 (i32.const 1212) (i32.const 1))
    (i32.store (i32.const 1216) (local.get $name))
    (i32.store (i32.const 1220) (local.get $name_len))
    (i32.store (i32.const 1232) (local.get $payload))
    (i32.store (i32.const 1236) (local.get $payload_len))
    (i32.const 1300)";

#[test]
fn timers_are_set_moved_asked_for_and_cancelled_and_need_their_grant() {
    let body = "(call $set (i32.const 0) (i32.const 4) (i64.const 5) (i32.const 4) (i32.const 3))
        (call $get (i32.const 0) (i32.const 4) (i32.const 1200))
        (if (i64.ne (i64.load (i32.const 1208)) (i64.const 7)) (then unreachable))
        (call $cancel (i32.const 0) (i32.const 4))
        (drop (call $watermark))
        (i32.const 1024)";
    let guest = Guest::process(body)
        .import(TIMERS, "set", "(param i32 i32 i64 i32 i32)")
        .import(TIMERS, "get", "(param i32 i32 i32)")
        .import(TIMERS, "cancel", "(param i32 i32)")
        .import(TIMERS, "watermark", "(result i64)")
        .data("nameabc");
    let sandbox = Sandbox::shared();
    assert!(sandbox.plugin(&guest).imports().iter().eq(&[Grant::Timers]));
    let mut instance = sandbox.instance(&guest, &roomy());
    let (call, host) = call(&mut *instance, TestHost::default());
    assert_eq!(call.result.expect("a verdict"), Verdict::Forward);
    let asked = [
        "timers.set name 5 [97, 98, 99]",
        "timers.get name",
        "timers.cancel name",
    ];
    assert_eq!(host.calls, asked);
}

#[test]
fn timers_count_towards_the_writes_and_the_bytes_of_a_call() {
    let sandbox = Sandbox::shared();
    let limits = CallLimits {
        writes: 3,
        bytes: 21,
        ..roomy()
    };
    super::verdict(&mut *sandbox.instance(&sets(3), &limits));
    for limits in [
        CallLimits { writes: 2, ..limits },
        CallLimits { bytes: 20, ..limits },
    ] {
        assert_eq!(
            trap(&mut *sandbox.instance(&sets(3), &limits)).code,
            TrapCode::OverCap
        );
    }
}

#[test]
fn a_timer_reaches_the_guest_whole_and_its_messages_come_back() {
    let sandbox = Sandbox::shared();
    let guest = Guest::forward().on_timer(ECHO);
    let mut instance = sandbox.instance(&guest, &roomy());
    for _ in 0..2 {
        let call = instance.on_timer(&timer(), &mut TestHost::default());
        let Verdict::Emit(messages) = call.result.expect("messages") else {
            panic!("no messages");
        };
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].key.as_deref(), Some("minute"));
        assert_eq!(&messages[0].payload[..], b"seen");
        assert!(call.fuel > 0);
    }
    // Events and timers share the instance.
    assert_eq!(super::verdict(&mut *instance), Verdict::Forward);
}

#[test]
fn a_timer_that_loops_or_emits_too_much_is_stopped_as_an_event_is() {
    let sandbox = Sandbox::shared();
    let looping = Guest::forward().on_timer("(loop $again (br $again)) (i32.const 1024)");
    let many = "(i32.store (i32.const 1028) (i32.const 8192)) (i32.store (i32.const 1032) (i32.const 11))
        (i32.const 1024)";
    for (guest, code) in [
        (looping, TrapCode::OutOfFuel),
        (Guest::forward().on_timer(many), TrapCode::OverCap),
    ] {
        let mut instance = sandbox.instance(&guest, &roomy());
        let call = instance.on_timer(&timer(), &mut TestHost::default());
        assert!(
            matches!(&call.result, Err(CallFailure::Trap(trap)) if trap.code == code),
            "{call:?}"
        );
        assert!(instance.is_spent());
    }
}

#[test]
fn a_timer_at_a_plugin_without_timed_is_a_misuse_that_names_the_way_out() {
    let mut instance = Sandbox::shared().instance(&Guest::forward(), &roomy());
    let call = instance.on_timer(&timer(), &mut TestHost::default());
    let Err(CallFailure::Trap(trap)) = call.result else {
        panic!("no trap");
    };
    assert_eq!(trap.code, TrapCode::Misuse);
    assert!(
        trap.message.contains("\"minute\"") && trap.message.contains("timed"),
        "{}",
        trap.message
    );
    assert!(!instance.is_spent(), "the guest has not run");
}

#[test]
fn a_plugin_reads_what_sketches_have_learnt() {
    let body = "(call $quantile (i32.const 0) (i32.const 4) (f64.const 0.99) (i32.const 1200))
        (if (f64.ne (f64.load (i32.const 1208)) (f64.const 0.5)) (then unreachable))
        (if (i64.ne (call $estimate (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0)) (i64.const 3))
            (then unreachable))
        (if (i64.ne (call $estimate (i32.const 0) (i32.const 4) (i32.const 1) (i32.const 4) (i32.const 3)) (i64.const 3))
            (then unreachable))
        (call $top (i32.const 0) (i32.const 4) (i32.const 5) (i32.const 1200))
        (if (i32.ne (i32.load (i32.const 1204)) (i32.const 1)) (then unreachable))
        (if (i64.ne (i64.load offset=8 (i32.load (i32.const 1200))) (i64.const 9)) (then unreachable))
        (if (i64.ne (call $total (i32.const 0) (i32.const 4)) (i64.const 11)) (then unreachable))
        (i32.const 1024)";
    let guest = Guest::process(body)
        .import(SKETCHES, "quantile", "(param i32 i32 f64 i32)")
        .import(SKETCHES, "estimate", "(param i32 i32 i32 i32 i32) (result i64)")
        .import(SKETCHES, "top", "(param i32 i32 i32 i32)")
        .import(SKETCHES, "total", "(param i32 i32) (result i64)")
        .data("nameabc");
    let mut instance = Sandbox::shared().instance(&guest, &roomy());
    let (call, host) = call(&mut *instance, TestHost::default());
    assert_eq!(call.result.expect("a verdict"), Verdict::Forward);
    assert_eq!(
        host.calls,
        [
            "sketches.quantile name 0.99",
            "sketches.estimate name None",
            "sketches.estimate name Some(\"abc\")",
            "sketches.top name 5",
            "sketches.total name",
        ]
    );
}
