//! A revision that runs beside the active one before it takes its place: as its shadow, or as a canary
//! for a share of the keys.

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::registry::Revision;

/// Events of a canary before its limits count, where nothing else is said.
pub const MIN_EVENTS: u64 = 100;
/// A whole, in the unit of [`Canary::share_ppm`].
pub const WHOLE_PPM: u32 = 1_000_000;

/// A revision beside the active one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Candidate {
    /// Its number is higher than the active one's.
    pub revision: Revision,
    /// How it runs.
    #[serde(flatten)]
    pub mode: Mode,
    /// Since when, milliseconds since the epoch.
    pub began_ms: u64,
}

/// How a candidate runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "CandidateMode")]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum Mode {
    /// It gets the same events; nothing that it does takes effect.
    Shadow,
    /// It has a share of the keys to itself.
    Canary(Canary),
}

/// The share of a canary, and when it is taken back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
pub struct Canary {
    /// Keys of a million that are its own.
    pub share_ppm: u32,
    /// Most of its events that may fail or be rejected, as a ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_error_ratio: Option<f64>,
    /// Most that 99 of 100 of its events may take in its plugins, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_p99_ms: Option<f64>,
    /// Its events before either limit counts.
    #[serde(default = "min_events")]
    pub min_events: u64,
}

fn min_events() -> u64 {
    MIN_EVENTS
}

/// A candidate that is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "EndedCandidate")]
pub struct Ended {
    /// Its number.
    pub revision: u64,
    /// Why.
    pub reason: String,
    /// When, milliseconds since the epoch.
    pub ended_ms: u64,
}

impl Canary {
    /// Whether a key is the canary's. Another hash than the partition's, and another one for each
    /// candidate, so that every partition has its share and it is not always the same keys' turn.
    pub fn takes(&self, revision: u64, key: &str) -> bool {
        use std::hash::Hasher as _;
        let mut hasher = SipHasher13::new_with_keys(0x6361_6e61_7279, revision);
        hasher.write(key.as_bytes());
        hasher.finish() % u64::from(WHOLE_PPM) < u64::from(self.share_ppm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::identity::partition_of;

    fn canary(share_ppm: u32) -> Canary {
        Canary {
            share_ppm,
            max_error_ratio: None,
            max_p99_ms: None,
            min_events: MIN_EVENTS,
        }
    }

    #[test]
    fn every_partition_gives_the_canary_its_share_and_a_key_stays_where_it_is() {
        let canary = canary(50_000);
        let keys: Vec<_> = (0..40_000).map(|number| format!("user-{number}")).collect();
        for partition in 0..4 {
            let here: Vec<_> = keys
                .iter()
                .filter(|key| partition_of(key, 4) == partition)
                .collect();
            let taken = here.iter().filter(|key| canary.takes(7, key)).count();
            let share = taken as f64 / here.len() as f64;
            assert!((0.04..0.06).contains(&share), "partition {partition}: {share}");
        }
        assert!(
            keys.iter()
                .all(|key| canary.takes(7, key) == canary.takes(7, key))
        );
        assert!(
            keys.iter()
                .any(|key| canary.takes(7, key) != canary.takes(8, key))
        );
    }

    #[test]
    fn a_share_of_nothing_and_of_all_mean_what_they_say() {
        let keys: Vec<_> = (0..1_000).map(|number| format!("k{number}")).collect();
        assert!(keys.iter().all(|key| !canary(0).takes(1, key)));
        assert!(keys.iter().all(|key| canary(WHOLE_PPM).takes(1, key)));
    }

    #[test]
    fn how_a_candidate_runs_reads_back_as_it_is_written() {
        for mode in [Mode::Shadow, Mode::Canary(canary(50_000))] {
            let text = serde_json::to_string(&mode).unwrap();
            assert_eq!(serde_json::from_str::<Mode>(&text).unwrap(), mode, "{text}");
        }
    }
}
