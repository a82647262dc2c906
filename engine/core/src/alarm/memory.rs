//! What the alarms of a pipeline, or of an engine, remember: where each is, and which notices have yet
//! to arrive. It is written to the broker when an alarm fires or resolves and when a notice has arrived,
//! before and after which nothing is lost: an engine that starts goes on where the last one was. What is
//! only pending is not worth a write; a restart begins to wait anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    alarm::{
        Rule,
        machine::{Phase, PhaseChange},
        notice::{Kind, Notice, Target, Unsent},
    },
    name::Name,
};

/// Notices that wait for one alarm; the oldest is given up for a newer one.
const MAX_UNSENT: usize = 16;

/// Whose alarms these are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// The tenant.
    pub tenant: Option<Name>,
    /// The pipeline.
    pub pipeline: Option<Name>,
    /// The engine.
    pub engine: Option<Name>,
}

/// An alarm as it is declared, its rule read.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Its name.
    pub name: Name,
    /// Its rule, as it was written.
    pub when: String,
    /// Its rule.
    pub rule: Rule,
    /// Who is told.
    pub targets: Vec<Target>,
}

/// The alarms by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(BTreeMap<Name, Remembered>);

/// An alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// Where it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// Its rule when it was last looked at.
    pub when: String,
    /// The value at the last look.
    #[serde(default)]
    pub value: Option<f64>,
    /// What the value is compared with.
    pub threshold: f64,
    /// Who is told.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// Notices that have yet to arrive.
    #[serde(default)]
    pub unsent: Vec<Unsent>,
}

impl Memory {
    /// Looks at all alarms; gives whether anything happened that is worth a write. `value` is asked
    /// for each rule. What is remembered and no longer declared resolves, if it fires, and is forgotten.
    pub fn see(
        &mut self,
        owner: &Owner,
        alarms: &[Alarm],
        now_ms: u64,
        value: impl Fn(&Alarm) -> Option<f64>,
    ) -> bool {
        let mut changed = self.forget(owner, alarms, now_ms);
        for alarm in alarms {
            let value = value(alarm);
            let known = self.0.entry(alarm.name.clone()).or_insert_with(|| Remembered {
                phase: Phase::default(),
                when: alarm.when.clone(),
                value: None,
                threshold: alarm.rule.threshold,
                targets: Vec::new(),
                unsent: Vec::new(),
            });
            if known.when != alarm.when && known.phase.fires_since().is_none() {
                // Another rule begins to wait by itself; one that fires already stays so until it holds.
                known.phase = Phase::default();
            }
            known.when.clone_from(&alarm.when);
            known.targets.clone_from(&alarm.targets);
            known.threshold = alarm.rule.threshold;
            known.value = value.filter(|value| value.is_finite());
            if let Some(change) = known.phase.see(&alarm.rule, value, now_ms) {
                known.tell(owner, &alarm.name, change, now_ms);
                changed = true;
            }
        }
        changed
    }

    fn forget(&mut self, owner: &Owner, alarms: &[Alarm], now_ms: u64) -> bool {
        let before = self.0.len();
        let mut changed = false;
        self.0.retain(|name, known| {
            if alarms.iter().any(|alarm| alarm.name == *name) {
                return true;
            }
            if let Some(since_ms) = known.phase.fires_since() {
                known.phase = Phase::default();
                known.value = None;
                known.tell(owner, name, PhaseChange::Resolves { since_ms }, now_ms);
                changed = true;
            }
            !known.unsent.is_empty()
        });
        changed || self.0.len() != before
    }

    /// Whether there is nothing that a restart would have to know.
    pub fn is_empty(&self) -> bool {
        self.0
            .values()
            .all(|known| known.phase.fires_since().is_none() && known.unsent.is_empty())
    }

    /// The alarms, by name.
    pub fn alarms(&self) -> impl Iterator<Item = (&Name, &Remembered)> {
        self.0.iter()
    }

    /// How many fire.
    pub fn firing(&self) -> u64 {
        let firing = self
            .0
            .values()
            .filter(|known| known.phase.fires_since().is_some());
        firing.count() as u64
    }

    /// Notices that may be sent now.
    pub fn due(&self, now_ms: u64) -> impl Iterator<Item = &Unsent> {
        let unsent = self.0.values().flat_map(|known| &known.unsent);
        unsent.filter(move |unsent| unsent.not_before_ms <= now_ms)
    }

    /// A try of a notice is over; gives whether it was the last one and failed.
    pub fn tried(&mut self, id: &str, target: &Target, arrived: bool, now_ms: u64) -> bool {
        let mut given_up = false;
        for known in self.0.values_mut() {
            known.unsent.retain_mut(|unsent| {
                if unsent.notice.id != id || unsent.target != *target {
                    return true;
                }
                let again = !arrived && unsent.failed(now_ms);
                given_up |= !arrived && !again;
                again
            });
        }
        given_up
    }
}

