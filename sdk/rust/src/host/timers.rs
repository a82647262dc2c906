//! Wake-ups in event time.

use super::Port;

/// The timers of a step for the key of the event. A timer is durable and part of the event's effects. When the watermark
/// reaches it, the engine calls [`Plugin::on_timer`](crate::Plugin::on_timer) with the same key.
///
/// A name has at most 128 bytes and no control characters, a payload at most 64 KiB.
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::TestHost};
///
/// struct Example;
///
/// impl Plugin for Example {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Example)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.timers().set("silent", event.time + 60_000, &event.payload);
///         Ok(Verdict::Drop)
///     }
///     fn on_timer(&mut self, timer: &Timer, _host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
///         Ok(vec![Message::new(timer.payload.clone())])
///     }
/// }
///
/// let mut host = TestHost::of::<Example>(())?;
/// host.send(Event::new("shop.visits", "hello").with_key("ada")).unwrap();
/// assert_eq!(host.timer("plugin", "ada", "silent"), Some(60_000));
/// assert_eq!(host.advance_to(60_000)[0].messages()[0].payload, b"hello");
/// # Ok::<(), String>(())
/// ```
pub struct Timers<'a> {
    port: Port<'a>,
}

/// Sets, moves, cancels and asks for timers.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// fn at_the_end_of_the_minute(host: &mut Host<'_>, event: &Event) {
///     let end = (event.time / 60_000 + 1) * 60_000;
///     if host.timers().get("minute").is_none() {
///         host.timers().set("minute", end, b"");
///     }
/// }
/// ```
impl<'a> Timers<'a> {
    pub(super) fn new(port: Port<'a>) -> Self {
        Self { port }
    }

    /// Sets a timer at this time, in milliseconds since the Unix epoch. A key has one timer of a name, so setting it
    /// again moves it. One that is already due fires before the next event.
    pub fn set(&mut self, name: &str, at_ms: u64, payload: &[u8]) {
        self.port.timer_set(name, at_ms, payload);
    }

    /// Cancels a timer, if there is one.
    pub fn cancel(&mut self, name: &str) {
        self.port.timer_cancel(name);
    }

    /// Returns when a timer is due.
    pub fn get(&mut self, name: &str) -> Option<u64> {
        self.port.timer_get(name)
    }

    /// Returns the watermark in milliseconds since the Unix epoch. In `on_timer` it is exactly the time of the timer.
    pub fn watermark(&mut self) -> u64 {
        self.port.watermark()
    }
}
