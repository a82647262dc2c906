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
pub mod plan;
pub mod report;
pub mod scenario;

pub use self::plan::{Form, Plan, Scenario};
use self::report::Outcome;

impl Plan {
    /// Runs it. What keeps it from beginning is a failure like any other.
    pub async fn run(&self) -> Outcome {
        let ran = match self.scenario {
            Scenario::Failpoints => scenario::failpoints::run(self).await,
            Scenario::KillEngine => scenario::kill_engine::run(self).await,
            Scenario::KillServer => scenario::kill_server::run(self).await,
            Scenario::StopEngine => scenario::stop_engine::run(self).await,
            Scenario::StopServer => scenario::stop_server::run(self).await,
            Scenario::TwoEngines => scenario::two_engines::run(self).await,
            Scenario::Upgrade => scenario::upgrade::run(self).await,
            Scenario::FullLimit => scenario::full_limit::run(self).await,
            Scenario::FullDisk => scenario::full_disk::run(self).await,
            Scenario::StateErrors => scenario::state_errors::run(self).await,
            Scenario::StateDisk => scenario::state_disk::run(self).await,
            Scenario::Proxy => scenario::proxy::run(self).await,
            Scenario::Swaps => scenario::swaps::run(self).await,
            Scenario::Lives => scenario::lives::run(self).await,
            Scenario::Nodes => scenario::nodes::run(self).await,
            Scenario::NetSplit => scenario::net_split::run(self).await,
            Scenario::TimerStorm => scenario::timer_storm::run(self).await,
        };
        ran.unwrap_or_else(|cause| Outcome {
            scenario: self.scenario.to_string(),
            rounds: self.rounds,
            failures: vec![format!("it could not begin: {cause:#}")],
            ..Outcome::default()
        })
    }
}
