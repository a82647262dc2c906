//! What the sandbox costs: one call against the bare wasmtime call of the same guest, an instance,
//! and the memory of instances that wait. `cargo bench -p tailrace-wasm` takes the smallest guest
//! there is, which shows the sandbox at its worst; `-- PLUGIN.wasm` takes a real one, configured with
//! what `TAILRACE_BENCH_CONFIG` holds.
//!
//! The bare call has the engine's settings that cost (fuel, epochs, pool) and the event's own types,
//! and nothing else: no caps, no host, no verdict.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/sandbox/guests.rs"]
mod guests;

use std::{
    any::Any,
    env, fs,
    io::{self, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tailrace_core::{
    event::Event,
    ports::{
        plugins::{CallLimits, Host, HostError, LogLevel, Plugin, PluginRuntime as _},
        store::Neighbour,
    },
};
use tailrace_wasm::{WasmOptions, WasmRuntime};
use wasmtime::{
    Config, Engine, PoolingAllocationConfig, Store,
    component::{Component, ComponentType, Lift, Linker, Lower, TypedFunc},
};

const CALLS: u32 = 200_000;
const ROUNDS: usize = 7;
const INSTANCES: u32 = 2_000;

type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> AnyResult<()> {
    let path = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let upload = match path {
        Some(path) => Bytes::from(fs::read(path)?),
        None => guests::Guest::forward().module(),
    };
    let config = env::var("TAILRACE_BENCH_CONFIG").unwrap_or_else(|_| "{}".to_owned());
    let folder = env::temp_dir().join(format!("tailrace-bench-{}", std::process::id()));
    let runtime = WasmRuntime::new(WasmOptions {
        artefacts: folder.clone(),
        ..WasmOptions::default()
    })?;
    let begun = Instant::now();
    let admitted = runtime.admit(&upload)?;
    say(&format!(
        "admit and compile {} bytes: {:?}",
        admitted.component.len(),
        begun.elapsed()
    ))?;
    let plugin = runtime.load(admitted.digest, &admitted.component)?;

    let mut bare = Bare::new(&admitted.component, &config)?;
    let mut ours = plugin.instantiate(&config, &limits())?;
    let event = event();
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        times.0.push(per_call(|| bare.call(&event))?);
        let mut host: Option<Box<dyn Host>> = Some(Box::new(Silent));
        times.1.push(per_call(|| {
            let (call, back) = ours.process(&event, host.take().ok_or("no host")?);
            host = Some(back);
            call.result
                .map(drop)
                .map_err(|failure| format!("{failure:?}").into())
        })?);
    }
    let (bare, ours) = (median(times.0), median(times.1));
    say(&format!(
        "one call, {} bytes of payload: bare {bare:.0} ns, sandbox {ours:.0} ns, ratio {:.2}",
        event.payload.len(),
        ours / bare
    ))?;
    instances(&plugin, &config)?;
    fs::remove_dir_all(folder)?;
    Ok(())
}

fn instances(plugin: &Arc<dyn Plugin>, config: &str) -> AnyResult<()> {
    let begun = Instant::now();
    for _ in 0..INSTANCES {
        drop(plugin.instantiate(config, &limits())?);
    }
    say(&format!(
        "instance made, configured and dropped: {:?}",
        begun.elapsed() / INSTANCES
    ))?;
    let before = resident_kib()?;
    let begun = Instant::now();
    let mut waiting = Vec::new();
    for _ in 0..INSTANCES {
        let mut instance = plugin.instantiate(config, &limits())?;
        let _ = instance.process(&event(), Box::new(Silent));
        waiting.push(instance);
    }
    let took = begun.elapsed() / INSTANCES;
    let each = resident_kib()?.saturating_sub(before) / u64::from(INSTANCES);
    let maps = fs::read_to_string("/proc/self/maps")?.lines().count();
    say(&format!(
        "{INSTANCES} kept after one event each: {took:?} and {each} KiB resident each, {maps} mappings in all"
    ))
}

fn per_call(mut call: impl FnMut() -> AnyResult<()>) -> AnyResult<f64> {
    let begun = Instant::now();
    for _ in 0..CALLS {
        call()?;
    }
    Ok(begun.elapsed().as_nanos() as f64 / f64::from(CALLS))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn resident_kib() -> AnyResult<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
}

fn say(line: &str) -> AnyResult<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}

fn limits() -> CallLimits {
    CallLimits {
        fuel: 50_000_000,
        memory_bytes: 16 << 20,
        deadline: Duration::from_millis(50),
        messages: 100,
        bytes: 4 << 20,
        writes: 1_000,
        log_lines: 10,
    }
}

