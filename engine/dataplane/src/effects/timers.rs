//! Timers of plugins: for each step, event key and name one wake-up, which can be moved, asked for and taken back.

use tailrace_core::{
    delta::{Delta, StateValue},
    due::Due,
    ports::{plugins::HostError, store::StoreError},
    timer::{Carried, MAX_NAME_BYTES, MAX_PAYLOAD_BYTES, Timer},
};

use crate::effects::{Effects, host::CallHost};

/// Step under which it lies when each timer is due.
const STEP: &str = "~timers";

/// A timer that a batch sets, moves or takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerChange {
    /// The step that it is of.
    pub step: String,
    /// The key of the events that it is of.
    pub key: String,
    /// Its name.
    pub name: String,
    /// When it is due from now on; none if it was cancelled or has fired.
    pub at_ms: Option<u64>,
}

/// What a batch does to timers.
pub fn timer_changes(delta: &Delta) -> Vec<TimerChange> {
    let change = |(place, value): (&String, &Option<StateValue>)| {
        let (step, rest) = place.split_once('\0')?;
        let (name, key) = rest.split_once('\0')?;
        let at = value.as_ref().and_then(|value| value.value[..].try_into().ok());
        Some(TimerChange {
            step: step.to_owned(),
            key: key.to_owned(),
            name: name.to_owned(),
            at_ms: at.map(u64::from_be_bytes),
        })
    };
    let writes = delta.state.get(STEP).into_iter().flatten();
    writes.filter_map(change).collect()
}

impl CallHost<'_> {
    pub(super) fn set_timer(&mut self, name: &str, at_ms: u64, payload: Vec<u8>) -> Result<(), HostError> {
        check(name, &payload)?;
        if self.effects.full.state {
            return Err(HostError::StateQuota);
        }
        self.cancel_timer(name)?;
        let due = self.due(name, at_ms);
        let set_by = self.effects.sequence;
        let value = Carried { set_by, payload }.encode();
        self.effects.write_bytes += value.len();
        self.effects.wake(&due, value);
        let (value, expires_ms) = (at_ms.to_be_bytes().to_vec(), None);
        let place = place(&due);
        self.effects
            .write_in(STEP, &place, Some(StateValue { value, expires_ms }));
        Ok(())
    }

    pub(super) fn cancel_timer(&mut self, name: &str) -> Result<(), HostError> {
        check(name, &[])?;
        if let Some(at_ms) = self.timer_at(name)? {
            let due = self.due(name, at_ms);
            self.effects.forget_timer(&due);
        }
        Ok(())
    }

    pub(super) fn timer_at(&self, name: &str) -> Result<Option<u64>, HostError> {
        check(name, &[])?;
        let place = place(&self.due(name, 0));
        let Some(value) = self.read_in(STEP, &place)? else {
            return Ok(None);
        };
        let bytes = value.value.try_into();
        let at_ms = bytes.map_err(|_| StoreError::Damaged(format!("the timer {place:?} cannot be read")))?;
        Ok(Some(u64::from_be_bytes(at_ms)))
    }

    fn due(&self, name: &str, at_ms: u64) -> Due {
        Due {
            at_ms,
            key: self.effects.key.clone(),
            owner: self.effects.step.clone(),
            name: name.to_owned(),
        }
    }
}

impl Effects {
    /// A timer fires, or is taken back.
    pub(crate) fn forget_timer(&mut self, due: &Due) {
        self.let_sleep(due);
        self.write_in(STEP, &place(due), None);
    }
}

/// The timer that a wake-up is of.
pub(crate) fn timer(due: &Due, value: &[u8]) -> Result<Timer, StoreError> {
    let Carried { set_by, payload } = Carried::decode(value)
        .map_err(|cause| StoreError::Damaged(format!("the timer {due:?} cannot be read: {cause}")))?;
    Ok(Timer {
        name: due.name.clone(),
        key: due.key.clone(),
        at_ms: due.at_ms,
        payload,
        set_by,
    })
}

fn place(due: &Due) -> String {
    format!("{}\0{}\0{}", due.owner, due.name, due.key)
}

fn check(name: &str, payload: &[u8]) -> Result<(), HostError> {
    if name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(HostError::Misuse(format!(
            "a timer's name has at most {MAX_NAME_BYTES} bytes and no control characters"
        )));
    }
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(HostError::Misuse(format!(
            "a timer's payload has at most {MAX_PAYLOAD_BYTES} bytes, not {}",
            payload.len()
        )));
    }
    Ok(())
}
