//! A chain of steps, walked as the engine walks it: depth first, so that messages keep their order.
//!
//! What is taken back is one call: when a step calls its event invalid, that call's effects go and
//! those of the steps before it stay. A transient failure takes the whole event back, for it would
//! be tried again from the first step.

use super::memory::Memory;
use crate::{Event, Failure, Host, Message, Plugin, Timer, Verdict};

/// A step with its plugin's type forgotten, so that a chain may hold several kinds.
pub(super) trait Step {
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure>;
    fn on_timer(&mut self, timer: &Timer, host: &mut Host<'_>) -> Result<Vec<Message>, Failure>;
}

impl<P: Plugin> Step for P {
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        Plugin::process(self, event, host)
    }

    fn on_timer(&mut self, timer: &Timer, host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
        Plugin::on_timer(self, timer, host)
    }
}

/// One event on its way through the steps.
pub(super) struct Walk<'a> {
    pub(super) steps: &'a mut [(String, Box<dyn Step>)],
    pub(super) memory: &'a mut Memory,
    /// What left the last step.
    messages: Vec<Message>,
    /// Whether the event itself left the last step, as it came.
    is_untouched: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(steps: &'a mut [(String, Box<dyn Step>)], memory: &'a mut Memory) -> Self {
        Self {
            steps,
            memory,
            messages: Vec::new(),
            is_untouched: true,
        }
    }

    /// The chain's verdict: the event forwarded where every step forwarded it, else what came out.
    pub(super) fn run(mut self, event: Event) -> Result<Verdict, Failure> {
        let begin = self.memory.mark();
        let walked = self.step(0, event);
        if matches!(walked, Err(Failure::Transient(_))) {
            self.memory.roll_back(begin);
        }
        self.memory.commit();
        walked?;
        Ok(match (self.is_untouched, self.messages.is_empty()) {
            (true, _) => Verdict::Forward,
            (false, true) => Verdict::Drop,
            (false, false) => Verdict::Emit(self.messages),
        })
    }

    /// A timer of the step with this index: what left the chain of it.
    pub(super) fn fire(mut self, index: usize, timer: &Timer) -> Result<Vec<Message>, Failure> {
        let begin = self.memory.mark();
        self.memory.timers.enter(&timer.key, timer.set_by);
        let (_, step) = &mut self.steps[index];
        let woken = step.on_timer(timer, &mut Host::native(self.memory, index));
        if woken.is_err() {
            self.memory.roll_back(begin);
        }
        let walked = woken.and_then(|messages| self.emit(index, &event_of(timer), messages));
        if matches!(walked, Err(Failure::Transient(_))) {
            self.memory.roll_back(begin);
        }
        self.memory.commit();
        walked.map(|()| self.messages)
    }

    fn step(&mut self, index: usize, event: Event) -> Result<(), Failure> {
        let Some((_, step)) = self.steps.get_mut(index) else {
            self.messages.push(forwarded(event));
            return Ok(());
        };
        let mark = self.memory.mark();
        self.memory.timers.enter(&event.key, event.sequence);
        match step.process(&event, &mut Host::native(self.memory, index)) {
            Ok(Verdict::Forward) => self.step(index + 1, event),
            Ok(Verdict::Drop) => {
                self.is_untouched = false;
                Ok(())
            }
            Ok(Verdict::Emit(messages)) => {
                self.is_untouched = false;
                self.emit(index, &event, messages)
            }
            Err(failure) => {
                self.memory.roll_back(mark);
                Err(failure)
            }
        }
    }

    fn emit(&mut self, index: usize, event: &Event, messages: Vec<Message>) -> Result<(), Failure> {
        if index + 1 == self.steps.len() {
            self.messages.extend(messages);
            return Ok(());
        }
        messages
            .into_iter()
            .try_for_each(|message| self.step(index + 1, caused_by(event, message)))
    }
}

/// What the messages of a timer come from.
fn event_of(timer: &Timer) -> Event {
    Event::new("", timer.payload.clone())
        .with_key(&timer.key)
        .with_sequence(timer.set_by)
        .at(timer.at)
}

/// A message as the next step's event: sequence and time stay those of the event that caused it.
fn caused_by(cause: &Event, message: Message) -> Event {
    Event {
        sequence: cause.sequence,
        time: cause.time,
        subject: message.subject.unwrap_or_else(|| cause.subject.clone()),
        key: message.key.unwrap_or_else(|| cause.key.clone()),
        headers: message.headers,
        payload: message.payload,
    }
}

/// A message that the last step forwarded: it goes to the pipeline's output subject.
fn forwarded(event: Event) -> Message {
    Message {
        subject: None,
        key: Some(event.key),
        headers: event.headers,
        payload: event.payload,
    }
}
