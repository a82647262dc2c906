//! The test host: steps, their memory, and the events sent through them.

use serde::Serialize;

use super::{
    Memory, Metric, TestSketches,
    chain::{Step, Walk},
};
use crate::{Event, Failure, Level, Plugin, Verdict, config};

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
        Ok(self)
    }

    /// Returns the host with a vector collection.
    #[must_use]
    pub fn collection(mut self, name: &str, dimensions: usize, metric: Metric) -> Self {
        self.memory.collections.declare(name, dimensions, metric);
        self
    }

    /// Sends an event through the chain and returns the chain's verdict. An event without a sequence gets the
    /// next one. The first failure ends the event. A real engine makes a dead letter of the failed message and
    /// goes on with the others.
    pub fn send(&mut self, mut event: Event) -> Result<Verdict, Failure> {
        if event.sequence == 0 {
            event.sequence = self.last_sequence + 1;
        }
        self.last_sequence = self.last_sequence.max(event.sequence);
        self.memory.begin(event.time);
        Walk::new(&mut self.steps, &mut self.memory).run(event)
    }

    /// Returns a value of a step's state at the time of the last event.
    pub fn state(&self, step: &str, key: &str) -> Option<&[u8]> {
        let index = self.steps.iter().position(|(name, _)| name == step)?;
        self.memory.states.get(index, key)
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
