//! The status of a pipeline, as the API answers it.

use serde::Deserialize;

use crate::cli::{pipeline::clock::ClockView, tables::TableView};

#[derive(Deserialize)]
pub(super) struct StatusView {
    pub(super) state: String,
    #[serde(default)]
    pub(super) reason: Option<String>,
    pub(super) active_revision: u64,
    pub(super) revision: u64,
    pub(super) input: InputView,
    #[serde(default)]
    pub(super) lag: Option<u64>,
    #[serde(default)]
    pub(super) dead_letters: Option<u64>,
    #[serde(default)]
    pub(super) output: Option<OutputView>,
    #[serde(default)]
    pub(super) tables: std::collections::BTreeMap<String, TableView>,
    pub(super) partitions: Vec<PartitionView>,
    pub(super) stats: StatsView,
    #[serde(default)]
    pub(super) limited: Option<LimitedView>,
    #[serde(default)]
    pub(super) balance: Option<BalanceView>,
    #[serde(default)]
    pub(super) imbalances: u64,
    #[serde(default)]
    pub(super) candidate: Option<CandidateView>,
    #[serde(default)]
    pub(super) last_candidate: Option<EndedView>,
    #[serde(default)]
    pub(super) alarms: Vec<AlarmView>,
    #[serde(default)]
    pub(super) nats_account: Option<AccountView>,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
}

/// Where its results go.
#[derive(Deserialize)]
pub(super) struct OutputView {
    pub(super) stream: String,
    pub(super) subjects: String,
}

/// The NATS account of its tenant.
#[derive(Deserialize)]
pub(super) struct AccountView {
    pub(super) name: String,
    pub(super) connected: bool,
    #[serde(default)]
    pub(super) trouble: Option<String>,
}

/// What runs beside the active revision.
#[derive(Deserialize)]
pub(super) struct CandidateView {
    pub(super) revision: u64,
    pub(super) mode: String,
}

/// What ran beside it.
#[derive(Deserialize)]
pub(super) struct EndedView {
    pub(super) revision: u64,
    pub(super) reason: String,
}

#[derive(Deserialize)]
pub(super) struct AlarmView {
    pub(super) name: String,
    pub(super) when: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) value: Option<f64>,
    #[serde(default)]
    pub(super) unsent: usize,
}

/// The limit that holds events back, or sheds them.
#[derive(Deserialize)]
pub(super) struct LimitedView {
    pub(super) since_ms: u64,
    pub(super) by: String,
}

/// How the last reconciliation came out.
#[derive(Deserialize)]
pub(super) struct BalanceView {
    pub(super) read: u64,
    #[serde(default)]
    pub(super) broker_input: Option<u64>,
    pub(super) events: u64,
    pub(super) forwarded: u64,
    pub(super) emitted: u64,
    pub(super) dropped: u64,
    pub(super) rejected: u64,
    pub(super) dead: u64,
    pub(super) duplicates: u64,
    #[serde(default)]
    pub(super) shed: u64,
    #[serde(default)]
    pub(super) committed_messages: Option<u64>,
    #[serde(default)]
    pub(super) broker_messages: Option<u64>,
    #[serde(default)]
    pub(super) imbalance: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct InputView {
    pub(super) stream: String,
    pub(super) read_sequence: u64,
    #[serde(default)]
    pub(super) lost: u64,
    #[serde(default)]
    pub(super) possibly_lost: u64,
    #[serde(default)]
    pub(super) last_loss: Option<LossView>,
    #[serde(default)]
    pub(super) clock: Option<ClockView>,
}

/// A table, as the engine reads it.
#[derive(Deserialize)]
pub(super) struct LossView {
    pub(super) from: u64,
    pub(super) to: u64,
}

#[derive(Deserialize)]
pub(super) struct PartitionView {
    pub(super) partition: u32,
    pub(super) commit: u64,
    pub(super) position: u64,
    #[serde(default)]
    pub(super) owner: Option<String>,
    #[serde(default)]
    pub(super) trouble: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct StatsView {
    pub(super) counts: CountsView,
    #[serde(default)]
    pub(super) times: TimesView,
    pub(super) steps: std::collections::BTreeMap<String, LatencyView>,
    pub(super) commit_latency: LatencyView,
    #[serde(default)]
    pub(super) swap_pause: LatencyView,
}

#[derive(Default, Deserialize)]
pub(super) struct TimesView {
    #[serde(default)]
    pub(super) ahead_example: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CountsView {
    pub(super) events: u64,
    pub(super) outputs: u64,
    pub(super) dropped: u64,
    pub(super) rejected: u64,
    pub(super) duplicates: u64,
    #[serde(default)]
    pub(super) markers: u64,
    #[serde(default)]
    pub(super) shed: u64,
    #[serde(default)]
    pub(super) skipped: u64,
    #[serde(default)]
    pub(super) late: u64,
    #[serde(default)]
    pub(super) ahead: u64,
    #[serde(default)]
    pub(super) joined: u64,
    #[serde(default)]
    pub(super) unmatched: u64,
    #[serde(default)]
    pub(super) joins_lost: u64,
    #[serde(default)]
    pub(super) window_results: u64,
    #[serde(default)]
    pub(super) window_late: u64,
    #[serde(default)]
    pub(super) windows_lost: u64,
    #[serde(default)]
    pub(super) timers: u64,
    #[serde(default)]
    pub(super) timers_lost: u64,
    pub(super) retried: u64,
    pub(super) traps: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

#[derive(Default, Deserialize)]
pub(super) struct LatencyView {
    pub(super) count: u64,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
}
