//! What an honest plugin can do.

use tailrace_core::{
    event::{Message, Rejection, Verdict},
    ports::plugins::CallFailure,
};

use super::{
    Sandbox, call, event,
    guests::{Guest, LOG, SKETCHES, STATE, VECTORS},
    host::TestHost,
    roomy, verdict,
};

/// Emits one message, which is the event itself, under its own subject, key and headers.
const ECHO: &str = r"
    (i32.store8 (i32.const 1028) (i32.const 1))
    (i32.store (i32.const 1032) (i32.const 1200))
    (i32.store (i32.const 1036) (i32.const 1))
    (i32.store8 (i32.const 1200) (i32.const 1))
    (i32.store (i32.const 1204) (local.get $subject))
    (i32.store (i32.const 1208) (local.get $subject_len))
    (i32.store8 (i32.const 1212) (i32.const 1))
    (i32.store (i32.const 1216) (local.get $key))
    (i32.store (i32.const 1220) (local.get $key_len))
    (i32.store (i32.const 1224) (local.get $headers))
    (i32.store (i32.const 1228) (local.get $headers_len))
    (i32.store (i32.const 1232) (local.get $payload))
    (i32.store (i32.const 1236) (local.get $payload_len))
    (i32.const 1024)";

/// Fails as `kind` (0 invalid, 1 transient) with texts at 0.
fn failing(kind: u32) -> Guest {
    let body = format!(
        "(i32.store8 (i32.const 1024) (i32.const 1))
         (i32.store8 (i32.const 1028) (i32.const {kind}))
         (i32.store (i32.const 1032) (i32.const 0)) (i32.store (i32.const 1036) (i32.const 4))
         (i32.store (i32.const 1040) (i32.const 4)) (i32.store (i32.const 1044) (i32.const 6))
         (i32.const 1024)"
    );
    Guest::process(&body).data("codereason")
}

/// What the host was asked by a guest that makes one call of an interface.
fn asked(guest: &Guest) -> Vec<String> {
    let sandbox = Sandbox::shared();
    let mut instance = sandbox.instance(guest, &roomy());
    let (call, host) = call(&mut *instance, TestHost::default());
    assert_eq!(call.result.expect("a verdict"), Verdict::Forward);
    host.calls
}

#[test]
fn an_event_can_be_forwarded_and_the_instance_serves_the_next() {
    let sandbox = Sandbox::shared();
    let mut instance = sandbox.instance(&Guest::forward(), &roomy());
    for _ in 0..1_000 {
        assert_eq!(verdict(&mut *instance), Verdict::Forward);
    }
    assert!(!instance.is_spent());
}

#[test]
fn an_event_can_be_dropped() {
    let guest = Guest::process("(i32.store8 (i32.const 1028) (i32.const 2)) (i32.const 1024)");
    let mut instance = Sandbox::shared().instance(&guest, &roomy());
    assert_eq!(verdict(&mut *instance), Verdict::Drop);
}

#[test]
fn an_event_reaches_the_guest_whole_and_a_message_comes_back_whole() {
    let mut instance = Sandbox::shared().instance(&Guest::process(ECHO), &roomy());
    let sent = event();
    let message = Message {
        subject: Some(sent.subject),
        key: Some(sent.key),
        headers: sent.headers,
        payload: sent.payload,
    };
    assert_eq!(verdict(&mut *instance), Verdict::Emit(vec![message]));
}

#[test]
fn sequence_and_time_reach_the_guest() {
    let guest = Guest::process(
        "(if (i32.eqz (i32.and (i64.eq (local.get $sequence) (i64.const 7))
                               (i64.eq (local.get $time) (i64.const 1700000000123))))
             (then unreachable))
         (i32.const 1024)",
    );
    assert_eq!(
        verdict(&mut *Sandbox::shared().instance(&guest, &roomy())),
        Verdict::Forward
    );
}

#[test]
fn an_invalid_event_is_reported_with_its_code_and_leaves_the_instance_usable() {
    let mut instance = Sandbox::shared().instance(&failing(0), &roomy());
    let (call, _) = call(&mut *instance, TestHost::default());
    let expected = Rejection {
        code: "code".to_owned(),
        reason: "reason".to_owned(),
    };
    assert!(matches!(call.result, Err(CallFailure::Invalid(rejection)) if rejection == expected));
    assert!(!instance.is_spent());
}

#[test]
fn a_transient_failure_is_reported_and_leaves_the_instance_usable() {
    let mut instance = Sandbox::shared().instance(&failing(1), &roomy());
    let (call, _) = call(&mut *instance, TestHost::default());
    assert!(matches!(call.result, Err(CallFailure::Transient(reason)) if reason == "code"));
    assert!(!instance.is_spent());
}

#[test]
fn the_guest_may_clean_up_after_its_result_was_read() {
    // The result is made a drop only after the first one was read.
    let guest = Guest::forward().more(
        "(func (export \"cabi_post_tailrace:plugin/transform@0.2.0#process\") (param i32)
             (i32.store8 (i32.const 1028) (i32.const 2)))",
    );
    let mut instance = Sandbox::shared().instance(&guest, &roomy());
    assert_eq!(verdict(&mut *instance), Verdict::Forward);
    assert_eq!(verdict(&mut *instance), Verdict::Drop);
}

