//! Trying a plugin before anything depends on it: `configure` with a config, and `process` with one
//! event, on an instance of its own that is then thrown away.
//!
//! There is no pipeline yet, so the host is one that grants everything and holds nothing: state is
//! empty and what the plugin writes it can read again, no vector is near, every sketch takes what it
//! is given. Nothing is published and nothing stays.
//!
//! Why: docs/decisions/0055-uploads-are-counted-and-tried.md

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tailrace_core::{
    event::{Event, Verdict},
    grant::{CallLimits, enough_memory},
    manifest::{Limits, config::WrittenConfig, config_text},
    ports::{
        clock::Clock,
        plugins::{CallFailure, Host, HostError, LogLevel, Plugin, PluginError},
        store::Neighbour,
    },
    schema::ConfigSchema,
    units,
};

/// Subject that a trial event arrives on.
pub const TRIAL_SUBJECT: &str = "trial";

/// What a plugin is tried with.
#[derive(Debug, Clone, Default)]
pub struct TrialRequest {
    /// For `configure`. None: `{}`, and that the plugin refuses it is no reason to refuse the upload.
    pub config: Option<WrittenConfig>,
    /// Payload of an event, if one is to be tried.
    pub event: Option<Bytes>,
}

/// How the trial went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Trial {
    /// Whether `configure` took the config.
    pub configured: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What to write as `limits.memory`, if it takes more memory than a step has by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_memory: Option<units::Bytes>,
    /// What came of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<TriedEvent>,
}

/// What came of a trial event, and what it cost, under the limits that a step has by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TriedEvent {
    /// `forward`, `emit`, `drop`, or why there is no verdict: `invalid`, `transient`, or a trap's code.
    pub verdict: String,
    /// What the plugin, or the trap, says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Messages that would be handed on.
    pub messages: usize,
    /// Fuel that it took.
    pub fuel: u64,
    /// Wall time that it took, in microseconds.
    pub took_us: u64,
    /// Linear memory of the instance after it.
    pub memory_bytes: u64,
}

/// Tries a plugin whose config has this schema; on a guest thread, for it runs the plugin. An error is the engine's,
/// or the refusal of a config that was given.
pub(crate) fn run(
    plugin: &Arc<dyn Plugin>,
    schema: Option<&ConfigSchema>,
    request: TrialRequest,
    clock: &dyn Clock,
) -> Result<Trial, PluginError> {
    let limits: CallLimits = Limits::default().to_call_limits();
    let settled = request.config.map(|config| config.settled(schema)).transpose();
    let config = settled.map_err(|misfit| PluginError::Config(misfit.to_string()))?;
    let text = config.as_ref().map_or("{}".to_owned(), config_text);
    let refused = |refusal, needs_memory| {
        Ok(Trial {
            configured: false,
            refusal: Some(refusal),
            needs_memory,
            event: None,
        })
    };
    let mut instance = match plugin.instantiate(&text, &limits) {
        Ok(instance) => instance,
        Err(PluginError::Config(reason)) if config.is_none() => return refused(reason, None),
        // A step may give it more.
        Err(cause @ PluginError::Memory { needs, .. }) if enough_memory(needs).is_some() => {
            return refused(cause.to_string(), enough_memory(needs));
        }
        Err(cause) => return Err(cause),
    };
    let event = request.event.map(|payload| {
        let began = clock.monotonic();
        let call = instance.process(&event(payload, clock), &mut Nowhere::default());
        let took = clock.monotonic().saturating_sub(began);
        tell(call.result, call.fuel, took, instance.memory_bytes())
    });
    Ok(Trial {
        configured: true,
        refusal: None,
        needs_memory: None,
        event: event.transpose()?,
    })
}

fn event(payload: Bytes, clock: &dyn Clock) -> Event {
    Event {
        sequence: 1,
        time_ms: clock.unix_ms(),
        subject: TRIAL_SUBJECT.to_owned(),
        key: String::new(),
        headers: Vec::new(),
        payload,
    }
}

