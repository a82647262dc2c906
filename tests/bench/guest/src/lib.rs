//! A plugin that does one thing an event and looks at no payload, so that what is measured with it is
//! the engine and the interface that it calls, not a parser.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use tailrace_sdk::prelude::*;

/// What it does with each event, before it forwards it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    /// Nothing.
    #[default]
    Forward,
    /// Reads the key's state, changes it and writes it back.
    State,
    /// Loops to its deadline.
    Loop,
    /// Takes memory until there is no more.
    Grow,
    /// Logs until it is stopped.
    Log,
    /// Writes state until it is stopped.
    Flood,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Config {
    act: Act,
    /// Bytes of a key's state.
    bytes: usize,
}

struct Single {
    config: Config,
}

impl Plugin for Single {
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self { config })
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        match self.config.act {
            Act::Forward => {}
            Act::State => self.change(&event.key, host),
            Act::Loop => loop {
                std::hint::black_box(&event.key);
            },
            Act::Grow => {
                let mut taken = Vec::new();
                loop {
                    taken.push(vec![1_u8; 1 << 20]);
                    std::hint::black_box(&taken);
                }
            }
            Act::Log => loop {
                host.log(Level::Warn, "a line\u{1b}[2J that nobody wants");
            },
            Act::Flood => {
                for number in 0_u64.. {
                    let key = format!("{}-{number}", event.sequence);
                    host.state().set(&key, &[1; 4_096]);
                }
            }
        }
        Ok(Verdict::Forward)
    }
}

impl Single {
    /// Counts in the first eight bytes.
    fn change(&self, key: &str, host: &mut Host<'_>) {
        let stored = host.state().get(key);
        let mut value = stored.unwrap_or_else(|| vec![0; self.config.bytes]);
        if let Some(count) = value.first_chunk_mut::<8>() {
            *count = (u64::from_le_bytes(*count) + 1).to_le_bytes();
        }
        host.state().set(key, &value);
    }
}

export!(Single);
