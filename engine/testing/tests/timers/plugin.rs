//! A plugin that does what it is told, by an event and by a timer: commands with `;` between them. In what a timer is to
//! do, `,` stands between commands and `_` between words. Times are counted from the first event's receive time.

use std::{collections::BTreeSet, sync::Arc};

use tailrace_core::{
    event::{Event, Message, Rejection, Verdict},
    grant::{CallLimits, Grant},
    ports::plugins::{Call, CallFailure, Host, Instance, Plugin, PluginError, Trap, TrapCode},
    timer::Timer,
};

use super::stage::BEGIN_MS;

/// Its bytes.
pub const COMPONENT: &[u8] = b"waker";

/// Steps see the same commands; `STEP: ` before one is for that step alone.
pub struct Waker;

impl Plugin for Waker {
    fn imports(&self) -> &BTreeSet<Grant> {
        static NONE: BTreeSet<Grant> = BTreeSet::new();
        &NONE
    }
    fn instantiate(&self, config: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        let step = config.trim_matches('"').to_owned();
        Ok(Box::new(At {
            step,
            is_spent: false,
        }))
    }
}

pub fn plugin() -> Arc<dyn Plugin> {
    Arc::new(Waker)
}

struct At {
    step: String,
    is_spent: bool,
}

impl Instance for At {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        let value: serde_json::Value = serde_json::from_slice(&event.payload).unwrap_or_default();
        let script = value["do"].as_str().unwrap_or_default();
        let result = self.run(script, host).map(|said| {
            if said.is_empty() {
                Verdict::Forward
            } else {
                Verdict::Emit(said)
            }
        });
        self.end(result)
    }
    fn on_timer(&mut self, timer: &Timer, host: &mut dyn Host) -> Call {
        assert_eq!(host.watermark(), timer.at_ms, "a timer sees its own time");
        let script = String::from_utf8_lossy(&timer.payload).into_owned();
        let fired = format!(
            "{} {} {} {} by {}",
            timer.at_ms.saturating_sub(BEGIN_MS),
            timer.key,
            self.step,
            timer.name,
            timer.set_by
        );
        let result = self.run(&script, host).map(|said| {
            let all = [message(fired)].into_iter().chain(said);
            Verdict::Emit(all.collect())
        });
        self.end(result)
    }
    fn is_spent(&self) -> bool {
        self.is_spent
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}

impl At {
    fn end(&mut self, result: Result<Verdict, CallFailure>) -> Call {
        self.is_spent |= matches!(result, Err(CallFailure::Trap(_)));
        Call { result, fuel: 1 }
    }

    fn run(&self, script: &str, host: &mut dyn Host) -> Result<Vec<Message>, CallFailure> {
        let mut said = Vec::new();
        for command in script.split(';').filter(|command| !command.is_empty()) {
            let command = match command.split_once(": ") {
                Some((step, command)) if step == self.step => command,
                Some(_) => continue,
                None => command,
            };
            obey(command, host, &mut said)?;
        }
        Ok(said)
    }
}

fn obey(command: &str, host: &mut dyn Host, said: &mut Vec<Message>) -> Result<(), CallFailure> {
    let ms = |text: &str| BEGIN_MS + text.parse::<u64>().expect("a time");
    let words: Vec<&str> = command.split(' ').collect();
    match words[..] {
        ["set", name, at] => host.timer_set(name, ms(at), Vec::new()).expect("a timer"),
        ["set", name, at, script] => {
            let script = script.replace(',', ";").replace('_', " ");
            host.timer_set(name, ms(at), script.into_bytes())
                .expect("a timer");
        }
        ["cancel", name] => host.timer_cancel(name).expect("a timer"),
        ["get", name] => {
            let at = host.timer_get(name).expect("a timer");
            said.push(message(format!("{name} {:?}", at.map(|at_ms| at_ms - BEGIN_MS))));
        }
        // So many, all at the same time.
        ["many", count, at] => {
            for number in 0..count.parse().expect("a number") {
                let number: u32 = number;
                host.timer_set(&format!("t{number:05}"), ms(at), Vec::new())
                    .expect("a timer");
            }
        }
        // So many messages.
        ["shout", count] => {
            let count: usize = count.parse().expect("a number");
            said.extend((0..count).map(|_| message("x".to_owned())));
        }
        ["put", key] => host.state_set(key, b"there".to_vec(), None).expect("a key"),
        ["need", key] if host.state_get(key).expect("a key").is_none() => {
            return Err(CallFailure::Transient(format!("{key} is not there")));
        }
        ["need", _] => {}
        ["count"] => {
            let before = host.state_get("count").expect("a key");
            let count = before.and_then(|bytes| bytes.first().copied()).unwrap_or(0) + 1;
            host.state_set("count", vec![count], None).expect("a key");
            said.push(message(format!("count {count}")));
        }
        ["invalid"] => {
            let (code, reason) = ("told-so".to_owned(), "told so".to_owned());
            return Err(CallFailure::Invalid(Rejection { code, reason }));
        }
        ["trap"] => {
            return Err(CallFailure::Trap(Trap {
                code: TrapCode::Crash,
                message: "unreachable".to_owned(),
                backtrace: Vec::new(),
            }));
        }
        // What a sketch has learnt, and then one more value for it.
        ["learn", value] => {
            let quantile = host.sketch_quantile("amounts", 1.0).expect("declared");
            let different = host.sketch_estimate("users", None).expect("declared");
            let times = host.sketch_estimate("items", Some("tea")).expect("declared");
            let top = host.sketch_top("items", 1).expect("declared");
            let total = host.sketch_total("items").expect("declared");
            said.push(message(format!(
                "{:?} {different} {times} {top:?} {total}",
                quantile.map(f64::round)
            )));
            host.sketch_observe("amounts", value.parse().expect("a number"))
                .expect("declared");
            host.sketch_distinct("users", value).expect("declared");
            host.sketch_count("items", "tea", 2).expect("declared");
        }
        ["misread", name] => {
            let cause = host.sketch_quantile(name, 0.5).expect_err("it cannot be read");
            said.push(message(cause.to_string()));
        }
        _ => panic!("no such command: {command}"),
    }
    Ok(())
}

fn message(text: String) -> Message {
    Message {
        subject: None,
        key: None,
        headers: Vec::new(),
        payload: text.into(),
    }
}