impl Remembered {
    fn tell(&mut self, owner: &Owner, name: &Name, change: PhaseChange, now_ms: u64) {
        let (kind, since_ms) = match change {
            PhaseChange::Fires { since_ms } => (Kind::Firing, since_ms),
            PhaseChange::Resolves { since_ms } => (Kind::Resolved, since_ms),
        };
        let whose = [&owner.tenant, &owner.pipeline, &owner.engine];
        let whose: Vec<&str> = whose.into_iter().flatten().map(Name::as_str).collect();
        let word = match kind {
            Kind::Firing => "firing",
            Kind::Resolved => "resolved",
        };
        let notice = Notice {
            id: format!("{}/{name}/{since_ms}/{word}", whose.join("/")),
            kind,
            rule: name.to_string(),
            when: self.when.clone(),
            value: self.value,
            threshold: self.threshold,
            since_ms,
            at_ms: now_ms,
            tenant: owner.tenant.clone(),
            pipeline: owner.pipeline.clone(),
            engine: owner.engine.clone(),
        };
        for target in &self.targets {
            self.unsent.push(Unsent {
                notice: notice.clone(),
                target: target.clone(),
                tries: 0,
                not_before_ms: 0,
            });
        }
        let over = self.unsent.len().saturating_sub(MAX_UNSENT);
        self.unsent.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::parse::parse;

    fn alarm(name: &str, when: &str) -> Alarm {
        Alarm {
            name: Name::new(name).unwrap(),
            when: when.to_owned(),
            rule: parse(when, &["lag"]).unwrap(),
            targets: vec![Target::Subject("shop.alarms".to_owned())],
        }
    }

    fn owner() -> Owner {
        Owner {
            tenant: Name::new("shop").ok(),
            pipeline: Name::new("clicks").ok(),
            engine: None,
        }
    }

    fn kinds(memory: &Memory) -> Vec<(Kind, String)> {
        let due = memory.due(u64::MAX);
        due.map(|unsent| (unsent.notice.kind, unsent.notice.id.clone()))
            .collect()
    }

    #[test]
    fn an_alarm_tells_once_that_it_fires_and_once_that_it_is_over() {
        let alarms = [alarm("behind", "lag > 5 for 2s")];
        let mut memory = Memory::default();
        let mut writes = 0;
        for (now_ms, lag) in [
            (0, 9.0),
            (1_000, 9.0),
            (2_000, 9.0),
            (3_000, 9.0),
            (4_000, 0.0),
            (6_000, 0.0),
        ] {
            writes += u32::from(memory.see(&owner(), &alarms, now_ms, |_| Some(lag)));
        }
        assert_eq!(writes, 2, "what is only pending is not written");
        let expected = [
            (Kind::Firing, "shop/clicks/behind/0/firing".to_owned()),
            (Kind::Resolved, "shop/clicks/behind/0/resolved".to_owned()),
        ];
        assert_eq!(kinds(&memory), expected);
    }

    #[test]
    fn what_was_written_goes_on_after_a_restart_and_what_arrived_is_not_sent_again() {
        let alarms = [alarm("behind", "lag > 5")];
        let mut memory = Memory::default();
        assert!(memory.see(&owner(), &alarms, 1_000, |_| Some(9.0)));
        let written = serde_json::to_vec(&memory).unwrap();
        let mut memory: Memory = serde_json::from_slice(&written).unwrap();
        assert!(
            !memory.see(&owner(), &alarms, 2_000, |_| Some(9.0)),
            "it fires already"
        );
        let target = alarms[0].targets[0].clone();
        assert!(!memory.tried("shop/clicks/behind/1000/firing", &target, true, 2_000));
        assert_eq!(kinds(&memory), []);
        let written = serde_json::to_vec(&memory).unwrap();
        let mut memory: Memory = serde_json::from_slice(&written).unwrap();
        assert!(memory.see(&owner(), &alarms, 3_000, |_| Some(0.0)));
        assert_eq!(kinds(&memory)[0].0, Kind::Resolved);
    }

    #[test]
    fn an_alarm_that_is_removed_while_it_fires_resolves_and_is_forgotten_once_that_arrived() {
        let alarms = [alarm("behind", "lag > 5")];
        let mut memory = Memory::default();
        memory.see(&owner(), &alarms, 1_000, |_| Some(9.0));
        let target = alarms[0].targets[0].clone();
        memory.tried("shop/clicks/behind/1000/firing", &target, true, 1_000);
        assert!(memory.see(&owner(), &[], 2_000, |_| None));
        assert_eq!(kinds(&memory)[0].1, "shop/clicks/behind/1000/resolved");
        assert!(!memory.is_empty());
        memory.tried("shop/clicks/behind/1000/resolved", &target, true, 2_000);
        assert!(memory.is_empty());
        assert!(memory.see(&owner(), &[], 3_000, |_| None));
        assert_eq!(memory.alarms().count(), 0);
    }

    #[test]
    fn a_notice_that_never_arrives_is_tried_with_growing_pauses_and_given_up() {
        let alarms = [alarm("behind", "lag > 5")];
        let mut memory = Memory::default();
        memory.see(&owner(), &alarms, 0, |_| Some(9.0));
        let (mut now_ms, mut tries) = (0, 0);
        loop {
            let due: Vec<Unsent> = memory.due(now_ms).cloned().collect();
            if let Some(unsent) = due.first() {
                tries += 1;
                if memory.tried(&unsent.notice.id, &unsent.target, false, now_ms) {
                    break;
                }
            }
            now_ms += 1_000;
        }
        assert_eq!(tries, crate::alarm::notice::MAX_TRIES);
        assert!((3_600_000..3 * 3_600_000).contains(&now_ms), "{now_ms}");
        assert_eq!(kinds(&memory), []);
    }

    #[test]
    fn an_alarm_that_flaps_where_nobody_listens_keeps_a_bounded_number_of_notices() {
        let alarms = [alarm("behind", "lag > 5")];
        let mut memory = Memory::default();
        for second in 0..1_000_u64 {
            let lag = if second % 2 == 0 { 9.0 } else { 0.0 };
            memory.see(&owner(), &alarms, second * 1_000, |_| Some(lag));
        }
        assert_eq!(kinds(&memory).len(), MAX_UNSENT);
        assert!(kinds(&memory)[MAX_UNSENT - 1].1.contains("/998000/"));
    }
}