fn tell(
    result: Result<Verdict, CallFailure>,
    fuel: u64,
    took: Duration,
    memory_bytes: u64,
) -> Result<TriedEvent, PluginError> {
    let (verdict, reason, messages) = match result {
        Ok(Verdict::Forward) => ("forward", None, 1),
        Ok(Verdict::Drop) => ("drop", None, 0),
        Ok(Verdict::Emit(messages)) => ("emit", None, messages.len()),
        Err(CallFailure::Invalid(rejection)) => {
            let reason = format!("{}: {}", rejection.code, rejection.reason);
            ("invalid", Some(reason), 0)
        }
        Err(CallFailure::Transient(reason)) => ("transient", Some(reason), 0),
        Err(CallFailure::Trap(trap)) => (trap.code.as_str(), Some(trap.message), 0),
        Err(CallFailure::Engine(cause)) => return Err(PluginError::Engine(cause)),
    };
    Ok(TriedEvent {
        verdict: verdict.to_owned(),
        reason,
        messages,
        fuel,
        took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        memory_bytes,
    })
}

/// The host of a trial. Bounded by the caps of one call.
#[derive(Default)]
struct Nowhere {
    state: BTreeMap<String, Vec<u8>>,
    vectors: BTreeMap<(String, String), Vec<f32>>,
    timers: BTreeMap<String, u64>,
}

impl Host for Nowhere {
    fn state_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, HostError> {
        Ok(self.state.get(key).cloned())
    }
    fn state_set(&mut self, key: &str, value: Vec<u8>, _: Option<u64>) -> Result<(), HostError> {
        self.state.insert(key.to_owned(), value);
        Ok(())
    }
    fn state_delete(&mut self, key: &str) -> Result<(), HostError> {
        self.state.remove(key);
        Ok(())
    }
    fn state_scan(
        &mut self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, Vec<u8>)>, HostError> {
        let wanted = |key: &String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
        let entries = self.state.iter().filter(|(key, _)| wanted(key));
        Ok(entries
            .take(limit as usize)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
    fn vector_get(&mut self, collection: &str, id: &str) -> Result<Option<Vec<f32>>, HostError> {
        Ok(self.vectors.get(&(collection.to_owned(), id.to_owned())).cloned())
    }
    fn vector_set(&mut self, collection: &str, id: &str, vector: Vec<f32>) -> Result<(), HostError> {
        self.vectors
            .insert((collection.to_owned(), id.to_owned()), vector);
        Ok(())
    }
    fn vector_delete(&mut self, collection: &str, id: &str) -> Result<(), HostError> {
        self.vectors.remove(&(collection.to_owned(), id.to_owned()));
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
    fn sketch_quantile(&mut self, _: &str, _: f64) -> Result<Option<f64>, HostError> {
        Ok(None)
    }
    fn sketch_estimate(&mut self, _: &str, _: Option<&str>) -> Result<u64, HostError> {
        Ok(0)
    }
    fn sketch_top(&mut self, _: &str, _: u32) -> Result<Vec<(String, u64)>, HostError> {
        Ok(Vec::new())
    }
    fn sketch_total(&mut self, _: &str) -> Result<u64, HostError> {
        Ok(0)
    }
    fn timer_set(&mut self, name: &str, at_ms: u64, _: Vec<u8>) -> Result<(), HostError> {
        self.timers.insert(name.to_owned(), at_ms);
        Ok(())
    }
    fn timer_cancel(&mut self, name: &str) -> Result<(), HostError> {
        self.timers.remove(name);
        Ok(())
    }
    fn timer_get(&mut self, name: &str) -> Result<Option<u64>, HostError> {
        Ok(self.timers.get(name).copied())
    }
    fn table_get(&mut self, _: &str, _: &str) -> Result<Option<Vec<u8>>, HostError> {
        // A trial knows no pipeline, and so no rows.
        Ok(None)
    }
    fn watermark(&self) -> u64 {
        0
    }
    fn log(&mut self, _: LogLevel, _: &str) {}
}
