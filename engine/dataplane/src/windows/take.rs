//! An event is taken into its windows.

use tailrace_core::{
    codes::LetterCode,
    due::Due,
    event::Event,
    event_time::CALENDAR_ENDS_MS,
    extract::Scalar,
    manifest::{Frame, LateForWindow},
    outcome::Outcome,
    ports::store::StoreError,
    waiting::SetBy,
    window::{Part, Taken, Told, stored::part_key},
};
use tailrace_sketch::SketchError;

use crate::{
    arrival::Source,
    process::{
        Walk,
        halt::Halt,
        processor::{Processor, Role},
        publish::count_messages,
    },
    windows::{
        close::Wake,
        held::Kept,
        plan::{Leaving, PlannedWindow},
    },
};

/// Longest group, in bytes of JSON: it is part of keys of the local store.
const MAX_GROUP_BYTES: usize = 2_048;

/// An event on its way into a window.
pub(super) struct Coming<'a> {
    pub(super) group: String,
    pub(super) time_ms: u64,
    /// The watermark with it.
    pub(super) now_ms: u64,
    /// Its values for the window's aggregates.
    pub(super) values: &'a [Option<Scalar<'a>>],
}

impl Processor {
    /// Takes what leaves the last step into the windows of the pipeline. Says whether it goes on: one that came too
    /// late for all of them may end as a dead letter.
    pub(crate) fn fold(&mut self, walk: &mut Walk<'_>, leaving: Leaving<'_>) -> Result<bool, Halt> {
        // What a shadow does becomes of nothing.
        if self.plan.windows.is_empty() || self.role == Role::Shadow {
            return Ok(true);
        }
        let plan = self.plan.clone();
        let Leaving { key, time_ms, .. } = leaving;
        let now_ms = walk.now_ms;
        let is_believed = self.effects.is_believed() && time_ms < CALENDAR_ENDS_MS;
        let (mut is_taken, mut is_kept) = (false, false);
        let origin = walk.origin().cloned();
        plan.windows
            .for_each(origin.as_ref(), leaving, |window, values| {
                let group = window.group(key, values);
                check_group(window, &group)?;
                let coming = Coming {
                    group,
                    time_ms,
                    now_ms,
                    values: &values[window.manifest.places().len()..],
                };
                let before = self.effects.output_count();
                let was_taken = match window.frame {
                    _ if !is_believed => false,
                    Frame::Fixed { length_ms, every_ms } => {
                        self.take_fixed(window, &coming, (length_ms, every_ms))?
                    }
                    Frame::Session { gap_ms, most_ms } => {
                        self.take_into_session(window, &coming, (gap_ms, most_ms))?
                    }
                };
                is_taken |= was_taken;
                if !was_taken {
                    self.stats.counts.window_late += 1;
                    is_kept |= window.manifest.late == LateForWindow::DeadLetter;
                }
                count_messages(walk, self.effects.output_count() - before)
            })?;
        let is_dead = is_kept && !is_taken;
        if is_dead {
            self.keep_untaken(walk, leaving, is_believed);
        }
        Ok(!is_dead)
    }

    fn keep_untaken(&mut self, walk: &mut Walk<'_>, leaving: Leaving<'_>, is_believed: bool) {
        let (code, reason) = if is_believed {
            // Where that is certain it is not sent again at all. This one was late by a little, or by a session, or its
            // window was closed before windows waited longer.
            let again = match walk.arrival.source {
                Source::Redrive => "it was sent again, and stays late: ",
                Source::Input => "",
            };
            let reason = format!("{again}its windows are over: the watermark is {} ms", walk.now_ms);
            (LetterCode::Late, reason)
        } else {
            let ahead_ms = leaving.time_ms.saturating_sub(walk.arrival.received_ms);
            let reason = format!(
                "the event's time is {ahead_ms} ms after the broker received it, so it is not believed, and no window takes it (input.watermark.ahead)"
            );
            (LetterCode::Ahead, reason)
        };
        let event = Event {
            time_ms: leaving.time_ms,
            key: leaving.key.to_owned(),
            subject: leaving.subject.to_owned(),
            headers: leaving.headers.to_vec(),
            payload: leaving.payload.to_vec().into(),
            ..walk.arrival.event.clone()
        };
        walk.outcome = walk.outcome.max(Outcome::Dead);
        let behind_the_steps = Some(self.plan.steps.len());
        self.dead_letter(walk, &event, behind_the_steps, code.as_str(), reason, &[], 0);
    }

