//! The test host: steps, their memory, and the events sent through them.

use serde::Serialize;

use super::{
    Memory, Metric, TestSketches,
    chain::{Step, Walk},
};
use crate::{Event, Failure, Level, Plugin, Verdict, config};

/// An engine in memory, for one chain of steps and one partition.
#[derive(Default)]
pub struct TestHost {
    steps: Vec<(String, Box<dyn Step>)>,
    memory: Memory,
    last_sequence: u64,
}

impl TestHost {
    /// A host for one plugin, whose step is called `plugin`. The error is the one that would refuse
    /// the deployment.
    pub fn of<P: Plugin>(config: impl Serialize) -> Result<Self, String> {
        Self::default().step::<P>("plugin", config)
    }

    /// The same host with one more step at the end of the chain. The config goes through JSON, as it
    /// does in the engine.
    pub fn step<P: Plugin>(mut self, name: &str, config: impl Serialize) -> Result<Self, String> {
        let text =
            serde_json::to_string(&config).map_err(|error| format!("the config is no JSON: {error}"))?;
        let plugin = P::new(config::parse(&text)?)?;
        self.steps.push((name.to_owned(), Box::new(plugin)));
        self.memory.states.add_step();
        Ok(self)
    }

    /// The same host with a vector collection.
    #[must_use]
    pub fn collection(mut self, name: &str, dimensions: usize, metric: Metric) -> Self {
        self.memory.collections.declare(name, dimensions, metric);
        self
    }

    /// Sends an event through the chain and gives the chain's verdict. An event without a sequence
    /// gets the next one. The first failure ends the event; a real engine makes a dead letter of
    /// the message that failed, and goes on with the others.
    pub fn send(&mut self, mut event: Event) -> Result<Verdict, Failure> {
        if event.sequence == 0 {
            event.sequence = self.last_sequence + 1;
        }
        self.last_sequence = self.last_sequence.max(event.sequence);
        self.memory.begin(event.time);
        Walk::new(&mut self.steps, &mut self.memory).run(event)
    }

    /// A value of a step's state, as it is at the time of the last event.
    pub fn state(&self, step: &str, key: &str) -> Option<&[u8]> {
        let index = self.steps.iter().position(|(name, _)| name == step)?;
        self.memory.states.get(index, key)
    }

    /// The vector of an id.
    pub fn vector(&self, collection: &str, id: &str) -> Option<&[f32]> {
        self.memory.collections.get(collection, id)
    }

    /// What was fed to the sketches.
    pub fn sketches(&self) -> &TestSketches {
        &self.memory.sketches.committed
    }

    /// Lines of the log, oldest first.
    pub fn logs(&self) -> &[(Level, String)] {
        &self.memory.logs
    }
}
