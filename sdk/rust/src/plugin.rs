//! The trait of a plugin.

use serde::de::DeserializeOwned;

use crate::{Event, Failure, Host, Verdict};

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
}
