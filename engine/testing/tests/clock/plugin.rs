//! A plugin that keeps what it is told for a while, and says what it still has.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tailrace_core::{
    event::{Event, Message, Verdict},
    grant::{CallLimits, Grant},
    identity::Digest,
    ports::plugins::{Admitted, Call, Host, Instance, Plugin, PluginError, PluginRuntime},
    timer::Timer,
};

/// How long it keeps a name.
pub const KEEPS_MS: u64 = 60_000;
/// Its bytes.
pub const COMPONENT: &[u8] = b"keeper";

/// A member of the payload decides: `set` or `get` with a name, `wake` with that of a timer; anything else does nothing.
pub struct Keeper;

impl PluginRuntime for Keeper {
    fn admit(&self, _: &Bytes) -> Result<Admitted, PluginError> {
        Err(PluginError::Invalid("nothing is uploaded".to_owned()))
    }
    fn load(&self, _: Digest, _: &Bytes) -> Result<Arc<dyn Plugin>, PluginError> {
        Ok(Arc::new(Self))
    }
}

impl Plugin for Keeper {
    fn imports(&self) -> &BTreeSet<Grant> {
        static NONE: BTreeSet<Grant> = BTreeSet::new();
        &NONE
    }
    fn instantiate(&self, _: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Ok(Box::new(At))
    }
}

struct At;

impl Instance for At {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        let text = String::from_utf8_lossy(&event.payload);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let word = |name: &str| value[name].as_str().map(str::to_owned);
        let verdict = if let Some(name) = word("set") {
            let kept = host.state_set(&name, b"kept".to_vec(), Some(KEEPS_MS));
            kept.map(|()| Verdict::Drop)
        } else if let Some(name) = word("wake") {
            let set = host.timer_set(&name, event.time_ms + KEEPS_MS, b"woken".to_vec());
            set.map(|()| Verdict::Drop)
        } else if let Some(name) = word("get") {
            host.state_get(&name).map(|found| {
                Verdict::Emit(vec![Message {
                    subject: None,
                    key: None,
                    headers: Vec::new(),
                    payload: Bytes::from_static(if found.is_some() { b"there" } else { b"gone" }),
                }])
            })
        } else {
            Ok(Verdict::Drop)
        };
        Call {
            result: Ok(verdict.expect("the host serves")),
            fuel: 1,
        }
    }
    fn on_timer(&mut self, timer: &Timer, _: &mut dyn Host) -> Call {
        let message = Message {
            subject: None,
            key: None,
            headers: Vec::new(),
            payload: Bytes::from(timer.payload.clone()),
        };
        Call {
            result: Ok(Verdict::Emit(vec![message])),
            fuel: 1,
        }
    }
    fn is_spent(&self) -> bool {
        false
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}