fn event() -> Event {
    let mut payload = br#"{"user":"u1","item":"i1","rating":4.5,"ts":1700000000,"note":""#.to_vec();
    payload.resize(254, b'x');
    payload.extend_from_slice(b"\"}");
    Event {
        sequence: 1,
        time_ms: 1_700_000_000_000,
        subject: "shop.events.rating".to_owned(),
        key: "u1".to_owned(),
        headers: Vec::new(),
        payload: Bytes::from(payload),
    }
}

/// The shapes of `wit/types.wit`, for the bare call.
#[allow(dead_code, reason = "lifted, and looked at no further")]
mod shapes {
    use super::{ComponentType, Lift, Lower};

    #[derive(ComponentType, Lower, Lift)]
    #[component(record)]
    pub struct Header {
        pub name: String,
        pub value: String,
    }
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub struct Event<'a> {
        pub sequence: u64,
        pub time: u64,
        pub subject: &'a str,
        pub key: &'a str,
        pub headers: &'a [Header],
        pub payload: &'a [u8],
    }
    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub struct Message {
        pub subject: Option<String>,
        pub key: Option<String>,
        pub headers: Vec<Header>,
        pub payload: Vec<u8>,
    }
    #[derive(ComponentType, Lift)]
    #[component(variant)]
    pub enum Verdict {
        #[component(name = "forward")]
        Forward,
        #[component(name = "emit")]
        Emit(Vec<Message>),
        #[component(name = "drop")]
        Drop,
    }
    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub struct Rejection {
        pub code: String,
        pub reason: String,
    }
    #[derive(ComponentType, Lift)]
    #[component(variant)]
    pub enum Failure {
        #[component(name = "invalid")]
        Invalid(Rejection),
        #[component(name = "transient")]
        Transient(String),
    }
}

type Outcome = (Result<shapes::Verdict, shapes::Failure>,);

struct Bare {
    store: Store<()>,
    process: TypedFunc<(shapes::Event<'static>,), Outcome>,
}

impl Bare {
    fn new(component: &[u8], config: &str) -> AnyResult<Self> {
        let mut settings = Config::new();
        let mut pool = PoolingAllocationConfig::new();
        pool.max_memory_size(64 << 20)
            .total_memories(10)
            .total_core_instances(100);
        settings
            .consume_fuel(true)
            .epoch_interruption(true)
            .concurrency_support(false)
            .cranelift_nan_canonicalization(true)
            .allocation_strategy(pool);
        let engine = Engine::new(&settings)?;
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX)?;
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = linker.instantiate(&mut store, &component)?;
        let transform = component
            .get_export_index(None, "tailrace:plugin/transform@0.1.0")
            .ok_or("no transform")?;
        let export = |name: &str| {
            component
                .get_export_index(Some(&transform), name)
                .ok_or("no export")
        };
        let configure: TypedFunc<(&str,), (Result<(), String>,)> =
            instance.get_typed_func(&mut store, export("configure")?)?;
        configure.call(&mut store, (config,))?.0?;
        let process = instance.get_typed_func(&mut store, export("process")?)?;
        Ok(Self { store, process })
    }

    fn call(&mut self, event: &Event) -> AnyResult<()> {
        let event = shapes::Event {
            sequence: event.sequence,
            time: event.time_ms,
            subject: &event.subject,
            key: &event.key,
            headers: &[],
            payload: &event.payload,
        };
        match self.process.call(&mut self.store, (event,))?.0 {
            Ok(_) => Ok(()),
            Err(_) => Err("the plugin does not take the event".into()),
        }
    }
}

/// A host for plugins that ask for nothing.
struct Silent;

impl Host for Silent {
    fn state_get(&mut self, _: &str) -> Result<Option<Vec<u8>>, HostError> {
        Ok(None)
    }
    fn state_set(&mut self, _: &str, _: Vec<u8>, _: Option<u64>) -> Result<(), HostError> {
        Ok(())
    }
    fn state_delete(&mut self, _: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn state_scan(&mut self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<(String, Vec<u8>)>, HostError> {
        Ok(Vec::new())
    }
    fn vector_get(&mut self, _: &str, _: &str) -> Result<Option<Vec<f32>>, HostError> {
        Ok(None)
    }
    fn vector_set(&mut self, _: &str, _: &str, _: Vec<f32>) -> Result<(), HostError> {
        Ok(())
    }
    fn vector_delete(&mut self, _: &str, _: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn vectors_nearest(&mut self, _: &str, _: &[f32], _: u32) -> Result<Vec<Neighbour>, HostError> {
        Ok(Vec::new())
    }
    fn sketch_observe(&mut self, _: &str, _: f64) -> Result<(), HostError> {
        Ok(())
    }
    fn sketch_distinct(&mut self, _: &str, _: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn sketch_count(&mut self, _: &str, _: &str, _: u64) -> Result<(), HostError> {
        Ok(())
    }
    fn log(&mut self, _: LogLevel, _: &str) {}
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
