//! What is due of windows: one ends, or tells how far it is, or what was kept for corrections goes.

use tailrace_core::{
    delta::StateValue,
    due::Due,
    manifest::Frame,
    ports::store::StoreError,
    waiting::SetBy,
    window::{
        Part, Told,
        stored::{group_prefix, part_key, read_part_key},
    },
};

use crate::{
    process::processor::Processor,
    windows::{held::Kept, plan::PlannedWindow},
};

/// Parts of a window that is gone that are deleted at a time.
const PAGE: usize = 1_000;

/// What wakes up of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// The window with this end is over.
    Close(u64),
    /// The window with this beginning tells how far it is.
    Early(u64),
    /// The part with this beginning is needed no longer.
    Forget(u64),
    /// Sessions of the group may be over.
    Session,
    /// Other rules hold, so all that is open waits anew.
    Adopt,
}

impl Wake {
    pub(super) fn encode(self) -> String {
        match self {
            Self::Close(ms) => format!("c{ms:016x}"),
            Self::Early(ms) => format!("e{ms:016x}"),
            Self::Forget(ms) => format!("f{ms:016x}"),
            Self::Session => "s".to_owned(),
            Self::Adopt => "a".to_owned(),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        match text {
            "s" => return Some(Self::Session),
            "a" => return Some(Self::Adopt),
            _ => {}
        }
        let (kind, ms) = text.split_at_checked(1)?;
        let ms = u64::from_str_radix(ms, 16).ok()?;
        match kind {
            "c" => Some(Self::Close(ms)),
            "e" => Some(Self::Early(ms)),
            "f" => Some(Self::Forget(ms)),
            _ => None,
        }
    }
}

impl Processor {
    /// Something is due of a window. With it goes what the window was when that was set, and how it waited.
    pub(crate) fn wake_of_window(&mut self, due: &Due, set_by: &[u8]) -> Result<(), StoreError> {
        self.effects.let_sleep(due);
        let set_by = SetBy::decode(set_by);
        let plan = self.plan.clone();
        let window = plan.windows.owned_by(&due.owner);
        let window = window.filter(|window| set_by.shape == Some(window.shape));
        let (Some(window), Some(wake)) = (window, Wake::decode(&due.name)) else {
            return self.forget_former(due);
        };
        if wake == Wake::Adopt {
            return self.wait_anew(window, due, set_by.rest);
        }
        // Under the rules in force, all that is open has other wake-ups.
        if set_by.epoch != self.waiting.window(&window.step).epoch {
            return Ok(());
        }
        match (wake, window.frame) {
            (Wake::Close(end_ms), Frame::Fixed { length_ms, every_ms }) => {
                self.close(window, due, end_ms, (length_ms, every_ms))
            }
            (Wake::Early(start_ms), Frame::Fixed { length_ms, .. }) => {
                self.tell_early(window, due, start_ms, length_ms)
            }
            (Wake::Forget(start_ms), Frame::Fixed { length_ms, .. }) => {
                self.forget(window, due, start_ms, start_ms + length_ms);
                Ok(())
            }
            (Wake::Session, Frame::Session { gap_ms, .. }) => self.close_sessions(window, due, gap_ms),
            (_, _) => Err(StoreError::Damaged(format!(
                "the wake-up {due:?} is of no such window"
            ))),
        }
    }

    /// A window is over: its result is told, and parts that no later window has go.
    fn close(
        &mut self,
        window: &PlannedWindow,
        due: &Due,
        end_ms: u64,
        (length_ms, every_ms): (u64, u64),
    ) -> Result<(), StoreError> {
        let group = &due.key;
        let at_ms = end_ms + window.waits_ms();
        if due.at_ms < at_ms {
            // It waits longer than when this was set.
            self.wake_window(window, group, at_ms, Wake::Close(end_ms));
            return Ok(());
        }
        let starts = self.tell_fixed(window, group, end_ms, Told::Final)?;
        for start_ms in &starts {
            if start_ms + length_ms <= end_ms {
                self.forget(window, due, *start_ms, end_ms);
            }
        }
        if starts.iter().any(|start_ms| start_ms + length_ms > end_ms) {
            let next_ms = end_ms + every_ms;
            // Behind a change to a shorter wait, several are over at once.
            let at_ms = (next_ms + window.waits_ms()).max(due.at_ms);
            self.wake_window(window, group, at_ms, Wake::Close(next_ms));
        }
        Ok(())
    }

