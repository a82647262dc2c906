//! Other rules hold for a window: all that is open of it waits by them, before the next event. What that leaves without
//! a purpose goes.

use tailrace_core::{
    due::Due,
    manifest::{Frame, LateForWindow},
    ports::store::StoreError,
    waiting::SetBy,
    window::stored::read_part_key,
};

use crate::{
    process::processor::Processor,
    windows::{close::Wake, plan::PlannedWindow},
};

/// Entries at a time.
const PAGE: usize = 500;

impl Processor {
    /// From the first entry on.
    pub(crate) fn adopt_for_window(&mut self, window: &PlannedWindow, at_ms: u64) {
        let due = Due {
            at_ms,
            // No group is before it, so all entries wait anew before one of them wakes up.
            key: String::new(),
            owner: window.step.clone(),
            name: Wake::Adopt.encode(),
        };
        self.go_on_anew(window, &due, "");
    }

    fn go_on_anew(&mut self, window: &PlannedWindow, due: &Due, after: &str) {
        let epoch = self.waiting.window(&window.step).epoch;
        let set_by = SetBy::encode(window.shape, epoch, after.as_bytes());
        self.effects.wake(due, set_by);
    }

    /// Some of what is open waits anew, from behind `after`.
    pub(super) fn wait_anew(
        &mut self,
        window: &PlannedWindow,
        due: &Due,
        after: &[u8],
    ) -> Result<(), StoreError> {
        let after = String::from_utf8_lossy(after);
        let after = (!after.is_empty()).then_some(&*after);
        let entries = self.effects.scan_of(&window.step, "", after, PAGE)?;
        if let Some((last, _)) = entries.last().filter(|_| entries.len() == PAGE) {
            self.go_on_anew(window, due, last);
        }
        for (key, held) in entries {
            // What was declared otherwise goes with the wake-ups that it has.
            if !window.is_own(&held.value) {
                continue;
            }
            match (window.frame, read_part_key(&key)) {
                (Frame::Fixed { length_ms, every_ms }, Some((group, start_ms))) => {
                    let span = (start_ms, start_ms.saturating_add(length_ms));
                    self.part_waits_anew(window, (group, &key), span, (every_ms, due.at_ms));
                }
                (Frame::Session { gap_ms, .. }, _) => {
                    self.sessions_wait_anew(window, &key, (gap_ms, due.at_ms))?;
                }
                (Frame::Fixed { .. }, None) => {}
            }
        }
        Ok(())
    }

    fn part_waits_anew(
        &mut self,
        window: &PlannedWindow,
        (group, key): (&str, &str),
        (start_ms, last_ms): (u64, u64),
        (every_ms, now_ms): (u64, u64),
    ) {
        let told_ms = self.waiting.window(&window.step).told_ms;
        let ended_ms = last_ms.saturating_add(window.grace_ms);
        if last_ms <= told_ms {
            let is_kept = window.manifest.late == LateForWindow::Correct && ended_ms > now_ms;
            if is_kept {
                self.wake_window(window, group, ended_ms, Wake::Forget(start_ms));
            } else {
                window.delete(&mut self.effects, key);
            }
            return;
        }
        let mut end_ms = start_ms.saturating_add(every_ms);
        while end_ms <= told_ms {
            end_ms += every_ms;
        }
        let at_ms = end_ms.saturating_add(window.waits_ms()).max(now_ms);
        self.wake_window(window, group, at_ms, Wake::Close(end_ms));
        if window.manifest.late == LateForWindow::Correct {
            self.wake_window(window, group, ended_ms.max(now_ms), Wake::Forget(start_ms));
        }
        self.arm_early(window, group, (start_ms, last_ms), now_ms);
    }
}