    /// Takes an event into the part of a tumbling or hopping window. Says whether any of its windows is open.
    fn take_fixed(
        &mut self,
        window: &PlannedWindow,
        coming: &Coming<'_>,
        (length_ms, every_ms): (u64, u64),
    ) -> Result<bool, Halt> {
        let start_ms = coming.time_ms - coming.time_ms % every_ms;
        let closed_ms = self.waiting.window(&window.step).closed_for(window);
        let is_over =
            |end_ms: u64| end_ms <= closed_ms || end_ms.saturating_add(window.grace_ms) <= coming.now_ms;
        if is_over(start_ms.saturating_add(length_ms)) {
            return Ok(false);
        }
        let key = part_key(&coming.group, start_ms);
        let part = match window.read(&self.effects, &key)? {
            Kept::Own(part) => Some(part),
            Kept::Foreign => {
                self.stats.counts.windows_lost += 1;
                None
            }
            Kept::Nothing => None,
        };
        let is_new = part.is_none();
        if is_new {
            self.has_room()?;
            self.arm(window, coming, start_ms, (length_ms, every_ms));
        }
        let mut part = part.unwrap_or_else(|| Part::new(&window.manifest.aggregate));
        self.add(window, coming, &mut part)?;
        window.write(&mut self.effects, &key, &part);
        if window.manifest.late == LateForWindow::Correct {
            let mut end_ms = start_ms + every_ms;
            while end_ms <= start_ms.saturating_add(length_ms) && end_ms <= coming.now_ms {
                if !is_over(end_ms) {
                    self.tell_fixed(window, &coming.group, end_ms, Told::Corrected)?;
                }
                end_ms += every_ms;
            }
        }
        Ok(true)
    }

    /// A new part makes its windows end.
    fn arm(
        &mut self,
        window: &PlannedWindow,
        coming: &Coming<'_>,
        start_ms: u64,
        (length_ms, every_ms): (u64, u64),
    ) {
        let group = &coming.group;
        let waits_ms = window.waits_ms();
        let told_ms = self.waiting.window(&window.step).told_ms;
        let is_told = |end_ms: u64| end_ms <= told_ms || end_ms.saturating_add(waits_ms) <= coming.now_ms;
        let last_ms = start_ms.saturating_add(length_ms);
        let mut end_ms = start_ms.saturating_add(every_ms);
        while end_ms < last_ms && is_told(end_ms) {
            end_ms += every_ms;
        }
        if !is_told(end_ms) {
            self.wake_window(window, group, end_ms + waits_ms, Wake::Close(end_ms));
        }
        if window.manifest.late == LateForWindow::Correct {
            let at_ms = last_ms.saturating_add(window.grace_ms);
            self.wake_window(window, group, at_ms, Wake::Forget(start_ms));
        }
        self.arm_early(window, group, (start_ms, last_ms), coming.now_ms);
    }

    /// A window tells how far it is at multiples from its beginning.
    pub(super) fn arm_early(
        &mut self,
        window: &PlannedWindow,
        group: &str,
        (start_ms, end_ms): (u64, u64),
        now_ms: u64,
    ) {
        let Some(early) = window.manifest.early else {
            return;
        };
        let early_ms = early.as_millis();
        let passed = now_ms.saturating_sub(start_ms) / early_ms;
        let at_ms = start_ms + (passed + 1) * early_ms;
        if at_ms < end_ms {
            self.wake_window(window, group, at_ms, Wake::Early(start_ms));
        }
    }

    pub(super) fn wake_window(&mut self, window: &PlannedWindow, group: &str, at_ms: u64, wake: Wake) {
        let due = Due {
            at_ms,
            key: group.to_owned(),
            owner: window.step.clone(),
            name: wake.encode(),
        };
        let epoch = self.waiting.window(&window.step).epoch;
        self.effects.wake(&due, SetBy::encode(window.shape, epoch, &[]));
    }

    /// Adds the event to a part.
    pub(super) fn add(
        &mut self,
        window: &PlannedWindow,
        coming: &Coming<'_>,
        part: &mut Part,
    ) -> Result<(), Halt> {
        let taken = Taken {
            time_ms: coming.time_ms,
            values: coming.values,
            seed: self.plan.seed,
        };
        let skipped = part
            .take(&window.manifest.aggregate, &taken)
            .map_err(unreadable)?;
        self.stats.counts.skipped += skipped;
        Ok(())
    }

    /// Windows and joins take room of the tenant's.
    pub(crate) fn has_room(&self) -> Result<(), Halt> {
        if !self.effects.full.state {
            return Ok(());
        }
        let reason = "the tenant's quota of state is used up, so no window can begin and no join can keep an event; delete state (tailrace state delete), or ask an operator to raise state-bytes";
        Err(Halt::TooMuch {
            code: LetterCode::StateQuota,
            reason: reason.to_owned(),
        })
    }
}

fn check_group(window: &PlannedWindow, group: &str) -> Result<(), Halt> {
    let bytes = group.len();
    if bytes <= MAX_GROUP_BYTES {
        return Ok(());
    }
    let reason = format!(
        "the event's group in window {} has {bytes} bytes, and at most {MAX_GROUP_BYTES} are taken",
        window.name
    );
    Err(Halt::TooMuch {
        code: LetterCode::LongKey,
        reason,
    })
}

#[allow(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
pub(super) fn unreadable(cause: SketchError) -> Halt {
    StoreError::Damaged(format!("a window's sketch: {cause}")).into()
}
