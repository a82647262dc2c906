//! The sandbox against guests that are honest, broken or hostile. One test binary, because every one
//! of them links Cranelift.
//!
//! Guests are core modules in the text format (`guests`), made plugins by the same `wit-component`
//! that serves tenants. No test waits for a time; only `guard` measures one, as a ratio.

mod admission;
mod artefacts;
#[path = "../../benches/call/bare.rs"]
mod bare;
mod bombs;
mod caps;
mod children;
mod configuring;
mod contract;
mod faults;
mod functions;
mod guard;
mod guests;
mod host;
mod hostile;
mod limits;
mod mutants;
mod running;
mod tables;
mod timers;
// With its own test: the library has no test binary.
#[path = "../../src/ticker.rs"]
mod ticker;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use guests::Guest;
use host::TestHost;
use tailrace_core::{
    event::{Event, Header, Verdict},
    grant::CallLimits,
    ports::plugins::{Call, CallFailure, Instance, Plugin, PluginError, PluginRuntime as _, Trap},
};
use tailrace_wasm::{Compile, WasmOptions, WasmRuntime};
use tempfile::TempDir;

/// A runtime with a folder of its own for artefacts.
struct Sandbox {
    runtime: WasmRuntime,
    folder: TempDir,
}

impl Sandbox {
    /// The one that tests share while any of them runs: a pool takes 16 TiB of the 128 TiB of
    /// addresses that a process has, so one for each test thread is too many.
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Sandbox>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let sandbox = Arc::new(Self::new());
            *shared = Arc::downgrade(&sandbox);
            sandbox
        })
    }

    /// One of its own, for a test that is [`alone`].
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self {
            runtime: runtime_in(&folder),
            folder,
        }
    }

    fn plugin(&self, guest: &Guest) -> Arc<dyn Plugin> {
        let admitted = self
            .runtime
            .admit(&guest.module())
            .expect("the guest is admitted");
        self.runtime
            .load(admitted.digest, &admitted.component)
            .expect("what was admitted can be loaded")
    }

    fn instance(&self, guest: &Guest, limits: &CallLimits) -> Box<dyn Instance> {
        self.plugin(guest)
            .instantiate("{}", limits)
            .expect("the guest takes the config")
    }

    /// The plugin's answer to being instantiated.
    fn refusal(&self, guest: &Guest, limits: &CallLimits) -> PluginError {
        match self.plugin(guest).instantiate("{}", limits) {
            Err(refusal) => refusal,
            Ok(_) => panic!("the guest was instantiated"),
        }
    }
}

/// Held by a test that starts runtimes of its own.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn runtime_in(folder: &TempDir) -> WasmRuntime {
    let artefacts = folder.path().join("artefacts");
    let options = WasmOptions {
        artefacts,
        compile: Compile::default(),
    };
    WasmRuntime::new(options).expect("the sandbox starts")
}

/// Limits that no honest guest here reaches, with a deadline that no slow machine reaches.
fn roomy() -> CallLimits {
    CallLimits {
        fuel: 10_000_000,
        memory_bytes: 4 << 20,
        deadline: Duration::from_secs(10),
        messages: 10,
        bytes: 64 << 10,
        writes: 10,
        log_lines: 10,
    }
}

fn event() -> Event {
    Event {
        sequence: 7,
        time_ms: 1_700_000_000_123,
        subject: "shop.events.view".to_owned(),
        key: "user-ü".to_owned(),
        headers: vec![
            Header {
                name: "Trace".to_owned(),
                value: "abc".to_owned(),
            },
            Header {
                name: "Empty".to_owned(),
                value: String::new(),
            },
        ],
        payload: Bytes::from_static(b"\x00\xffany bytes"),
    }
}

/// One call; the host comes back as what it was.
fn call(instance: &mut dyn Instance, mut host: TestHost) -> (Call, TestHost) {
    let call = instance.process(&event(), &mut host);
    (call, host)
}

/// One call that must succeed.
fn verdict(instance: &mut dyn Instance) -> Verdict {
    call(instance, TestHost::default()).0.result.expect("a verdict")
}

/// One call that must trap, after which the instance must be spent.
fn trap(instance: &mut dyn Instance) -> Trap {
    let (call, _) = call(instance, TestHost::default());
    match call.result {
        Err(CallFailure::Trap(trap)) => {
            assert!(instance.is_spent(), "an instance is spent after {trap:?}");
            trap
        }
        other => panic!("no trap but {other:?}"),
    }
}