#[test]
fn the_same_event_takes_the_same_fuel() {
    let sandbox = Sandbox::shared();
    let guest = Guest::process(ECHO);
    let fuel = |_| {
        let mut instance = sandbox.instance(&guest, &roomy());
        call(&mut *instance, TestHost::default()).0.fuel
    };
    let bills: Vec<u64> = (0..5).map(fuel).collect();
    assert!(bills[0] > 0);
    assert!(bills.iter().all(|bill| *bill == bills[0]), "{bills:?}");
}

#[test]
fn memory_in_use_is_told() {
    let sandbox = Sandbox::shared();
    let guest = Guest::process("(drop (memory.grow (i32.const 3))) (i32.const 1024)");
    let mut instance = sandbox.instance(&guest, &roomy());
    assert_eq!(instance.memory_bytes(), 2 * 65_536);
    verdict(&mut *instance);
    assert_eq!(instance.memory_bytes(), 5 * 65_536);
}

#[test]
fn state_is_read_and_written_through_the_host() {
    // Reads, then stores what it read under the same key with a time to live.
    let guest = Guest::process(
        "(call $get (i32.const 0) (i32.const 3) (i32.const 1300))
         (call $set (i32.const 0) (i32.const 3) (i32.load (i32.const 1304)) (i32.load (i32.const 1308))
                    (i32.const 1) (i64.const 60000))
         (call $delete (i32.const 3) (i32.const 3))
         (call $scan (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 3) (i32.const 2) (i32.const 9)
                     (i32.const 1300))
         (if (i32.ne (i32.load (i32.const 1304)) (i32.const 2)) (then unreachable))
         (i32.const 1024)",
    )
    .import(STATE, "get", "(param i32 i32 i32)")
    .import(STATE, "set", "(param i32 i32 i32 i32 i32 i64)")
    .import(STATE, "delete", "(param i32 i32)")
    .import(STATE, "scan", "(param i32 i32 i32 i32 i32 i32 i32)")
    .data("onetwo");
    let stored = format!("state.set one {:?} Some(60000)", b"stored");
    assert_eq!(
        asked(&guest),
        [
            "state.get one",
            &stored,
            "state.delete two",
            "state.scan o Some(\"tw\") 9"
        ]
    );
}

#[test]
fn vectors_are_searched_and_written_through_the_host() {
    let guest = Guest::process(
        "(f32.store (i32.const 1200) (f32.const 1.5)) (f32.store (i32.const 1204) (f32.const -2))
         (call $set (i32.const 0) (i32.const 5) (i32.const 5) (i32.const 4) (i32.const 1200) (i32.const 2))
         (call $get (i32.const 0) (i32.const 5) (i32.const 5) (i32.const 4) (i32.const 1300))
         (call $nearest (i32.const 0) (i32.const 5) (i32.const 1200) (i32.const 2) (i32.const 3) (i32.const 1300))
         (if (i32.ne (i32.load (i32.const 1304)) (i32.const 1)) (then unreachable))
         (call $delete (i32.const 0) (i32.const 5) (i32.const 5) (i32.const 4))
         (i32.const 1024)",
    )
    .import(VECTORS, "set", "(param i32 i32 i32 i32 i32 i32)")
    .import(VECTORS, "get", "(param i32 i32 i32 i32 i32)")
    .import(VECTORS, "nearest", "(param i32 i32 i32 i32 i32 i32)")
    .import(VECTORS, "delete", "(param i32 i32 i32 i32)")
    .data("itemsfilm");
    assert_eq!(
        asked(&guest),
        [
            "vectors.set items film [1.5, -2.0]",
            "vectors.get items film",
            "vectors.nearest items [1.5, -2.0] 3",
            "vectors.delete items film"
        ]
    );
}

#[test]
fn sketches_are_fed_through_the_host() {
    let guest = Guest::process(
        "(call $observe (i32.const 0) (i32.const 3) (f64.const 2.5))
         (call $distinct (i32.const 0) (i32.const 3) (i32.const 3) (i32.const 3))
         (call $count (i32.const 0) (i32.const 3) (i32.const 3) (i32.const 3) (i64.const 4))
         (i32.const 1024)",
    )
    .import(SKETCHES, "observe", "(param i32 i32 f64)")
    .import(SKETCHES, "distinct", "(param i32 i32 i32 i32)")
    .import(SKETCHES, "count", "(param i32 i32 i32 i32 i64)")
    .data("onetwo");
    assert_eq!(
        asked(&guest),
        [
            "sketches.observe one 2.5",
            "sketches.distinct one two",
            "sketches.count one two 4"
        ]
    );
}

#[test]
fn a_log_line_is_one_line_of_plain_text() {
    let guest = Guest::process("(call $log (i32.const 2) (i32.const 0) (i32.const 9)) (i32.const 1024)")
        .import(LOG, "log", "(param i32 i32 i32)")
        .data(r"a\0ab\1b[31mc");
    assert_eq!(asked(&guest), [r"log Warn a\nb\u{1b}[31mc"]);
}

#[test]
fn a_log_line_is_cut_to_a_kibibyte() {
    let guest =
        Guest::process("(call $log (i32.const 0) (i32.const 20000) (i32.const 9000)) (i32.const 1024)")
            .import(LOG, "log", "(param i32 i32 i32)");
    let calls = asked(&guest);
    // All zero bytes, which are escaped: the bound is on what is read, six characters each.
    assert_eq!(calls.len(), 1);
    assert!(calls[0].len() <= 16 + 6 * 1_024, "{} bytes", calls[0].len());
}
