//! What a run of the torture is to do: a scenario, how often, and from which seed.

use clap::ValueEnum;

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
    /// The version before beside this one, and each engine upgraded and taken back.
    Upgrade,
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
    /// Pipelines and tenants created, changed, deleted and made anew, with a fault at each step.
    Lives,
    /// Each node of three killed and frozen, also the leaders, after streams were raised to three copies.
    Nodes,
    /// One node of three cut off, with one of two engines on its side.
    NetSplit,
    /// kill -9 of the engine while very many timers of another tenant are due at once.
    TimerStorm,
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
}

impl Scenario {
    /// Rounds of each form.
    fn rounds(self, form: Form) -> u32 {
        let (short, long) = match self {
            Self::KillEngine => (3, 100),
            Self::KillServer => (2, 50),
            Self::StopEngine | Self::StopServer | Self::TwoEngines | Self::Proxy | Self::TimerStorm => (1, 5),
            Self::FullLimit | Self::FullDisk | Self::StateDisk => (1, 3),
            Self::Failpoints | Self::StateErrors | Self::Upgrade => (1, 10),
            Self::Swaps => (100, 1_000),
            Self::Lives => (1, 50),
            Self::Nodes | Self::NetSplit => (1, 2),
        };
        match form {
            Form::Short => short,
            Form::Long => long,
        }
    }
}
