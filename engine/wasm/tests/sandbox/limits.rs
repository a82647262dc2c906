//! What a plugin cannot take: fuel, wall time, memory, stack.

use std::{sync::mpsc, time::Duration};

use tailrace_core::{
    event::Verdict,
    grant::CallLimits,
    ports::{
        plugins::{CallFailure, PluginError, TrapCode},
        threads::on_long_call,
    },
};

use super::{
    Sandbox, TestHost, alone,
    guests::{Guest, LOG},
    host::Mood,
    roomy, trap, verdict,
};

const ENDLESS: &str = "(loop $again (br $again)) (i32.const 1024)";

#[test]
fn an_endless_loop_is_stopped_by_its_fuel_and_billed_for_all_of_it() {
    let mut instance = Sandbox::shared().instance(&Guest::process(ENDLESS), &roomy());
    let (call, _) = super::call(&mut *instance, TestHost::default());
    assert_eq!(call.fuel, roomy().fuel);
    let mut instance = Sandbox::shared().instance(&Guest::process(ENDLESS), &roomy());
    assert_eq!(trap(&mut *instance).code, TrapCode::OutOfFuel);
}

#[test]
fn an_endless_loop_is_stopped_by_its_deadline() {
    let limits = CallLimits {
        fuel: u64::MAX,
        deadline: Duration::from_millis(20),
        ..roomy()
    };
    let mut instance = Sandbox::shared().instance(&Guest::process(ENDLESS), &limits);
    assert_eq!(trap(&mut *instance).code, TrapCode::Deadline);
}

#[test]
fn that_a_call_lasts_is_told_to_its_thread_before_the_call_is_stopped() {
    let (sender, told) = mpsc::sync_channel(4);
    on_long_call(move || sender.send(()).unwrap());
    for (deadline_ms, lasts) in [(200, true), (2, false)] {
        let limits = CallLimits {
            fuel: u64::MAX,
            deadline: Duration::from_millis(deadline_ms),
            ..roomy()
        };
        let mut instance = Sandbox::shared().instance(&Guest::process(ENDLESS), &limits);
        assert_eq!(trap(&mut *instance).code, TrapCode::Deadline);
        assert_eq!(told.try_recv().is_ok(), lasts, "{deadline_ms} ms");
    }
}

#[test]
fn an_endless_loop_behind_a_host_that_stalled_is_stopped_by_its_deadline() {
    // A sandbox of its own: no other call keeps its ticker awake.
    let sandbox = Sandbox::new();
    let limits = CallLimits {
        fuel: 20_000_000_000,
        deadline: Duration::from_millis(50),
        ..roomy()
    };
    let body = format!("(call $log (i32.const 2) (i32.const 0) (i32.const 1)) {ENDLESS}");
    let guest = Guest::process(&body).import(LOG, "log", "(param i32 i32 i32)");
    let mut instance = sandbox.instance(&guest, &limits);
    let (call, _) = super::call(&mut *instance, TestHost::in_mood(Mood::Stalls));
    let Err(CallFailure::Trap(trap)) = call.result else {
        panic!("{:?}", call.result);
    };
    assert_eq!(trap.code, TrapCode::Deadline, "and not by its fuel");
}

#[test]
fn an_endless_loop_is_stopped_although_the_runtime_is_gone() {
    let _alone = alone();
    let limits = CallLimits {
        fuel: u64::MAX,
        deadline: Duration::from_millis(20),
        ..roomy()
    };
    let sandbox = Sandbox::new();
    let mut instance = sandbox.instance(&Guest::process(ENDLESS), &limits);
    drop(sandbox);
    assert_eq!(trap(&mut *instance).code, TrapCode::Deadline);
}

#[test]
fn memory_grows_to_its_limit_and_no_further() {
    let guest = Guest::process(
        "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (i32.const 1024)",
    );
    let mut instance = Sandbox::shared().instance(&guest, &roomy());
    let trap = trap(&mut *instance);
    assert_eq!(trap.code, TrapCode::OutOfMemory, "{trap:?}");
    assert!(trap.message.contains("limits.memory"), "{}", trap.message);
    assert_eq!(instance.memory_bytes(), roomy().memory_bytes);
}

