//! Broken results, and whose fault an error is: the guest's, or ours.

use tailrace_core::ports::plugins::{CallFailure, TrapCode};

use super::{
    Sandbox, call,
    guests::{Guest, STATE},
    host::{Mood, TestHost},
    roomy, trap, verdict,
};

fn reader() -> Guest {
    Guest::process("(call $get (i32.const 0) (i32.const 3) (i32.const 1300)) (i32.const 1024)")
        .import(STATE, "get", "(param i32 i32 i32)")
        .data("key")
}

fn crashes(body: &str) {
    let mut instance = Sandbox::shared().instance(&Guest::process(body), &roomy());
    let trap = trap(&mut *instance);
    assert_eq!(trap.code, TrapCode::Crash, "{trap:?}");
}

#[test]
fn a_result_outside_the_memory_is_a_crash() {
    crashes("(i32.const 0x7ffffff0)");
    crashes("(i32.const -4)");
}

#[test]
fn a_misaligned_result_is_a_crash() {
    crashes("(i32.const 1025)");
}

#[test]
fn an_unknown_kind_of_verdict_is_a_crash() {
    crashes("(i32.store8 (i32.const 1028) (i32.const 77)) (i32.const 1024)");
}

#[test]
fn messages_outside_the_memory_are_a_crash() {
    crashes(
        "(i32.store8 (i32.const 1028) (i32.const 1)) (i32.store (i32.const 1032) (i32.const 0x7ffffff0))
         (i32.store (i32.const 1036) (i32.const 3)) (i32.const 1024)",
    );
}

#[test]
fn a_count_of_messages_that_no_memory_holds_takes_no_memory_of_ours() {
    let guest = Guest::process(
        "(i32.store8 (i32.const 1028) (i32.const 1)) (i32.store (i32.const 1032) (i32.const 8192))
         (i32.store (i32.const 1036) (i32.const -1)) (i32.const 1024)",
    );
    trap(&mut *Sandbox::shared().instance(&guest, &roomy()));
}

#[test]
fn a_reason_that_is_no_text_is_a_crash() {
    crashes(
        "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const 1))
         (i32.store8 (i32.const 8192) (i32.const 0xff))
         (i32.store (i32.const 1032) (i32.const 8192)) (i32.store (i32.const 1036) (i32.const 1))
         (i32.const 1024)",
    );
}

#[test]
fn a_crash_names_the_functions_of_the_guest_innermost_first() {
    let guest = Guest::process("(call $outer) (i32.const 1024)")
        .more("(func $outer (call $inner)) (func $inner unreachable)");
    let trap = trap(&mut *Sandbox::shared().instance(&guest, &roomy()));
    assert_eq!(trap.code, TrapCode::Crash);
    assert!(trap.message.contains("unreachable"), "{}", trap.message);
    assert_eq!(trap.backtrace[..2], ["inner", "outer"], "{:?}", trap.backtrace);
}

#[test]
fn a_spent_instance_stays_spent_and_gives_the_host_back() {
    let mut instance = Sandbox::shared().instance(&Guest::process("unreachable"), &roomy());
    trap(&mut *instance);
    let (call, _) = call(&mut *instance, TestHost::default());
    assert!(call.result.is_err());
    assert!(instance.is_spent());
}

#[test]
fn a_misused_host_interface_stops_the_guest_with_the_reason() {
    let mut instance = Sandbox::shared().instance(&reader(), &roomy());
    let (call, _) = call(&mut *instance, TestHost::in_mood(Mood::Misuse));
    let Err(CallFailure::Trap(trap)) = call.result else {
        panic!("no trap but {:?}", call.result);
    };
    assert_eq!(trap.code, TrapCode::Misuse);
    assert!(trap.message.contains("\"users\""), "{}", trap.message);
    assert!(instance.is_spent());
}

#[test]
fn a_failed_store_is_our_fault_and_not_the_event_s() {
    let mut instance = Sandbox::shared().instance(&reader(), &roomy());
    let (call, host) = call(&mut *instance, TestHost::in_mood(Mood::Broken));
    assert!(matches!(&call.result, Err(CallFailure::Engine(cause)) if cause.contains("disk on fire")));
    assert_eq!(host.calls, ["state.get key"]);
    assert!(instance.is_spent());
}

#[test]
fn a_panic_of_the_host_stays_in_the_call_and_the_host_comes_back() {
    let sandbox = Sandbox::shared();
    let mut instance = sandbox.instance(&reader(), &roomy());
    let (call, host) = call(&mut *instance, TestHost::in_mood(Mood::Panics));
    assert!(matches!(&call.result, Err(CallFailure::Engine(cause)) if cause.contains("a bug in the host")));
    assert_eq!(host.calls, ["state.get key"]);
    assert!(instance.is_spent());
    verdict(&mut *sandbox.instance(&reader(), &roomy()));
}

#[test]
fn what_a_guest_says_of_a_rejection_is_bounded_and_plain() {
    let guest = Guest::process(
        "(memory.fill (i32.const 8192) (i32.const 27) (i32.const 50000))
         (i32.store8 (i32.const 1024) (i32.const 1))
         (i32.store (i32.const 1032) (i32.const 8192)) (i32.store (i32.const 1036) (i32.const 50000))
         (i32.store (i32.const 1040) (i32.const 8192)) (i32.store (i32.const 1044) (i32.const 50000))
         (i32.const 1024)",
    );
    let mut instance = Sandbox::shared().instance(&guest, &roomy());
    let (call, _) = call(&mut *instance, TestHost::default());
    let Err(CallFailure::Invalid(rejection)) = call.result else {
        panic!("not invalid but {:?}", call.result);
    };
    for text in [rejection.code, rejection.reason] {
        assert!(text.len() < 5_000, "{} bytes", text.len());
        assert!(!text.contains('\u{1b}'));
    }
}
