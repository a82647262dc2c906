//! Other rules hold for a join: what it keeps waits by them, before the next event.
//!
//! Whether an event had a partner is noted only of those that may be told alone. So one that was kept without that, and
//! is to be told alone now, may have had one: it is not told, and that is counted at the end of its wait.

use tailrace_core::{
    due::Due,
    join::{Kept, Partner, read_key},
    manifest::JoinSide,
    ports::store::StoreError,
    waiting::{JoinRules, SetBy},
};

use crate::{joins::plan::PlannedJoin, process::processor::Processor};

/// Entries at a time.
const PAGE: usize = 500;
/// Most bytes that are written again at a time, but for the last entry.
const PAGE_BYTES: usize = 256 * 1024;

/// The wake-up with which it goes on: which sides were told alone, and behind which entry.
#[derive(Debug)]
pub(super) struct Adopt {
    told_alone: [bool; 2],
    after: String,
}

impl Adopt {
    const NAME: &str = "a";

    /// Kept events have other names.
    pub(super) fn is_one(due: &Due) -> bool {
        due.name.starts_with(Self::NAME)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.told_alone.map(u8::from).to_vec();
        bytes.extend(self.after.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Self {
        let (told, after) = bytes.split_at(bytes.len().min(2));
        let was_told = |side: usize| told.get(side).is_some_and(|told| *told > 0);
        Self {
            told_alone: [was_told(0), was_told(1)],
            after: String::from_utf8_lossy(after).into_owned(),
        }
    }

    fn was_told_alone(&self, side: JoinSide) -> bool {
        self.told_alone[usize::from(side == JoinSide::Right)]
    }
}

impl Processor {
    /// From the first entry on.
    pub(crate) fn adopt_for_join(&mut self, join: &PlannedJoin, before: &JoinRules, at_ms: u64) {
        let epoch = self.waiting.join(&join.step);
        let due = Due {
            at_ms,
            // No value is before it, so all entries wait anew before one of them wakes up. One that another revision
            // finds unfinished has a name of its own, and goes on too: what it has noted is not lost.
            key: String::new(),
            owner: join.step.clone(),
            name: format!("{}{epoch:08x}", Adopt::NAME),
        };
        let adopt = Adopt {
            told_alone: [JoinSide::Left, JoinSide::Right].map(|side| before.tells_alone(side)),
            after: String::new(),
        };
        self.go_on_keeping(join, &due, &adopt);
    }

    fn go_on_keeping(&mut self, join: &PlannedJoin, due: &Due, adopt: &Adopt) {
        let epoch = self.waiting.join(&join.step);
        let set_by = SetBy::encode(join.shape, epoch, &adopt.encode());
        self.effects.wake(due, set_by);
    }

    /// Some of what is kept waits anew.
    pub(super) fn keep_anew(
        &mut self,
        join: &PlannedJoin,
        due: &Due,
        adopt: &[u8],
    ) -> Result<(), StoreError> {
        let mut adopt = Adopt::decode(adopt);
        let now_ms = due.at_ms;
        self.effects.enter(&join.step, now_ms);
        let after = (!adopt.after.is_empty()).then_some(adopt.after.as_str());
        let entries = self.effects.scan_of(&join.step, "", after, PAGE)?;
        let mut is_last = entries.len() < PAGE;
        let mut bytes = 0;
        for (at, stored) in entries {
            if bytes > PAGE_BYTES {
                is_last = false;
                break;
            }
            bytes += stored.value.len();
            // What was declared otherwise goes with the wake-up that it has, or ends by itself.
            if let Some(kept) = join.decode(&at, &stored.value)? {
                self.one_anew(join, (&at, kept), &adopt, now_ms);
            }
            adopt.after = at;
        }
        if !is_last {
            self.go_on_keeping(join, due, &adopt);
        }
        Ok(())
    }

    fn one_anew(&mut self, join: &PlannedJoin, (at, kept): (&str, Kept), adopt: &Adopt, now_ms: u64) {
        let Some((value, id)) = read_key(at) else { return };
        let ends_ms = join.manifest.kept_until_ms(id.side, id.time_ms).saturating_add(1);
        let ends_ms = ends_ms.max(now_ms);
        let tells_alone = join.manifest.tells_alone(id.side);
        let partner = match kept.partner {
            Partner::None if tells_alone && !adopt.was_told_alone(id.side) => Partner::Unknown,
            partner => partner,
        };
        if tells_alone {
            self.wake_kept(join, value, id, ends_ms);
        }
        let kept = Kept { partner, ..kept };
        let entry =
            (tells_alone || ends_ms > now_ms).then(|| join.encode(&kept, (!tells_alone).then_some(ends_ms)));
        self.effects.write_in(&join.step, at, entry);
    }
}
