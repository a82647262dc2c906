//! Two plugins without a sandbox. `count` counts the events of a key, keeps a vector of them and
//! fails where the event says so; `stamp` passes on what it gets, and fails now and then by itself.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tailrace_core::{
    event::{Event, Header, Message, Rejection, Verdict},
    grant::{CallLimits, Grant},
    identity::Digest,
    ports::plugins::*,
};
use tailrace_testing::faults::Faults;

/// Which revision made an output.
pub const REVISION_HEADER: &str = "revision";

pub struct SimRuntime {
    pub faults: Arc<Faults>,
}

struct SimPlugin {
    counts: bool,
    faults: Arc<Faults>,
}

struct SimInstance {
    counts: bool,
    /// Config of the step: the number of the revision, which outputs bear.
    revision: String,
    spent: bool,
    faults: Arc<Faults>,
}

/// The component of each plugin: no code, only what its digest is taken of.
pub const COUNT: &[u8] = b"count";
pub const STAMP: &[u8] = b"stamp";

impl PluginRuntime for SimRuntime {
    fn admit(&self, _: &Bytes) -> Result<Admitted, PluginError> {
        Err(PluginError::Invalid("the scenario uploads nothing".to_owned()))
    }
    fn load(&self, digest: Digest, _: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        Ok(Arc::new(SimPlugin {
            counts: digest == Digest::of(COUNT),
            faults: self.faults.clone(),
        }))
    }
}

impl Plugin for SimPlugin {
    fn imports(&self) -> &BTreeSet<Grant> {
        static NONE: BTreeSet<Grant> = BTreeSet::new();
        &NONE
    }
    fn instantiate(&self, config: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Ok(Box::new(SimInstance {
            counts: self.counts,
            revision: config.to_owned(),
            spent: false,
            faults: self.faults.clone(),
        }))
    }
}

impl Instance for SimInstance {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        assert!(!self.spent, "a spent instance is never called");
        let result = if self.counts {
            self.count(event, host)
        } else {
            self.stamp(event)
        };
        self.spent = matches!(result, Err(CallFailure::Trap(_)));
        Call { result, fuel: 10 }
    }
    fn is_spent(&self) -> bool {
        self.spent
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}

impl SimInstance {
    fn count(&mut self, event: &Event, host: &mut dyn Host) -> Result<Verdict, CallFailure> {
        let before = host
            .state_get(&event.key)
            .map_err(|cause| CallFailure::Engine(cause.to_string()))?;
        let count = 1 + before.map_or(0, |bytes| {
            u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
        });
        // Written before it fails, so that a failure has something to take back.
        host.state_set(&event.key, count.to_le_bytes().to_vec(), None)
            .expect("a short key");
        host.vector_set("counts", &event.key, vec![count as f32])
            .expect("one dimension");
        host.sketch_observe("counts", count as f64).expect("declared");
        if self.faults.strikes("plugin fails for a while", 3) {
            return Err(CallFailure::Transient("simulated".to_owned()));
        }
        match &event.payload[..] {
            b"invalid" => {
                let rejection = Rejection {
                    code: "invalid".to_owned(),
                    reason: "it says so".to_owned(),
                };
                Err(CallFailure::Invalid(rejection))
            }
            b"poison" => Err(trap(TrapCode::Crash)),
            b"twice" => {
                let message = |text: String| self.message(text);
                let messages =
                    (0..2).map(|part| message(format!("{}:{}:{count}:{part}", event.sequence, event.key)));
                Ok(Verdict::Emit(messages.collect()))
            }
            b"drop" => Ok(Verdict::Drop),
            _ => {
                let text = format!("{}:{}:{count}:0", event.sequence, event.key);
                Ok(Verdict::Emit(vec![self.message(text)]))
            }
        }
    }

    fn message(&self, text: String) -> Message {
        let revision = Header {
            name: REVISION_HEADER.to_owned(),
            value: self.revision.clone(),
        };
        Message {
            subject: None,
            key: None,
            headers: vec![revision],
            payload: text.into(),
        }
    }

    fn stamp(&mut self, _: &Event) -> Result<Verdict, CallFailure> {
        if self.faults.strikes("plugin traps once", 1) {
            return Err(trap(TrapCode::Deadline));
        }
        Ok(Verdict::Forward)
    }
}

fn trap(code: TrapCode) -> CallFailure {
    CallFailure::Trap(Trap {
        code,
        message: "simulated".to_owned(),
        backtrace: Vec::new(),
    })
}
