//! What the sandbox costs: one call against the bare wasmtime call of the same guest, what each host
//! interface adds to it, an instance, and the memory of instances that wait. `cargo bench -p
//! tailrace-wasm` takes the smallest guests there are, which shows the sandbox at its worst;
//! `-- PLUGIN.wasm` takes a real one besides, configured with what `TAILRACE_BENCH_CONFIG` holds, and
//! `-- --rows FILE` writes the figures for `bench` to collect.
//!
//! The two that are compared take turns, and medians are shown.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod bare;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/sandbox/guests.rs"]
mod guests;
#[path = "../../../../tests/bench/rows.rs"]
mod rows;
mod table;

use std::{
    env, fs,
    io::{self, Write as _},
    sync::Arc,
    time::{Duration, Instant},
};

use bare::{AnyResult, Bare};
use bytes::Bytes;
use guests::{Guest, SKETCHES, STATE, VECTORS};
use rows::{Row, Rows};
use table::Table;
use tailrace_core::{
    event::Event,
    grant::CallLimits,
    ports::plugins::{Instance, Plugin, PluginRuntime as _},
};
use tailrace_wasm::{WasmOptions, WasmRuntime};

const CALLS: u32 = 200_000;
const ROUNDS: usize = 7;
const INSTANCES: u32 = 2_000;
const BARE: &str = "bare wasmtime call";
const EMPTY: &str = "the engine's call, empty body";

