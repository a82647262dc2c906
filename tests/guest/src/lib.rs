//! A plugin that does what its events tell it: counts, fails in every way, loops.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use std::collections::BTreeSet;

use tailrace_sdk::prelude::*;

/// What an event asks for.
#[derive(Deserialize)]
struct Order {
    #[serde(default, rename = "do")]
    act: Option<String>,
}

/// Fields of the config, to be seen in what is emitted.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Put into every message.
    label: String,
}

struct Probe {
    label: String,
    tried: BTreeSet<u64>,
}

impl Plugin for Probe {
    type Config = Option<Config>;

    fn new(config: Option<Config>) -> Result<Self, String> {
        let label = config.unwrap_or_default().label;
        Ok(Self {
            label,
            tried: BTreeSet::new(),
        })
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let order: Order = event.json()?;
        if order.act.as_deref() == Some("forward") {
            return Ok(Verdict::Forward);
        }
        let count: u64 = host.state().get_json(&event.key)?.unwrap_or(0) + 1;
        host.state().set_json(&event.key, &count)?;
        match order.act.as_deref() {
            Some("invalid") => return Err(Failure::invalid("told-so", "the event says that it is invalid")),
            Some("transient") if self.tried.insert(event.sequence) => {
                return Err(Failure::transient("not yet"));
            }
            Some("trap") => panic!("the event says so"),
            Some("loop") => loop {
                std::hint::black_box(count);
            },
            Some("slow") => {
                // A tenth of a second and more, and then it is done.
                for turn in 0..200_000_000_u64 {
                    std::hint::black_box(turn);
                }
                return Ok(Verdict::Drop);
            }
            Some("drop") => return Ok(Verdict::Drop),
            _ => {}
        }
        let answer =
            json!({ "key": event.key, "count": count, "sequence": event.sequence, "label": self.label });
        Ok(Message::json(&answer)?.into())
    }
}

export!(Probe);
