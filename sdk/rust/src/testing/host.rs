//! The test host: steps, their memory, and the events sent through them.

use serde::Serialize;

use super::{
    Fired, Memory, Metric, TestSketches,
    chain::{Step, Walk},
};
use crate::{Event, Failure, Level, Plugin, Verdict, config};

/// Most timers that may be due at once in a test; more of them are likely a plugin that always sets another one.
const MAX_FIRED: usize = 1_000_000;

/// An engine in memory for tests, with one chain of steps and one partition.
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::TestHost};
///
/// struct Keep;
///
/// impl Plugin for Keep {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Keep)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.state().set(&event.key, &event.payload);
///         Ok(Verdict::Forward)
///     }
/// }
///
/// let mut host = TestHost::of::<Keep>(())?;
/// let verdict = host.send(Event::new("shop.visits", "hello").with_key("ada")).unwrap();
/// assert_eq!(verdict, Verdict::Forward);
/// assert_eq!(host.state("plugin", "ada"), Some(&b"hello"[..]));
/// # Ok::<(), String>(())
/// ```
#[derive(Default)]
pub struct TestHost {
    steps: Vec<(String, Box<dyn Step>)>,
    memory: Memory,
    last_sequence: u64,
    /// What fired when an event came.
    fired: Vec<Fired>,
}

/// Makes a host, sends events and looks at the effects. A chain of two steps:
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::TestHost};
///
/// struct Keep;
///
/// impl Plugin for Keep {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Keep)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.state().set("last", event.key.as_bytes());
///         Ok(Verdict::Forward)
///     }
/// }
///
/// let mut host = TestHost::default().step::<Keep>("one", ())?.step::<Keep>("two", ())?;
/// host.send(Event::new("shop.visits", "").with_key("ada")).unwrap();
/// assert_eq!(host.state("two", "last"), Some(&b"ada"[..]));
/// # Ok::<(), String>(())
/// ```
impl TestHost {
    /// Makes a host for one plugin, whose step is called `plugin`. An error is the one that would refuse the
    /// deployment.
    pub fn of<P: Plugin>(config: impl Serialize) -> Result<Self, String> {
        Self::default().step::<P>("plugin", config)
    }

    /// Returns the host with one more step at the end of the chain. The config goes through JSON, as in the
    /// engine.
    pub fn step<P: Plugin>(mut self, name: &str, config: impl Serialize) -> Result<Self, String> {
        let text =
            serde_json::to_string(&config).map_err(|error| format!("the config is no JSON: {error}"))?;
        let plugin = P::new(config::parse(&text)?)?;
        self.steps.push((name.to_owned(), Box::new(plugin)));
        self.memory.states.add_step();
        self.memory.timers.add_step(name);
        Ok(self)
    }

    /// Returns the host with a vector collection.
    #[must_use]
    pub fn collection(mut self, name: &str, dimensions: usize, metric: Metric) -> Self {
        self.memory.collections.declare(name, dimensions, metric);
        self
    }

    /// Sets the row that a table has for a key. No row is there before that.
    pub fn set_row(&mut self, table: &str, key: &str, row: impl Into<Vec<u8>>) {
        let place = (table.to_owned(), key.to_owned());
        self.memory.rows.insert(place, row.into());
    }

    /// Deletes the row that a table has for a key.
    pub fn delete_row(&mut self, table: &str, key: &str) {
        self.memory.rows.remove(&(table.to_owned(), key.to_owned()));
    }

    /// Sends an event through the chain and returns the chain's verdict. Timers that are due by the event's time fire
    /// before it, and [`TestHost::take_fired`] returns them. An event without a sequence gets the next one. The first failure ends the event. A real engine makes a dead letter of the failed message and
    /// goes on with the others.
    pub fn send(&mut self, mut event: Event) -> Result<Verdict, Failure> {
        if event.sequence == 0 {
            event.sequence = self.last_sequence + 1;
        }
        self.last_sequence = self.last_sequence.max(event.sequence);
        let fired = self.advance_to(event.time);
        self.fired.extend(fired);
        Walk::new(&mut self.steps, &mut self.memory).run(event)
    }

    /// Moves the watermark to this time and returns the timers that fired, in the order of time, key, step and name. Each
    /// of them runs as if at its own time. The time does not go back.
    pub fn advance_to(&mut self, time_ms: u64) -> Vec<Fired> {
        let now_ms = self.memory.states.now_ms().max(time_ms);
        let mut fired = Vec::new();
        while let Some((index, timer)) = self.memory.timers.take_due(now_ms) {
            assert!(
                fired.len() < MAX_FIRED,
                "more than {MAX_FIRED} timers are due: does each of them set another one that is due at once?"
            );
            self.memory.states.set_now(timer.at);
            let result = Walk::new(&mut self.steps, &mut self.memory).fire(index, &timer);
            let step = self.steps[index].0.clone();
            fired.push(Fired { step, timer, result });
        }
        self.memory.states.set_now(now_ms);
        fired
    }

    /// Returns the timers that fired because events moved the watermark, and forgets them.
    pub fn take_fired(&mut self) -> Vec<Fired> {
        std::mem::take(&mut self.fired)
    }

    /// Returns when a step's timer of this key is due.
    pub fn timer(&self, step: &str, key: &str, name: &str) -> Option<u64> {
        let index = self.steps.iter().position(|(own, _)| own == step)?;
        self.memory.timers.of(index, key, name)
    }

    /// Returns a value of a step's state at the time of the last event.
    pub fn state(&self, step: &str, key: &str) -> Option<&[u8]> {
        let index = self.steps.iter().position(|(name, _)| name == step)?;
        self.memory.states.get(index, key)
    }

    /// Stores a value of a step's state, as an earlier version of the plugin would have. The step must be there.
    pub fn set_state(&mut self, step: &str, key: &str, value: &[u8]) {
        let index = self.steps.iter().position(|(name, _)| name == step);
        let index = index.unwrap_or_else(|| panic!("there is no step {step:?}"));
        self.memory.states.set(index, key, value, None);
        self.memory.states.commit();
    }

    /// Returns the vector of an id.
    pub fn vector(&self, collection: &str, id: &str) -> Option<&[f32]> {
        self.memory.collections.get(collection, id)
    }

    /// Returns the values that plugins fed to the sketches.
    pub fn sketches(&self) -> &TestSketches {
        &self.memory.sketches.committed
    }

    /// Returns the log lines, oldest first.
    pub fn logs(&self) -> &[(Level, String)] {
        &self.memory.logs
    }
}