fn main() -> AnyResult<()> {
    let mut rows = Rows::of_arguments()?;
    let folder = env::temp_dir().join(format!("tailrace-bench-{}", std::process::id()));
    let runtime = WasmRuntime::new(WasmOptions {
        artefacts: folder.clone(),
        ..WasmOptions::default()
    })?;
    let (plugin, config) = match Rows::other_arguments().next() {
        Some(path) => {
            let config = env::var("TAILRACE_BENCH_CONFIG").unwrap_or_else(|_| "{}".to_owned());
            (admit(&runtime, &Bytes::from(fs::read(path)?))?, config)
        }
        None => (admit(&runtime, &Guest::forward().module())?, "{}".to_owned()),
    };
    calls(&runtime, &plugin, &config, &mut rows)?;
    instances(&plugin.plugin, &config, &mut rows)?;
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// A plugin in both forms.
struct Admitted {
    component: Bytes,
    plugin: Arc<dyn Plugin>,
}

fn admit(runtime: &WasmRuntime, upload: &Bytes) -> AnyResult<Admitted> {
    let admitted = runtime.admit(upload)?;
    let plugin = runtime.load(admitted.digest, &admitted.component)?;
    Ok(Admitted {
        component: admitted.component,
        plugin,
    })
}

/// What each interface is asked once an event, besides the empty body.
fn hosted() -> [(&'static str, Guest); 4] {
    let get = "(call $get (i32.const 0) (i32.const 3) (i32.const 1300))";
    let set = "(call $set (i32.const 0) (i32.const 3) (i32.load (i32.const 1304)) (i32.load (i32.const 1308)) (i32.const 0) (i64.const 0))";
    let vector = "(call $get (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3) (i32.const 1300))";
    let observe = "(call $observe (i32.const 0) (i32.const 3) (f64.const 2.5))";
    let distinct = "(call $distinct (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3))";
    let body = |calls: &str| Guest::process(&format!("{calls} (i32.const 1024)")).data("key");
    [
        (
            "with state get and set of 64 bytes",
            body(&format!("{get} {set}"))
                .import(STATE, "get", "(param i32 i32 i32)")
                .import(STATE, "set", "(param i32 i32 i32 i32 i32 i64)"),
        ),
        (
            "with vector get of 64 dimensions",
            body(vector).import(VECTORS, "get", "(param i32 i32 i32 i32 i32)"),
        ),
        (
            "with sketch observe",
            body(observe).import(SKETCHES, "observe", "(param i32 i32 f64)"),
        ),
        (
            "with sketch distinct",
            body(distinct).import(SKETCHES, "distinct", "(param i32 i32 i32 i32)"),
        ),
    ]
}

fn calls(runtime: &WasmRuntime, empty: &Admitted, config: &str, rows: &mut Rows) -> AnyResult<()> {
    let mut bare = Bare::new(&empty.component, config)?;
    let mut named = vec![(EMPTY, Called::new(empty, config)?)];
    for (what, guest) in hosted() {
        let plugin = admit(runtime, &guest.module())?;
        named.push((what, Called::new(&plugin, "{}")?));
    }
    let event = event();
    let mut bare_times = Vec::new();
    let mut times: Vec<Vec<f64>> = named.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        bare_times.push(per_call(|| bare.call(&event))?);
        for ((_, called), times) in named.iter_mut().zip(&mut times) {
            times.push(per_call(|| called.call(&event))?);
        }
    }
    tell(rows, BARE, &bare_times, None, None)?;
    for ((what, _), times) in named.iter().zip(&times) {
        let (against, budget) = match *what {
            EMPTY => (BARE, Some("{\"ratio-at-most\":1.3}")),
            _ => (EMPTY, None),
        };
        tell(rows, what, times, Some(against), budget)?;
    }
    Ok(())
}

/// An instance in the sandbox, with its host.
struct Called {
    instance: Box<dyn Instance>,
    host: Table,
}

impl Called {
    fn new(plugin: &Admitted, config: &str) -> AnyResult<Self> {
        Ok(Self {
            instance: plugin.plugin.instantiate(config, &limits())?,
            host: Table::new(),
        })
    }

    fn call(&mut self, event: &Event) -> AnyResult<()> {
        let call = self.instance.process(event, &mut self.host);
        let failed = |failure| format!("{failure:?}").into();
        call.result.map(drop).map_err(failed)
    }
}

fn instances(plugin: &Arc<dyn Plugin>, config: &str, rows: &mut Rows) -> AnyResult<()> {
    let begun = Instant::now();
    for _ in 0..INSTANCES {
        drop(plugin.instantiate(config, &limits())?);
    }
    let made = begun.elapsed().as_nanos() as f64 / f64::from(INSTANCES);
    tell(rows, "instance made, configured and dropped", &[made], None, None)?;
    let before = resident_kib()?;
    let mut waiting = Vec::new();
    for _ in 0..INSTANCES {
        let mut instance = plugin.instantiate(config, &limits())?;
        let _ = instance.process(&event(), &mut Table::new());
        waiting.push(instance);
    }
    let each = resident_kib()?.saturating_sub(before) as f64 / f64::from(INSTANCES);
    let maps = fs::read_to_string("/proc/self/maps")?.lines().count();
    say(&format!(
        "{INSTANCES} kept after one event each: {each:.1} KiB resident each, {maps} mappings in all"
    ))?;
    let row = Row {
        what: "instance kept after one event",
        unit: "KiB resident",
        rounds: &[each],
        against: None,
        budget: None,
        also: &[
            ("instances", f64::from(INSTANCES), ""),
            ("mappings of the process", maps as f64, ""),
        ],
    };
    Ok(rows.write(&row)?)
}

/// Shows a time in nanoseconds and writes it as a row.
fn tell(
    rows: &mut Rows,
    what: &str,
    times: &[f64],
    against: Option<&str>,
    budget: Option<&str>,
) -> AnyResult<()> {
    say(&format!("{what}: {:.0} ns", median(times)))?;
    let row = Row {
        what,
        unit: "ns",
        rounds: times,
        against,
        budget,
        also: &[],
    };
    Ok(rows.write(&row)?)
}

fn per_call(mut call: impl FnMut() -> AnyResult<()>) -> AnyResult<f64> {
    let begun = Instant::now();
    for _ in 0..CALLS {
        call()?;
    }
    Ok(begun.elapsed().as_nanos() as f64 / f64::from(CALLS))
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
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
