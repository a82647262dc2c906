//! Two plugins without a sandbox. `count` counts the events of a key, keeps a vector of them, sets timers and
//! fails where the event says so; `stamp` passes on what it gets, and fails now and then by itself.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tailrace_core::{
    event::{Event, Header, Message, Rejection, Verdict},
    grant::{CallLimits, Grant},
    identity::Digest,
    ports::plugins::*,
    timer::Timer,
};
use tailrace_testing::faults::Faults;

/// Which revision made an output.
pub const REVISION_HEADER: &str = "revision";

/// How what a timer says begins.
pub const FIRED: &str = "fired:";
/// Before the key under which the timers of a key are counted.
pub const FIRED_STATE: &str = "fired/";

/// When the timers of an event are due, which must all fire once: some events set one, and some of those another one.
/// Some are for a time that is over.
pub fn timers_of(sequence: u64, time_ms: u64) -> Vec<u64> {
    let first = time_ms - 100 + sequence % 7 * 150;
    match (sequence.is_multiple_of(5), sequence.is_multiple_of(3)) {
        (false, _) => Vec::new(),
        (true, false) => vec![first],
        (true, true) => vec![first, first + 100],
    }
}

pub struct SimRuntime {
    pub faults: Arc<Faults>,
    pub manner: Manner,
}

/// How the plugins of a scenario are.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How much likelier than otherwise calls fail.
    pub fails: u32,
    /// How long entries of state live.
    pub ttl_ms: Option<u64>,
    /// The share of events whose traces are followed.
    pub traced: Option<f64>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            fails: 1,
            ttl_ms: None,
            traced: None,
        }
    }
}

struct SimPlugin {
    counts: bool,
    faults: Arc<Faults>,
    manner: Manner,
}

struct SimInstance {
    counts: bool,
    /// Config of the step: the number of the revision, which outputs bear.
    revision: String,
    spent: bool,
    faults: Arc<Faults>,
    manner: Manner,
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
            manner: self.manner,
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
            manner: self.manner,
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
    fn on_timer(&mut self, timer: &Timer, host: &mut dyn Host) -> Call {
        assert!(!self.spent, "a spent instance is never called");
        assert_eq!(host.watermark(), timer.at_ms, "a timer sees its own time");
        let result = self.fire(timer, host);
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
        host.state_set(&event.key, count.to_le_bytes().to_vec(), self.manner.ttl_ms)
            .expect("a short key");
        host.vector_set("counts", &event.key, vec![count as f32])
            .expect("one dimension");
        host.sketch_observe("counts", count as f64).expect("declared");
        if let Some(at_ms) = timers_of(event.sequence, event.time_ms).first() {
            set(host, &format!("t{}", event.sequence), *at_ms);
            set(host, "never", *at_ms);
            host.timer_cancel("never").expect("a timer");
        }
        if self
            .faults
            .strikes("plugin fails for a while", 3 * self.manner.fails)
        {
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

    /// Says so, counts it, and sets the next one if there is one.
    fn fire(&mut self, timer: &Timer, host: &mut dyn Host) -> Result<Verdict, CallFailure> {
        let place = format!("{FIRED_STATE}{}", timer.key);
        let before = host.state_get(&place).expect("a short key");
        let count = 1 + before.map_or(0, |bytes| bytes[0]);
        host.state_set(&place, vec![count], None).expect("a short key");
        if timer.name.starts_with('t') && timer.set_by.is_multiple_of(3) {
            set(host, &format!("u{}", timer.set_by), timer.at_ms + 100);
        }
        if self
            .faults
            .strikes("timer fails for a while", 3 * self.manner.fails)
        {
            return Err(CallFailure::Transient("simulated".to_owned()));
        }
        let text = format!("{FIRED}{}:{}:{}", timer.set_by, timer.key, timer.at_ms);
        Ok(Verdict::Emit(vec![self.message(text)]))
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
        if self.faults.strikes("plugin traps once", self.manner.fails) {
            return Err(trap(TrapCode::Deadline));
        }
        Ok(Verdict::Forward)
    }
}

fn set(host: &mut dyn Host, name: &str, at_ms: u64) {
    host.timer_set(name, at_ms, Vec::new()).expect("a short name");
}

fn trap(code: TrapCode) -> CallFailure {
    CallFailure::Trap(Trap {
        code,
        message: "simulated".to_owned(),
        backtrace: Vec::new(),
    })
}
