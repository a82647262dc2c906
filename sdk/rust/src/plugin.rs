//! The trait of a plugin.

use serde::de::DeserializeOwned;

use crate::{Event, Failure, Host, Message, Timer, Verdict};

/// A plugin. The engine makes it once from its config and then calls it for one event at a time.
///
/// A plugin is a pure function of the event, its state and its config. The engine may replace the instance
/// at any time, so lasting data belongs in [`Host::state`]. Fields hold only data that the config can
/// restore, such as a compiled pattern.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// struct Least(f64);
///
/// impl Plugin for Least {
///     type Config = f64;
///
///     fn new(least: f64) -> Result<Self, String> {
///         Ok(Least(least))
///     }
///
///     fn process(&mut self, event: &Event, _host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         let amount: f64 = event.json()?;
///         Ok(if amount < self.0 { Verdict::Drop } else { Verdict::Forward })
///     }
/// }
/// export!(Least);
/// ```
pub trait Plugin: Sized + 'static {
    /// The step's `config`, as the manifest has it. Put `#[serde(deny_unknown_fields)]` on the type, so the
    /// engine refuses a misspelt field. `()` means no config.
    type Config: DeserializeOwned;

    /// Makes the plugin. An error refuses the deployment, so it should name the field and a right value.
    fn new(config: Self::Config) -> Result<Self, String>;

    /// Processes one event. The effects on `host` and the messages of the verdict take effect together. On a
    /// [`Failure`] none of them does.
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure>;

    /// Wakes up by a timer that [`Host::timers`] has set, and returns messages. The effects and the messages take effect
    /// together. On a [`Failure`] none of them does, and the step's `on-error` policy decides. A plugin that sets timers
    /// writes this function. Without it, each timer fails with the code `no-on-timer`.
    ///
    /// ```
    /// use tailrace_sdk::{prelude::*, testing::TestHost};
    ///
    /// struct Minute;
    ///
    /// impl Plugin for Minute {
    ///     type Config = ();
    ///     fn new((): ()) -> Result<Self, String> {
    ///         Ok(Minute)
    ///     }
    ///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    ///         host.timers().set("end", event.time + 60_000, b"");
    ///         Ok(Verdict::Drop)
    ///     }
    ///     fn on_timer(&mut self, timer: &Timer, _host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
    ///         Ok(vec![Message::new(format!("{} was silent for a minute", timer.key))])
    ///     }
    /// }
    ///
    /// let mut host = TestHost::of::<Minute>(())?;
    /// host.send(Event::new("shop.visits", "").with_key("ada").at(1_000)).unwrap();
    /// let fired = host.advance_to(61_000);
    /// assert_eq!(fired[0].messages()[0].payload, b"ada was silent for a minute");
    /// # Ok::<(), String>(())
    /// ```
    fn on_timer(&mut self, timer: &Timer, host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
        let _ = host;
        Err(Failure::invalid(
            "no-on-timer",
            format!("timer {:?} is due, and the plugin has no on_timer", timer.name),
        ))
    }
}
