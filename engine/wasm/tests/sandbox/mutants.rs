//! Thousands of plugins that nobody wrote: valid guests, changed at random by `wasm-mutate` without
//! regard for what they mean. Whatever comes out is refused, or runs within its limits.
//!
//! The seed is fixed, so the test is the same at every run. `TAILRACE_MUTANTS_SEED` sets another and
//! `TAILRACE_MUTANTS` how many; a failure prints the seed of its mutant.

use std::{env, time::Duration};

use bytes::Bytes;
use tailrace_core::{
    grant::CallLimits,
    ports::plugins::{CallFailure, PluginError, PluginRuntime as _},
};
use wasm_mutate::WasmMutate;

use super::{
    Sandbox, call,
    guests::{Guest, LOG, STATE},
    host::TestHost,
    roomy,
};

/// As many as a test run can bear in the dev profile, some fifteen seconds; more are run by hand.
const MUTANTS: u64 = 3_000;
const SEED: u64 = 20_261_121;

fn number(variable: &str, usual: u64) -> u64 {
    let set = env::var(variable).ok();
    set.map_or(usual, |text| text.parse().expect("a number"))
}

/// A guest with something of everything that can be changed.
fn parent() -> Guest {
    Guest::process("(call $work (local.get $payload_len)) (i32.const 1024)")
    .import(STATE, "get", "(param i32 i32 i32)")
    .import(STATE, "set", "(param i32 i32 i32 i32 i32 i64)")
    .import(LOG, "log", "(param i32 i32 i32)")
    .data("onetwo")
    .more(
        "(type $pick (func (param i32) (result i32)))
         (table 3 funcref)
         (elem (i32.const 0) $one $two $one)
         (func $work (param $length i32)
             (local $at i32)
             (call $get (i32.const 0) (i32.const 3) (i32.const 1300))
             (loop $again
                 (i32.store8 (i32.add (i32.const 8192) (local.get $at)) (local.get $at))
                 (local.set $at (i32.add (local.get $at) (i32.const 1)))
                 (br_if $again (i32.lt_u (local.get $at) (local.get $length))))
             (call $set (i32.const 0) (i32.const 3) (i32.const 8192) (local.get $at) (i32.const 1) (i64.const 5))
             (call $log (i32.const 1) (i32.const 3) (i32.const 3))
             (drop (call_indirect (type $pick) (local.get $at) (i32.const 1)))
             (drop (f64.div (f64.convert_i32_u (local.get $at)) (f64.const 0))))
         (func $one (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
         (func $two (param i32) (result i32)
             (block $a (block $b (block $c (br_table $a $b $c (local.get 0)))))
             (select (i32.const 7) (memory.grow (i32.const 1)) (local.get 0)))",
    )
}

#[test]
fn whatever_a_plugin_is_changed_into_it_is_refused_or_runs_within_its_limits() {
    let sandbox = Sandbox::shared();
    let (seed, count) = (
        number("TAILRACE_MUTANTS_SEED", SEED),
        number("TAILRACE_MUTANTS", MUTANTS),
    );
    let parents = [parent().module(), Guest::forward().module()];
    let limits = CallLimits {
        fuel: 200_000,
        deadline: Duration::from_secs(10),
        ..roomy()
    };
    let (mut admitted, mut called) = (0_u64, 0_u64);
    for number in 0..count {
        let seed = seed.wrapping_add(number);
        let parent = &parents[usize::from(number % 4 == 0)];
        let Some(mutant) = mutate(parent, seed) else {
            continue;
        };
        match live(&sandbox, &mutant, &limits) {
            Life::Refused => {}
            Life::NotConfigured => admitted += 1,
            Life::Called => {
                admitted += 1;
                called += 1;
            }
            Life::Blamed(cause) => panic!("mutant of seed {seed}: the engine is blamed: {cause}"),
        }
    }
    // Else the test would pass by refusing all of them.
    assert!(
        admitted >= count / 6 && called >= count / 10,
        "seed {seed}: {admitted} admitted, {called} called"
    );
}

/// A few changes on top of each other; none if the parent has nothing of the kind that was chosen.
fn mutate(parent: &[u8], seed: u64) -> Option<Bytes> {
    let mut bytes = parent.to_vec();
    for step in 0..=seed % 4 {
        let mut mutation = WasmMutate::default();
        mutation
            .seed(seed.wrapping_mul(31).wrapping_add(step))
            .preserve_semantics(false)
            .fuel(100);
        let mut mutants = mutation.run(&bytes).ok()?;
        let next = mutants.next()?.ok()?;
        drop(mutants);
        bytes = next;
    }
    Some(Bytes::from(bytes))
}

/// How far a mutant came.
enum Life {
    Refused,
    NotConfigured,
    Called,
    Blamed(String),
}

fn live(sandbox: &Sandbox, mutant: &Bytes, limits: &CallLimits) -> Life {
    let of = |refusal: PluginError, otherwise: Life| match refusal {
        PluginError::Engine(cause) => Life::Blamed(cause),
        _ => otherwise,
    };
    let admitted = match sandbox.runtime.admit(mutant) {
        Ok(admitted) => admitted,
        Err(refusal) => return of(refusal, Life::Refused),
    };
    let plugin = match sandbox.runtime.load(admitted.digest, &admitted.component) {
        Ok(plugin) => plugin,
        Err(refusal) => return Life::Blamed(format!("it was admitted, but {refusal}")),
    };
    let mut instance = match plugin.instantiate("{}", limits) {
        Ok(instance) => instance,
        Err(refusal) => return of(refusal, Life::NotConfigured),
    };
    for _ in 0..2 {
        let (call, _) = call(&mut *instance, TestHost::default());
        if let Err(CallFailure::Engine(cause)) = call.result {
            return Life::Blamed(cause);
        }
        if instance.memory_bytes() > limits.memory_bytes || call.fuel > limits.fuel {
            return Life::Blamed("it went beyond its limits".to_owned());
        }
        if instance.is_spent() {
            break;
        }
    }
    Life::Called
}
