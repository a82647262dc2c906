//! A plugin that is watched: it does what the plugin does and records each call. What the engine commits no
//! longer says which verdict it came from, or what it cost.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tailrace_core::{
    event::{Event, Verdict},
    grant::{CallLimits, Grant},
    ports::{
        clock::Clock,
        plugins::{Call, CallFailure, Host, Instance, Plugin, PluginError},
    },
    timer::Timer,
};

/// What became of one call.
#[derive(Debug, Clone, PartialEq)]
pub enum Judged {
    /// Handed on as it came.
    Forward,
    /// So many messages in its place.
    Emit(usize),
    /// Ended on purpose.
    Drop,
    /// The plugin failed on it.
    Failed {
        /// Whether the event is at fault, by the plugin's word.
        is_invalid: bool,
        /// Whether the plugin was stopped.
        is_trap: bool,
        /// Short and stable.
        code: String,
        /// For a person.
        reason: String,
        /// The guest's frames, innermost first.
        backtrace: Vec<String>,
    },
}

/// One call, as it was seen.
#[derive(Debug, Clone)]
pub struct SeenCall {
    /// The timer that it was made for; none for an event.
    pub timer: Option<Timer>,
    /// What became of it.
    pub judged: Judged,
    /// Fuel that it took.
    pub fuel: u64,
    /// Wall time that it took.
    pub took: Duration,
    /// Linear memory of the instance after it.
    pub memory_bytes: u64,
}

/// Calls since they were last taken; one event makes a bounded number of them.
#[derive(Clone, Default)]
pub struct SeenCalls(Arc<Mutex<Vec<SeenCall>>>);

impl SeenCalls {
    /// Takes them out.
    pub fn take(&self) -> Vec<SeenCall> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A plugin whose calls are recorded.
pub struct Recorder {
    /// The plugin itself.
    pub plugin: Arc<dyn Plugin>,
    /// Measures the calls.
    pub clock: Arc<dyn Clock>,
    /// Where they are recorded.
    pub seen: SeenCalls,
}

struct RecordedInstance {
    instance: Box<dyn Instance>,
    clock: Arc<dyn Clock>,
    seen: SeenCalls,
}

impl Plugin for Recorder {
    fn imports(&self) -> &BTreeSet<Grant> {
        self.plugin.imports()
    }

    fn instantiate(&self, config: &str, limits: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        let instance = self.plugin.instantiate(config, limits)?;
        Ok(Box::new(RecordedInstance {
            instance,
            clock: self.clock.clone(),
            seen: self.seen.clone(),
        }))
    }
}

impl RecordedInstance {
    fn record(&mut self, timer: Option<&Timer>, call: impl FnOnce(&mut dyn Instance) -> Call) -> Call {
        let began = self.clock.monotonic();
        let call = call(&mut *self.instance);
        let took = self.clock.monotonic().saturating_sub(began);
        let seen = SeenCall {
            timer: timer.cloned(),
            judged: judge(&call),
            fuel: call.fuel,
            took,
            memory_bytes: self.instance.memory_bytes(),
        };
        self.seen
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
        call
    }
}

impl Instance for RecordedInstance {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        self.record(None, |instance| instance.process(event, host))
    }

    fn on_timer(&mut self, timer: &Timer, host: &mut dyn Host) -> Call {
        self.record(Some(timer), |instance| instance.on_timer(timer, host))
    }

    fn is_spent(&self) -> bool {
        self.instance.is_spent()
    }

    fn memory_bytes(&self) -> u64 {
        self.instance.memory_bytes()
    }
}

fn judge(call: &Call) -> Judged {
    let failed = |is_invalid, is_trap, code: &str, reason: &str, backtrace: &[String]| Judged::Failed {
        is_invalid,
        is_trap,
        code: code.to_owned(),
        reason: reason.to_owned(),
        backtrace: backtrace.to_vec(),
    };
    match &call.result {
        Ok(Verdict::Forward) => Judged::Forward,
        Ok(Verdict::Emit(messages)) => Judged::Emit(messages.len()),
        Ok(Verdict::Drop) => Judged::Drop,
        Err(CallFailure::Invalid(rejection)) => failed(true, false, &rejection.code, &rejection.reason, &[]),
        Err(CallFailure::Transient(reason)) => failed(false, false, "transient", reason, &[]),
        Err(CallFailure::Trap(trap)) => {
            failed(false, true, trap.code.as_str(), &trap.message, &trap.backtrace)
        }
        Err(CallFailure::Engine(cause)) => failed(false, false, "engine", cause, &[]),
    }
}
