//! The engine without a broker: what one core can do, by steps, size of the payload and state.
//!
//! Everything between intake and commit is the real thing: key and time read from the payload, guest
//! threads, sandbox, effects, commit records, sled. Only the broker costs nothing.

mod stage;

pub use stage::{Job, MemoryStage, Plugin, Round};

use anyhow::Context as _;

use crate::{
    events::KEYS,
    options::Options,
    report::{Budget, Row, Section},
};

const ABOUT: &str = "Events from memory, commits dropped; everything between is the real thing. Events a second of processor \
time, all threads of the process counted. `forward` has an empty body, `state` reads, changes and writes 64 bytes \
under the event's key (1,000 keys), `validator` checks four fields of the JSON payload. `window` has no step: it counts and sums by key (1,000 keys). \
`timer` sets a timer at each event, which \
fires before the key's next event (1,000 keys). `join` has no step: half of the events are of one input, and each meets one of the other (999 keys).";

/// Sizes of a payload, in bytes.
const SIZES: [usize; 4] = [64, 256, 1_024, 16_384];
/// Windows that count and sum by key, and their lengths in seconds: each key has an event a second.
const WINDOWS: [(&str, u32, Option<Budget>); 2] = [
    (
        "window, 60 events each, 256 bytes",
        60,
        Some(Budget::RatioAtLeast(0.6)),
    ),
    ("window, one event each, 256 bytes", 1, None),
];
/// The size that budgets are about.
const USUAL: usize = 256;

struct Case {
    job: Job,
    what: String,
    against: Option<String>,
    budget: Option<Budget>,
}

/// Measures all of it, in turn.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let stage = MemoryStage::set()?;
    let cases = cases(options.memory_events());
    let mut rounds: Vec<Vec<Round>> = cases.iter().map(|_| Vec::new()).collect();
    for number in 0..options.rounds() {
        println!("in memory, round {} of {}", number + 1, options.rounds());
        for (case, rounds) in cases.iter().zip(&mut rounds) {
            rounds.push(stage.run(&case.job).await.with_context(|| case.what.clone())?);
        }
    }
    let mut section = Section::new("In memory", ABOUT);
    for (case, rounds) in cases.into_iter().zip(rounds) {
        section.push(row(case.what, &rounds).against(case.against).budget(case.budget));
    }
    Ok(vec![section])
}

/// A row of rounds in memory.
pub fn row(what: String, rounds: &[Round]) -> Row {
    let of = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<_>>();
    Row::new(what, "events/s a core", of(|round| round.rate_a_core)).also(
        "on the wall clock",
        &of(|round| round.rate),
        "events/s",
    )
}

fn cases(events: u64) -> Vec<Case> {
    let name = |plugin: &str, steps: usize, bytes: usize| {
        let plural = if steps == 1 { "" } else { "s" };
        format!("{plugin}, {steps} step{plural}, {bytes} bytes")
    };
    let mut cases = Vec::new();
    for steps in [1, 3] {
        for bytes in SIZES {
            for plugin in [Plugin::Forward, Plugin::State { bytes: 64 }, Plugin::Validator] {
                let (against, budget) = match plugin {
                    Plugin::State { .. } => (name("forward", steps, bytes), None),
                    _ if steps > 1 || bytes != USUAL => (name(plugin.name(), 1, USUAL), None),
                    Plugin::Forward => (String::new(), Some(Budget::AtLeast(300_000.0))),
                    _ => (String::new(), None),
                };
                cases.push(Case {
                    what: name(plugin.name(), steps, bytes),
                    job: Job {
                        plugin,
                        steps,
                        bytes,
                        keys: KEYS,
                        partitions: 1,
                        warm_up: events / 10,
                        // Fewer of what is dear, so that each round takes about the same time.
                        events: events / steps as u64 / (1 + bytes as u64 / 2_048),
                    },
                    against: (!against.is_empty()).then_some(against),
                    budget,
                });
            }
        }
    }
    let usual = |what: &str, plugin: Plugin, keys: u64, budget: Option<Budget>| Case {
        what: what.to_owned(),
        job: Job {
            plugin,
            // Windows and joins need none.
            steps: usize::from(plugin == Plugin::Waker),
            bytes: USUAL,
            keys,
            partitions: 1,
            warm_up: events / 10,
            events: events / 2,
        },
        against: Some(name("forward", 1, USUAL)),
        budget,
    };
    for (what, seconds, budget) in WINDOWS {
        cases.push(usual(what, Plugin::Window { seconds }, KEYS, budget));
    }
    cases.push(usual(
        "timer, set and fired, 256 bytes",
        Plugin::Waker,
        KEYS,
        None,
    ));
    // Odd, so that a key is of both inputs in turn.
    let join = "join, a pair of two events, 256 bytes";
    cases.push(usual(join, Plugin::Join, KEYS - 1, None));
    cases
}
