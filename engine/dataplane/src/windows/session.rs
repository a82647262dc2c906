//! Sessions: events of a group without a long gap between two of them.
//!
//! A group has its open sessions in one entry, and one wake-up: when the first of them would be over if nothing more
//! came. When it wakes up, what is over is told, and the wake-up moves on. So an event that goes on with a session
//! moves nothing.

use tailrace_core::{
    due::Due,
    ports::store::StoreError,
    window::{
        Part, Told,
        stored::{Session, Sessions},
    },
};

use crate::{
    process::{halt::Halt, processor::Processor},
    windows::{
        close::Wake,
        held::Kept,
        plan::PlannedWindow,
        take::{Coming, unreadable},
    },
};

/// Whether an event, or another session, from then to then goes on with one.
fn is_near(session: &Session, (first_ms, last_ms): (u64, u64), (gap_ms, most_ms): (u64, u64)) -> bool {
    let near = first_ms < session.last_ms.saturating_add(gap_ms)
        && session.first_ms < last_ms.saturating_add(gap_ms);
    near && session.last_ms.max(last_ms) - session.first_ms.min(first_ms) <= most_ms
}

impl Processor {
    /// Takes an event into a session. Says whether there is one that is open, or that could begin.
    pub(super) fn take_into_session(
        &mut self,
        window: &PlannedWindow,
        coming: &Coming<'_>,
        (gap_ms, most_ms): (u64, u64),
    ) -> Result<bool, Halt> {
        let mut sessions = match window.read(&self.effects, &coming.group)? {
            Kept::Own(sessions) => sessions,
            Kept::Foreign => {
                self.stats.counts.windows_lost += 1;
                Sessions::default()
            }
            Kept::Nothing => Sessions::default(),
        };
        let time_ms = coming.time_ms;
        let is_near = |session: &Session| is_near(session, (time_ms, time_ms), (gap_ms, most_ms));
        let ends_ms = |last_ms: u64| last_ms.saturating_add(gap_ms + window.grace_ms);
        let closed_ms = self.waiting.window(&window.step).closed_for(window);
        let is_closed = time_ms.saturating_add(gap_ms) <= closed_ms;
        let at = match sessions.open.iter().position(is_near) {
            Some(at) => at,
            None if is_closed || ends_ms(time_ms) <= coming.now_ms => return Ok(false),
            None => {
                self.has_room()?;
                sessions.open.push(Session {
                    first_ms: time_ms,
                    last_ms: time_ms,
                    part: Part::new(&window.manifest.aggregate),
                });
                sessions.open.len() - 1
            }
        };
        let session = &mut sessions.open[at];
        session.first_ms = session.first_ms.min(time_ms);
        session.last_ms = session.last_ms.max(time_ms);
        self.add(window, coming, &mut session.part)?;
        self.join(window, &mut sessions, at, (gap_ms, most_ms))?;
        self.wake_sessions(window, &coming.group, &mut sessions, (gap_ms, 0));
        window.write(&mut self.effects, &coming.group, &sessions);
        Ok(true)
    }

    /// An event may close the gap between two sessions.
    fn join(
        &mut self,
        window: &PlannedWindow,
        sessions: &mut Sessions,
        at: usize,
        bounds: (u64, u64),
    ) -> Result<(), Halt> {
        let mut grown = sessions.open.swap_remove(at);
        while let Some(other) = sessions
            .open
            .iter()
            .position(|other| is_near(other, (grown.first_ms, grown.last_ms), bounds))
        {
            let other = sessions.open.swap_remove(other);
            let (mut earlier, later) = if other.first_ms < grown.first_ms {
                (other, grown)
            } else {
                (grown, other)
            };
            earlier
                .part
                .merge(&window.manifest.aggregate, &later.part, self.plan.seed)
                .map_err(unreadable)?;
            earlier.last_ms = earlier.last_ms.max(later.last_ms);
            grown = earlier;
        }
        sessions.open.push(grown);
        Ok(())
    }

    /// Sees to it that the group wakes up when the first of its sessions may be over, and not before `now_ms`.
    fn wake_sessions(
        &mut self,
        window: &PlannedWindow,
        group: &str,
        sessions: &mut Sessions,
        (gap_ms, now_ms): (u64, u64),
    ) {
        let ends = sessions.open.iter().map(|session| session.last_ms);
        let Some(first_ms) = ends.min() else { return };
        let at_ms = first_ms.saturating_add(gap_ms + window.grace_ms).max(now_ms);
        if sessions.wakes_ms.is_none_or(|wakes_ms| at_ms < wakes_ms) {
            sessions.wakes_ms = Some(at_ms);
            self.wake_window(window, group, at_ms, Wake::Session);
        }
    }

    /// Other rules hold: what the group has open waits by them.
    pub(super) fn sessions_wait_anew(
        &mut self,
        window: &PlannedWindow,
        group: &str,
        bounds: (u64, u64),
    ) -> Result<(), StoreError> {
        if let Kept::Own(mut sessions) = window.read::<Sessions>(&self.effects, group)? {
            sessions.wakes_ms = None;
            self.wake_sessions(window, group, &mut sessions, bounds);
            window.write(&mut self.effects, group, &sessions);
        }
        Ok(())
    }

    /// Tells the sessions of a group that are over.
    pub(super) fn close_sessions(
        &mut self,
        window: &PlannedWindow,
        due: &Due,
        gap_ms: u64,
    ) -> Result<(), StoreError> {
        let group = &due.key;
        let mut sessions = match window.read::<Sessions>(&self.effects, group)? {
            Kept::Own(sessions) => sessions,
            Kept::Nothing => return Ok(()),
            Kept::Foreign => {
                self.stats.counts.windows_lost += 1;
                window.delete(&mut self.effects, group);
                return Ok(());
            }
        };
        // It was to wake up earlier meanwhile, and did.
        if sessions.wakes_ms != Some(due.at_ms) {
            return Ok(());
        }
        let is_over =
            |session: &Session| session.last_ms.saturating_add(gap_ms + window.grace_ms) <= due.at_ms;
        let (mut over, open): (Vec<_>, Vec<_>) = sessions.open.into_iter().partition(is_over);
        over.sort_by_key(|session| session.first_ms);
        for session in over {
            let span = (session.first_ms, session.last_ms.saturating_add(gap_ms));
            self.tell_window(window, group, span, &session.part, Told::Final)?;
        }
        if open.is_empty() {
            window.delete(&mut self.effects, group);
            return Ok(());
        }
        sessions = Sessions { wakes_ms: None, open };
        self.wake_sessions(window, group, &mut sessions, (gap_ms, due.at_ms));
        window.write(&mut self.effects, group, &sessions);
        Ok(())
    }
}
