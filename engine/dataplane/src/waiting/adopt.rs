//! The rules of the revision at work are taken up.
//!
//! Invariant: by then, whatever was due by the rules before has woken up. So what they have closed, and told, is known by
//! the watermark alone.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use tailrace_core::{
    delta::StateValue,
    ports::store::StoreError,
    waiting::{InForce, JoinRules, STEP, WindowRules},
};

use crate::{
    process::processor::{Processor, Role},
    waiting::{Standing, Waiting},
};

/// More than a pipeline can have of windows and joins, of this revision and the one before.
const MOST: usize = 1_000;

impl Processor {
    /// Takes up the rules of the plan, if they are not in force: at the watermark of what was processed last.
    pub(crate) fn adopt_rules(&mut self, watermark_ms: u64) -> Result<(), StoreError> {
        if self.waiting.is_adopted || self.role == Role::Shadow {
            return Ok(());
        }
        let plan = self.plan.clone();
        let held = self.effects.scan_of(STEP, "", None, MOST)?;
        let mut held: BTreeMap<String, Vec<u8>> =
            held.into_iter().map(|(key, value)| (key, value.value)).collect();
        self.waiting = Waiting {
            is_adopted: true,
            ..Waiting::default()
        };
        for window in plan.windows.iter() {
            let next = WindowRules::of(&window.manifest);
            let before = read(held.remove(&window.step), (&window.step, window.shape))?;
            let is_changed = before.as_ref().is_some_and(|before| before.rules != next);
            let stands = match before {
                Some(before) if is_changed => before.followed_at(watermark_ms, next),
                Some(before) => {
                    self.waiting
                        .windows
                        .insert(window.step.clone(), Standing::of(&before));
                    continue;
                }
                None => InForce::first(window.shape, next),
            };
            self.put_in_force(&window.step, &stands);
            self.waiting
                .windows
                .insert(window.step.clone(), Standing::of(&stands));
            if is_changed {
                self.adopt_for_window(window, watermark_ms);
            }
        }
        for join in plan.joins.iter() {
            let next = JoinRules::of(&join.manifest);
            let before = read::<JoinRules>(held.remove(&join.step), (&join.step, join.shape))?;
            let changed = before.as_ref().map(|before| before.rules.clone());
            let changed = changed.filter(|before| *before != next);
            let stands = match before {
                Some(before) if changed.is_some() => before.followed_by(next),
                Some(before) => {
                    self.waiting.joins.insert(join.step.clone(), before.epoch);
                    continue;
                }
                None => InForce::first(join.shape, next),
            };
            self.put_in_force(&join.step, &stands);
            self.waiting.joins.insert(join.step.clone(), stands.epoch);
            if let Some(before) = changed {
                self.adopt_for_join(join, &before, watermark_ms);
            }
        }
        for step in held.keys() {
            self.effects.write_in(STEP, step, None);
        }
        self.effects.settle();
        Ok(())
    }

    fn put_in_force<R: Serialize + DeserializeOwned>(&mut self, step: &str, stands: &InForce<R>) {
        let value = StateValue {
            value: stands.encode(),
            expires_ms: None,
        };
        self.effects.write_in(STEP, step, Some(value));
    }
}

fn read<R: Serialize + DeserializeOwned>(
    held: Option<Vec<u8>>,
    (step, shape): (&str, u32),
) -> Result<Option<InForce<R>>, StoreError> {
    let Some(bytes) = held else { return Ok(None) };
    InForce::decode(shape, &bytes)
        .map_err(|cause| StoreError::Damaged(format!("the rules of {step} cannot be read: {cause}")))
}
