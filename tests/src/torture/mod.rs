//! The torture: the real engine against a real nats-server under faults, with a load running
//! meanwhile, and a checker that reads the output and the state afterwards.
//!
//! The promise that it tests: nothing lost, nothing doubled, the order of each key kept, the state the
//! number of its events, every user served again within 30 seconds of the end of a fault, and nobody
//! has to do anything for it. Each scenario is one file below `scenario`; they share the arena.

pub mod arena;
pub mod checker;
pub mod load;
pub mod look;
pub mod measure;
pub mod mount;
pub mod proxy;
pub mod report;
pub mod scenario;

use clap::ValueEnum;

use self::report::Outcome;

/// What can be done to the engine and to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The engine aborts at each named point of the walk.
    Failpoints,
    /// kill -9 of the engine at random moments.
    KillEngine,
    /// kill -9 of nats-server at random moments.
    KillServer,
    /// SIGSTOP of the engine beyond every time-out.
    StopEngine,
    /// SIGSTOP of nats-server beyond every time-out.
    StopServer,
    /// Two engines, one paused and resumed, then the other, then one killed.
    TwoEngines,
    /// JetStream's storage full by its limit.
    FullLimit,
    /// The disk below JetStream full.
    FullDisk,
    /// The engine's folder lost or damaged.
    StateErrors,
    /// The engine's folder read-only, and its disk full.
    StateDisk,
    /// The engine's connection cut, refused, slow, half-open.
    Proxy,
    /// The revision changed and rolled back as fast as the engine answers.
    Swaps,
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        formatter.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// How long it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Each kind of fault once or a few times: for `make test`.
    Short,
    /// As often as the figures in README need it.
    Long,
}

/// One run of one scenario.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Which.
    pub scenario: Scenario,
    /// How long.
    pub form: Form,
    /// Rounds of it.
    pub rounds: u32,
    /// Where its choices come from.
    pub seed: u64,
}

impl Plan {
    /// With as many rounds as the form has.
    pub fn new(scenario: Scenario, form: Form, seed: u64) -> Self {
        Self {
            scenario,
            form,
            rounds: scenario.rounds(form),
            seed,
        }
    }

    /// Runs it. What keeps it from beginning is a failure like any other.
    pub async fn run(&self) -> Outcome {
        let ran = match self.scenario {
            Scenario::Failpoints => scenario::failpoints::run(self).await,
            Scenario::KillEngine => scenario::kill_engine::run(self).await,
            Scenario::KillServer => scenario::kill_server::run(self).await,
            Scenario::StopEngine => scenario::stop_engine::run(self).await,
            Scenario::StopServer => scenario::stop_server::run(self).await,
            Scenario::TwoEngines => scenario::two_engines::run(self).await,
            Scenario::FullLimit => scenario::full_limit::run(self).await,
            Scenario::FullDisk => scenario::full_disk::run(self).await,
            Scenario::StateErrors => scenario::state_errors::run(self).await,
            Scenario::StateDisk => scenario::state_disk::run(self).await,
            Scenario::Proxy => scenario::proxy::run(self).await,
            Scenario::Swaps => scenario::swaps::run(self).await,
        };
        ran.unwrap_or_else(|cause| Outcome {
            scenario: self.scenario.to_string(),
            rounds: self.rounds,
            failures: vec![format!("it could not begin: {cause:#}")],
            ..Outcome::default()
        })
    }
}

impl Scenario {
    /// Rounds of each form.
    fn rounds(self, form: Form) -> u32 {
        let (short, long) = match self {
            Self::KillEngine => (3, 100),
            Self::KillServer => (2, 50),
            Self::StopEngine | Self::StopServer | Self::TwoEngines | Self::Proxy => (1, 5),
            Self::FullLimit | Self::FullDisk | Self::StateDisk => (1, 3),
            Self::Failpoints | Self::StateErrors => (1, 10),
            Self::Swaps => (100, 1_000),
        };
        match form {
            Form::Short => short,
            Form::Long => long,
        }
    }
}