    /// The part with this beginning goes when the last window that has it waits for nothing more.
    fn forget(&mut self, window: &PlannedWindow, due: &Due, start_ms: u64, last_end_ms: u64) {
        let at_ms = last_end_ms + window.grace_ms;
        if due.at_ms < at_ms {
            self.wake_window(window, &due.key, at_ms, Wake::Forget(start_ms));
        } else {
            window.delete(&mut self.effects, &part_key(&due.key, start_ms));
        }
    }

    /// Tells the result of the window with this end. Gives the beginnings of its parts.
    pub(super) fn tell_fixed(
        &mut self,
        window: &PlannedWindow,
        group: &str,
        end_ms: u64,
        told: Told,
    ) -> Result<Vec<u64>, StoreError> {
        let Frame::Fixed { length_ms, every_ms } = window.frame else {
            return Ok(Vec::new());
        };
        let start_ms = end_ms.saturating_sub(length_ms);
        let after = start_ms.checked_sub(1).map(|before| part_key(group, before));
        let prefix = group_prefix(group);
        let most = (length_ms / every_ms) as usize;
        let held = window.scan(&self.effects, &prefix, after.as_deref(), most)?;
        let aggregates = &window.manifest.aggregate;
        let mut all = Part::new(aggregates);
        let mut starts = Vec::new();
        for (key, held) in held {
            let start = read_part_key(&key).map(|(_, start)| start);
            let Some(start) = start.filter(|start| *start < end_ms) else {
                break;
            };
            match held {
                Kept::Own(part) => {
                    starts.push(start);
                    all.merge(aggregates, &part, self.plan.seed)
                        .map_err(|cause| StoreError::Damaged(format!("the sketch of {key:?}: {cause}")))?;
                }
                Kept::Foreign => {
                    window.delete(&mut self.effects, &key);
                    self.stats.counts.windows_lost += 1;
                }
                Kept::Nothing => {}
            }
        }
        if all.events > 0 {
            self.tell_window(window, group, (start_ms, end_ms), &all, told)?;
        }
        Ok(starts)
    }

    /// A window tells how far it is, if anything has come since it did so last.
    fn tell_early(
        &mut self,
        window: &PlannedWindow,
        due: &Due,
        start_ms: u64,
        length_ms: u64,
    ) -> Result<(), StoreError> {
        let key = part_key(&due.key, start_ms);
        let end_ms = start_ms + length_ms;
        let Some(early) = window.manifest.early else {
            return Ok(());
        };
        let Kept::Own(mut part) = window.read::<Part>(&self.effects, &key)? else {
            return Ok(());
        };
        if part.told != part.events {
            part.told = part.events;
            window.write(&mut self.effects, &key, &part);
            self.tell_window(window, &due.key, (start_ms, end_ms), &part, Told::Early)?;
        }
        let next_ms = due.at_ms + early.as_millis();
        if next_ms < end_ms {
            self.wake_window(window, &due.key, next_ms, Wake::Early(start_ms));
        }
        Ok(())
    }

    /// The window is declared no longer, or otherwise: what it had of the group goes, and that is counted.
    fn forget_former(&mut self, due: &Due) -> Result<(), StoreError> {
        let plan = self.plan.clone();
        let window = plan.windows.owned_by(&due.owner);
        let is_own = |value: &StateValue| window.is_some_and(|window| window.is_own(&value.value));
        let prefix = group_prefix(&due.key);
        let mut entries = self.effects.scan_of(&due.owner, &prefix, None, PAGE)?;
        if entries.len() == PAGE {
            // There may be more: it goes on from there.
            let shape = Vec::new();
            self.effects.wake(due, shape);
        }
        let sessions = self.effects.read_of(&due.owner, &due.key)?;
        entries.extend(sessions.map(|sessions| (due.key.clone(), sessions)));
        for (key, value) in entries {
            if !is_own(&value) {
                self.effects.write_in(&due.owner, &key, None);
                self.stats.counts.windows_lost += 1;
            }
        }
        Ok(())
    }
}
