//! A timer that fires: a call of the plugin that has set it, as if at the time when it was due. It fails and is tried
//! again as an event does. What it emits goes the way of what the step emits.

use tailrace_core::{
    event::{Event, Verdict},
    outcome::Outcome,
    timer::Timer,
};

use crate::{
    arrival::{Arrival, Source},
    process::{
        Walk,
        calling::Called,
        halt::{Halt, TurnEnd},
        processor::Processor,
    },
};

impl Processor {
    /// Fires a timer of this step.
    pub(crate) fn fire(&mut self, step: &str, timer: Timer) -> Option<TurnEnd> {
        if !self.has_step(step) {
            self.lose_timer();
            return None;
        }
        let at_ms = timer.at_ms;
        let arrival = Arrival {
            timer: Some(timer.name),
            from_step: Some(step.to_owned()),
            ..Arrival::of(
                Source::Input,
                timer.set_by,
                Event {
                    sequence: timer.set_by,
                    time_ms: at_ms,
                    subject: String::new(),
                    key: timer.key,
                    headers: Vec::new(),
                    payload: timer.payload.into(),
                },
            )
        };
        let halt = self.process(&arrival, at_ms);
        self.stats.counts.timers += u64::from(halt.is_none());
        halt
    }

    /// The step of a timer is gone, and so is whoever could have a use for it.
    pub(super) fn lose_timer(&mut self) {
        self.stats.counts.timers_lost += 1;
    }

    fn has_step(&self, name: &str) -> bool {
        let mut steps = self.plan.steps.iter();
        steps.any(|step| step.manifest.name.as_str() == name)
    }

    /// A timer at its step.
    pub(super) fn timer(&mut self, walk: &mut Walk<'_>, index: usize) -> Result<(), Halt> {
        let event = &walk.arrival.event;
        let timer = Timer {
            name: walk.arrival.timer.clone().unwrap_or_default(),
            key: event.key.clone(),
            at_ms: event.time_ms,
            payload: event.payload.to_vec(),
            set_by: event.sequence,
        };
        let (mark, call) = self.try_call(walk, index, Called::Timer(&timer, event))?;
        match call.result {
            Ok(Verdict::Emit(messages)) if !messages.is_empty() => self.emit(walk, index, event, messages),
            Ok(_) => {
                walk.outcome = walk.outcome.max(Outcome::Dropped);
                Ok(())
            }
            Err(failure) => self.fail(walk, index, event, failure, call.fuel, &mark),
        }
    }
}
