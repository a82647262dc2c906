//! A plugin that counts the edits of a user, and fails as chance wants it.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};
use tailrace_core::{
    event::{Event, Message, Rejection, Verdict},
    grant::{CallLimits, Grant},
    ports::plugins::{Call, CallFailure, Host, HostError, Instance, Plugin, PluginError, Trap, TrapCode},
    timer::Timer,
};
use tailrace_testing::faults::Faults;

const HOUR_MS: u64 = 3_600_000;

pub struct Editors(pub Arc<Faults>);

impl Plugin for Editors {
    fn imports(&self) -> &BTreeSet<Grant> {
        static NONE: BTreeSet<Grant> = BTreeSet::new();
        &NONE
    }
    fn instantiate(&self, _: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Ok(Box::new(Editor {
            chance: self.0.clone(),
            calls: 0,
            spent: false,
        }))
    }
}

struct Editor {
    chance: Arc<Faults>,
    /// Decides how much fuel a call takes, as the memory of a real instance does.
    calls: u64,
    spent: bool,
}

impl Instance for Editor {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        self.call(|editor| editor.edit(event, host))
    }
    fn on_timer(&mut self, timer: &Timer, host: &mut dyn Host) -> Call {
        self.call(|editor| editor.is_quiet(timer, host))
    }
    fn is_spent(&self) -> bool {
        self.spent
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}

impl Editor {
    fn call(&mut self, act: impl FnOnce(&mut Self) -> Result<Verdict, CallFailure>) -> Call {
        assert!(!self.spent, "a spent instance is never called");
        self.calls += 1;
        let result = act(self);
        self.spent = matches!(result, Err(CallFailure::Trap(_)));
        let fuel = 100 + self.calls;
        Call { result, fuel }
    }

    fn edit(&mut self, event: &Event, host: &mut dyn Host) -> Result<Verdict, CallFailure> {
        let edit: Value = serde_json::from_slice(&event.payload).expect("JSON");
        let user = edit["user"].as_str().unwrap_or_default();
        let before = host.state_get(user).map_err(refused)?;
        let count = 1 + before.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().expect("a count")));
        host.state_set(user, count.to_le_bytes().to_vec(), Some(2 * HOUR_MS))
            .map_err(refused)?;
        let comment = edit["comment"].as_str().unwrap_or_default();
        host.sketch_observe("lengths", comment.len() as f64)
            .map_err(refused)?;
        host.timer_set("quiet", event.time_ms + HOUR_MS, Vec::new())
            .map_err(refused)?;
        if self.chance.strikes("it asks for another try", 30) {
            return Err(CallFailure::Transient("it is busy".to_owned()));
        }
        if self.chance.strikes("its deadline passes", 20) {
            return Err(trap(TrapCode::Deadline, "it took too long"));
        }
        if edit["isNew"] == true {
            return Err(CallFailure::Invalid(Rejection {
                code: "new".to_owned(),
                reason: "a page that is new".to_owned(),
            }));
        }
        let median = host.sketch_quantile("lengths", 0.5).map_err(refused)?;
        let told = json!({
            "channel": edit["channel"], "added": edit["added"], "user": user, "count": count, "median": median,
        });
        Ok(Verdict::Emit(vec![message(told.to_string())]))
    }

    fn is_quiet(&mut self, timer: &Timer, host: &mut dyn Host) -> Result<Verdict, CallFailure> {
        if self.chance.strikes("a timer asks for another try", 20) {
            return Err(CallFailure::Transient("it is busy".to_owned()));
        }
        host.state_delete(&timer.key).map_err(refused)?;
        Ok(Verdict::Emit(vec![message(
            json!({ "quiet": timer.key }).to_string(),
        )]))
    }
}

fn message(text: String) -> Message {
    Message {
        subject: Some("out.edits.x".to_owned()),
        key: None,
        headers: Vec::new(),
        payload: text.into(),
    }
}

/// As the sandbox does it.
#[allow(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn refused(error: HostError) -> CallFailure {
    let text = error.to_string();
    match error {
        HostError::StateQuota => trap(TrapCode::StateQuota, &text),
        HostError::VectorQuota => trap(TrapCode::VectorQuota, &text),
        HostError::Misuse(_) => trap(TrapCode::Misuse, &text),
        HostError::Store(_) => CallFailure::Engine(text),
    }
}

fn trap(code: TrapCode, message: &str) -> CallFailure {
    CallFailure::Trap(Trap {
        code,
        message: message.to_owned(),
        backtrace: Vec::new(),
    })
}
