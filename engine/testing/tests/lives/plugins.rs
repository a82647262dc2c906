//! The plugin of the simulation, without a sandbox. It counts the events of a key, and leaves a mark wherever it
//! can: its config names the request that brought it, so outputs and state tell which life they are of.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use serde::Deserialize;
use tailrace_core::{
    event::{Event, Message, Rejection, Verdict},
    grant::{CallLimits, Grant},
    identity::Digest,
    ports::plugins::*,
};
use tailrace_testing::faults::Faults;

/// An event that a strict revision rejects.
pub const ODD: &[u8] = b"odd";

/// What an upload may be: both do the same.
pub const COMPONENTS: [&[u8]; 2] = [b"counts", b"counts as well"];

pub struct SimRuntime {
    pub faults: Arc<Faults>,
}

struct SimPlugin {
    faults: Arc<Faults>,
    imports: BTreeSet<Grant>,
}

#[derive(Deserialize)]
struct Config {
    mark: u64,
    strict: bool,
}

struct SimInstance {
    config: Config,
    is_spent: bool,
    faults: Arc<Faults>,
}

/// What is kept of a key: how many events it had, and the mark of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub count: u64,
    pub first: u64,
}

impl Kept {
    pub fn of(value: &[u8]) -> Option<Self> {
        let (count, rest) = value.split_first_chunk()?;
        Some(Self {
            count: u64::from_le_bytes(*count),
            first: u64::from_le_bytes(*rest.first_chunk()?),
        })
    }

    fn to_bytes(self) -> Vec<u8> {
        [self.count.to_le_bytes(), self.first.to_le_bytes()].concat()
    }
}

/// What an output says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub sequence: u64,
    pub key: String,
    pub mark: u64,
    pub kept: Kept,
}

impl Said {
    fn text(&self) -> String {
        let Self {
            sequence,
            key,
            mark,
            kept: Kept { count, first },
        } = self;
        format!("{sequence}:{key}:{mark}:{count}:{first}")
    }

    pub fn of(payload: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(payload).ok()?;
        let [sequence, key, mark, count, first] = *text.split(':').collect::<Vec<_>>() else {
            return None;
        };
        Some(Self {
            sequence: sequence.parse().ok()?,
            key: key.to_owned(),
            mark: mark.parse().ok()?,
            kept: Kept {
                count: count.parse().ok()?,
                first: first.parse().ok()?,
            },
        })
    }
}

impl PluginRuntime for SimRuntime {
    fn admit(&self, upload: &Bytes) -> Result<Admitted, PluginError> {
        Ok(Admitted {
            component: upload.clone(),
            digest: Digest::of(upload),
            imports: BTreeSet::from([Grant::State]),
            memory: DeclaredMemory::default(),
            config_schema: None,
            compiled: None,
        })
    }
    fn load(&self, _: Digest, _: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        Ok(Arc::new(SimPlugin {
            faults: self.faults.clone(),
            imports: BTreeSet::from([Grant::State]),
        }))
    }
}

impl Plugin for SimPlugin {
    fn imports(&self) -> &BTreeSet<Grant> {
        &self.imports
    }
    fn instantiate(&self, config: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        // An upload is tried without one.
        let unmarked = Config {
            mark: 0,
            strict: false,
        };
        let config = match config {
            "" | "null" => unmarked,
            config => serde_json::from_str(config).map_err(|cause| PluginError::Config(cause.to_string()))?,
        };
        Ok(Box::new(SimInstance {
            config,
            is_spent: false,
            faults: self.faults.clone(),
        }))
    }
}

impl Instance for SimInstance {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        assert!(!self.is_spent, "a spent instance is never called");
        let result = self.count(event, host);
        self.is_spent = matches!(result, Err(CallFailure::Trap(_)));
        Call { result, fuel: 10 }
    }
    fn is_spent(&self) -> bool {
        self.is_spent
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}

impl SimInstance {
    fn count(&self, event: &Event, host: &mut dyn Host) -> Result<Verdict, CallFailure> {
        let engines = |cause: HostError| CallFailure::Engine(cause.to_string());
        let before = host.state_get(&event.key).map_err(engines)?;
        let before = before.map(|value| Kept::of(&value).expect("the state is what the plugin wrote"));
        let mark = self.config.mark;
        let kept = before.map_or(
            Kept {
                count: 1,
                first: mark,
            },
            |kept| Kept {
                count: kept.count + 1,
                ..kept
            },
        );
        // Written before it fails, so that a failure has something to take back.
        host.state_set(&event.key, kept.to_bytes(), None)
            .map_err(engines)?;
        if self.faults.strikes("plugin fails for a while", 2) {
            return Err(CallFailure::Transient("simulated".to_owned()));
        }
        if self.faults.strikes("plugin traps once", 1) {
            return Err(CallFailure::Trap(Trap {
                code: TrapCode::Deadline,
                message: "simulated".to_owned(),
                backtrace: Vec::new(),
            }));
        }
        if self.config.strict && event.payload == ODD {
            return Err(CallFailure::Invalid(Rejection {
                code: "odd".to_owned(),
                reason: "it says so".to_owned(),
            }));
        }
        let said = Said {
            sequence: event.sequence,
            key: event.key.clone(),
            mark,
            kept,
        };
        Ok(Verdict::Emit(vec![Message {
            subject: None,
            key: None,
            headers: Vec::new(),
            payload: said.text().into(),
        }]))
    }
}
