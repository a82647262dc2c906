//! What a plugin is.

use serde::de::DeserializeOwned;

use crate::{Event, Failure, Host, Verdict};

/// A plugin: made once from its config, then called for one event at a time.
///
/// It is a pure function of the event, its state and its config. The engine may throw the instance
/// away at any time and make a new one, so what must last belongs in [`Host::state`]; fields are for
/// what can be made again from the config (a compiled pattern, a table).
pub trait Plugin: Sized + 'static {
    /// The step's `config`, as the pipeline writes it. Put `#[serde(deny_unknown_fields)]` on it, so
    /// that a misspelt field is refused when the pipeline is applied. `()` for none.
    type Config: DeserializeOwned;

    /// Makes the plugin. An error refuses the deployment, so it should name the field and what would
    /// be right.
    fn new(config: Self::Config) -> Result<Self, String>;

    /// Processes one event. Everything done through `host`, and the messages of the verdict, take
    /// effect together, or, on a [`Failure`], not at all.
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure>;
}
