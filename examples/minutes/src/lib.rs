//! Counts the events of each key by the minute, and tells the count when the minute ends, although nothing comes any
//! more. An example of timers: see docs/how-to/timers.md.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use tailrace_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Length of what is called a minute.
    seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { seconds: 60 }
    }
}

struct Minutes {
    length_ms: u64,
}

impl Plugin for Minutes {
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        match config.seconds {
            0 => Err("config.seconds: 0 is no length; write 60".to_owned()),
            seconds => Ok(Self {
                length_ms: seconds * 1_000,
            }),
        }
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let minute = event.time / self.length_ms * self.length_ms;
        let place = place(&event.key, minute);
        host.state().update_json(&place, |count: &mut u64| *count += 1)?;
        // Each minute has a timer of its own. Setting it again changes nothing.
        host.timers()
            .set(&minute.to_string(), minute + self.length_ms, b"");
        Ok(Verdict::Drop)
    }

    fn on_timer(&mut self, timer: &Timer, host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
        let minute = timer.at - self.length_ms;
        let place = place(&timer.key, minute);
        let count: u64 = host.state().get_json(&place)?.unwrap_or_default();
        host.state().delete(&place);
        let told = json!({ "key": timer.key, "minute": minute, "count": count });
        Ok(vec![Message::json(&told)?])
    }
}

fn place(key: &str, minute: u64) -> String {
    format!("{minute}/{key}")
}

export!(Minutes);

#[cfg(test)]
mod tests {
    use tailrace_sdk::testing::{Fired, TestHost};

    use super::*;

    fn told(fired: &[Fired]) -> Vec<String> {
        let messages = fired.iter().flat_map(Fired::messages);
        messages
            .map(|message| String::from_utf8_lossy(&message.payload).into_owned())
            .collect()
    }

    #[test]
    fn a_minute_is_told_when_it_ends_and_only_then() {
        let mut host = TestHost::of::<Minutes>(json!({})).unwrap();
        for (key, at) in [("ada", 1_000), ("bob", 2_000), ("ada", 59_999)] {
            host.send(Event::new("visits", "{}").with_key(key).at(at))
                .unwrap();
        }
        assert!(told(&host.advance_to(59_999)).is_empty());
        let wanted = [
            r#"{"count":2,"key":"ada","minute":0}"#,
            r#"{"count":1,"key":"bob","minute":0}"#,
        ];
        assert_eq!(told(&host.advance_to(60_000)), wanted);
        assert_eq!(host.state("plugin", "0/ada"), None);
    }

    #[test]
    fn an_event_of_the_next_minute_ends_the_one_before() {
        let mut host = TestHost::of::<Minutes>(json!({ "seconds": 10 })).unwrap();
        for at in [1_000, 12_000] {
            host.send(Event::new("visits", "{}").with_key("ada").at(at))
                .unwrap();
        }
        assert_eq!(
            told(&host.take_fired()),
            [r#"{"count":1,"key":"ada","minute":0}"#]
        );
        assert_eq!(host.timer("plugin", "ada", "10000"), Some(20_000));
    }

    #[test]
    fn a_minute_without_a_length_is_refused() {
        let error = TestHost::of::<Minutes>(json!({ "seconds": 0 })).err().unwrap();
        assert!(error.contains("config.seconds"), "{error}");
    }
}