#[test]
fn a_limit_of_more_than_64_mib_is_given() {
    // Grows to 200 MiB, and touches the last of it.
    let guest = Guest::process(
        "(drop (memory.grow (i32.const 3198)))
         (i32.store8 (i32.const 209715199) (i32.const 7)) (i32.const 1024)",
    );
    let limits = CallLimits {
        memory_bytes: 256 << 20,
        ..roomy()
    };
    let mut instance = Sandbox::shared().instance(&guest, &limits);
    assert_eq!(verdict(&mut *instance), Verdict::Forward);
    assert_eq!(instance.memory_bytes(), 200 << 20);
    let limits = CallLimits {
        memory_bytes: 128 << 20,
        ..roomy()
    };
    let mut instance = Sandbox::shared().instance(&guest, &limits);
    assert_eq!(trap(&mut *instance).code, TrapCode::OutOfMemory);
}

#[test]
fn a_guest_that_starts_with_more_memory_than_its_limit_is_refused_by_name() {
    let mut guest = Guest::forward();
    guest.pages = 100;
    let limits = CallLimits {
        memory_bytes: 1 << 20,
        ..roomy()
    };
    let refusal = Sandbox::shared().refusal(&guest, &limits);
    assert!(
        matches!(refusal, PluginError::Memory { needs: 6_553_600, .. }),
        "{refusal:?}"
    );
    let told = refusal.to_string();
    assert!(
        told.contains("allows 1MiB") && told.contains("limits: { memory: 8MiB }"),
        "{told}"
    );
}

#[test]
fn a_limit_beyond_what_an_instance_can_have_still_ends_in_a_trap() {
    let guest = Guest::process(
        "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (i32.const 1024)",
    );
    let limits = CallLimits {
        memory_bytes: u64::MAX,
        ..roomy()
    };
    let mut instance = Sandbox::shared().instance(&guest, &limits);
    assert_eq!(trap(&mut *instance).code, TrapCode::OutOfMemory);
}

#[test]
fn a_table_cannot_grow_without_bound() {
    let guest = Guest::process(
        "(loop $again (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
         (i32.const 1024)",
    )
    .more("(table $t 1 funcref)");
    let mut instance = Sandbox::shared().instance(&guest, &roomy());
    assert_eq!(trap(&mut *instance).code, TrapCode::OutOfMemory);
}

#[test]
fn endless_recursion_is_a_crash_of_the_guest_alone() {
    let guest = Guest::process("(call $deeper) (i32.const 1024)").more("(func $deeper (call $deeper))");
    let mut instance = Sandbox::shared().instance(&guest, &roomy());
    let trap = trap(&mut *instance);
    assert_eq!(trap.code, TrapCode::Crash);
    assert!(trap.message.contains("stack"), "{}", trap.message);
}

#[test]
fn after_a_trap_a_new_instance_of_the_same_plugin_starts_clean() {
    // Traps at the second event: the first leaves a mark in memory.
    let guest = Guest::process(
        "(if (i32.load (i32.const 1400)) (then unreachable)) (i32.store (i32.const 1400) (i32.const 1))
         (i32.const 1024)",
    );
    let sandbox = Sandbox::shared();
    let plugin = sandbox.plugin(&guest);
    for _ in 0..50 {
        let mut instance = plugin.instantiate("{}", &roomy()).expect("there is room again");
        assert_eq!(verdict(&mut *instance), Verdict::Forward);
        assert_eq!(trap(&mut *instance).code, TrapCode::Crash);
    }
}

#[test]
fn one_guest_never_sees_the_memory_of_another() {
    let writer =
        Guest::process("(memory.fill (i32.const 4096) (i32.const 90) (i32.const 120000)) (i32.const 1024)");
    let reader = Guest::process("(call $search (i32.const 8192)) (i32.const 1024)").more(
        "(func $search (param $at i32)
             (loop $again
                 (if (i32.load8_u (local.get $at)) (then unreachable))
                 (local.set $at (i32.add (local.get $at) (i32.const 1)))
                 (br_if $again (i32.lt_u (local.get $at) (i32.const 130000)))))",
    );
    let sandbox = Sandbox::shared();
    for _ in 0..20 {
        verdict(&mut *sandbox.instance(&writer, &roomy()));
        assert_eq!(
            verdict(&mut *sandbox.instance(&reader, &roomy())),
            Verdict::Forward
        );
    }
}
