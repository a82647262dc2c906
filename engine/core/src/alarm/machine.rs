//! What an alarm does over time: quiet, pending while its rule is broken for less than `for`, firing,
//! and quiet again once the rule has held for as long. So a number that swings round the threshold
//! neither fires nor resolves at each swing. Time is the wall clock, because an alarm outlives the engine
//! that raised it; a clock that goes back only makes it wait.

use serde::{Deserialize, Serialize};

use crate::alarm::Rule;

/// Where an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "AlarmPhase")]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Phase {
    /// The rule holds.
    #[default]
    Quiet,
    /// The rule is broken, not yet for long enough.
    Pending {
        /// Since when, milliseconds since the epoch.
        since_ms: u64,
    },
    /// It has fired.
    Firing {
        /// Since when the rule was broken.
        since_ms: u64,
        /// Since when the rule holds again, if it does, not yet for long enough.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds_since_ms: Option<u64>,
    },
}

/// What happened to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseChange {
    /// It fires from now on.
    Fires {
        /// Since when the rule was broken.
        since_ms: u64,
    },
    /// It is over.
    Resolves {
        /// Since when the rule was broken.
        since_ms: u64,
    },
}

impl Phase {
    /// Looks at a value; gives what happened, if something did.
    pub fn see(&mut self, rule: &Rule, value: Option<f64>, now_ms: u64) -> Option<PhaseChange> {
        let hold_ms = rule.hold.as_millis() as u64;
        let for_long = |since_ms: u64| now_ms.saturating_sub(since_ms) >= hold_ms;
        match (*self, rule.is_broken(value)) {
            (Self::Quiet, false) => None,
            (Self::Quiet, true) => self.wait(now_ms, for_long(now_ms)),
            (Self::Pending { .. }, false) => {
                *self = Self::Quiet;
                None
            }
            (Self::Pending { since_ms }, true) => self.wait(since_ms, for_long(since_ms)),
            (Self::Firing { since_ms, .. }, true) => {
                *self = Self::firing(since_ms, None);
                None
            }
            (
                Self::Firing {
                    since_ms,
                    holds_since_ms,
                },
                false,
            ) => {
                let holds_since = holds_since_ms.unwrap_or(now_ms);
                if for_long(holds_since) {
                    *self = Self::Quiet;
                    return Some(PhaseChange::Resolves { since_ms });
                }
                *self = Self::firing(since_ms, Some(holds_since));
                None
            }
        }
    }

    fn wait(&mut self, since_ms: u64, long_enough: bool) -> Option<PhaseChange> {
        if long_enough {
            *self = Self::firing(since_ms, None);
            return Some(PhaseChange::Fires { since_ms });
        }
        *self = Self::Pending { since_ms };
        None
    }

    fn firing(since_ms: u64, holds_since_ms: Option<u64>) -> Self {
        Self::Firing {
            since_ms,
            holds_since_ms,
        }
    }

    /// Since when the rule is broken, where it fires.
    pub fn fires_since(self) -> Option<u64> {
        match self {
            Self::Firing { since_ms, .. } => Some(since_ms),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alarm::parse::parse;

    fn rule(text: &str) -> Rule {
        parse(text, &["lag"]).unwrap()
    }

    /// Values of seconds 0, 1, 2 and so on; gives the seconds at which something happened.
    fn changes(rule: &Rule, values: &[f64]) -> Vec<(usize, PhaseChange)> {
        let mut phase = Phase::default();
        let seen = values.iter().enumerate();
        seen.filter_map(|(second, value)| {
            let change = phase.see(rule, Some(*value), second as u64 * 1_000)?;
            Some((second, change))
        })
        .collect()
    }

    #[test]
    fn an_alarm_fires_after_its_time_and_resolves_after_the_same() {
        let values = [0.0, 9.0, 9.0, 9.0, 9.0, 0.0, 0.0, 0.0, 0.0];
        let expected = [
            (4, PhaseChange::Fires { since_ms: 1_000 }),
            (8, PhaseChange::Resolves { since_ms: 1_000 }),
        ];
        assert_eq!(changes(&rule("lag > 5 for 3s"), &values), expected);
        let expected = [
            (1, PhaseChange::Fires { since_ms: 1_000 }),
            (5, PhaseChange::Resolves { since_ms: 1_000 }),
        ];
        assert_eq!(changes(&rule("lag > 5"), &values), expected);
    }

    #[test]
    fn a_number_that_swings_round_the_threshold_neither_fires_nor_resolves() {
        let swings = [9.0, 9.0, 0.0].repeat(20);
        assert_eq!(changes(&rule("lag > 5 for 3s"), &swings), []);
        let mut swings = [9.0, 0.0, 0.0].repeat(20);
        swings.splice(0..0, [9.0; 5]);
        assert_eq!(changes(&rule("lag > 5 for 3s"), &swings).len(), 1);
    }

    #[test]
    fn a_number_that_is_not_there_breaks_no_rule() {
        let mut phase = Phase::default();
        for (rule, value) in [("lag > 5", None), ("lag < 5", None), ("lag > 5", Some(f64::NAN))] {
            assert_eq!(
                phase.see(&crate::alarm::machine::tests::rule(rule), value, 1),
                None,
                "{rule}"
            );
        }
    }

    proptest! {
        #[test]
        fn it_fires_and_resolves_in_turns_whatever_the_clock_does(
            seen in prop::collection::vec((0_u64..20_000, 0.0..10.0_f64), 0..200),
        ) {
            let rule = rule("lag > 5 for 2s");
            let mut phase = Phase::default();
            let mut fires = false;
            for (now_ms, value) in seen {
                match phase.see(&rule, Some(value), now_ms) {
                    Some(PhaseChange::Fires { .. }) => {
                        prop_assert!(!fires && value > 5.0);
                        fires = true;
                    }
                    Some(PhaseChange::Resolves { .. }) => {
                        prop_assert!(fires && value <= 5.0);
                        fires = false;
                    }
                    None => {}
                }
                prop_assert_eq!(phase.fires_since().is_some(), fires);
            }
        }
    }
}
