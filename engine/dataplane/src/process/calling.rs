//! One call of a plugin: its instance, the effects on their way into the sandbox and back, what is counted
//! and shown of it.

use std::time::Duration;

use tailrace_core::{
    codes::LetterCode,
    event::{Event, Message, Verdict},
    manifest::OutputManifest,
    ports::plugins::{Call, CallFailure, Instance, PluginError, Trap, TrapCode},
    timer::Timer,
};

use crate::{
    effects::host::CallHost,
    message::outgoing::{self, Destination},
    process::{
        halt::{Halt, TurnEnd},
        processor::{Processor, Role},
        show::outcome,
        walk::Walk,
    },
};

/// Most calls that one event may cause: a chain in which every step multiplies ends here.
const MAX_EVENT_CALLS: u32 = 2_000;
/// Most bytes that one event may cause, over all steps: the record of a batch must be able to hold it.
const MAX_EVENT_BYTES: usize = 24 * 1024 * 1024;

/// What a plugin is called for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Called<'a> {
    /// An event.
    Event(&'a Event),
    /// A timer that fires, and the event that it is shown as.
    Timer(&'a Timer, &'a Event),
}

impl<'a> Called<'a> {
    fn event(self) -> &'a Event {
        match self {
            Self::Event(event) | Self::Timer(_, event) => event,
        }
    }
}

impl Processor {
    pub(super) fn call(
        &mut self,
        walk: &mut Walk<'_>,
        index: usize,
        called: Called<'_>,
    ) -> Result<Call, Halt> {
        walk.calls += 1;
        if walk.calls > MAX_EVENT_CALLS {
            return Err(over_cap(format!(
                "the event causes more than {MAX_EVENT_CALLS} calls of plugins"
            )));
        }
        let mut instance = self.instance(index)?;
        let began = self.clock.monotonic();
        let mut call = self.enter_sandbox(&mut *instance, walk, index, called);
        let took = self.clock.monotonic().saturating_sub(began);
        if instance.is_spent() {
            self.spent.insert(index);
        } else {
            self.instances[index] = Some(instance);
        }
        self.calls.note(was_stopped(&call), took);
        if let Ok(Verdict::Emit(messages)) = &call.result
            && let Err(reason) = self.check_messages(index, messages)
        {
            let trap = Trap {
                code: TrapCode::Misuse,
                message: reason,
                backtrace: Vec::new(),
            };
            call.result = Err(CallFailure::Trap(trap));
        }
        self.tell(walk, index, called.event(), &call, (began, took));
        if self.effects.bytes().saturating_sub(walk.bytes_before) > MAX_EVENT_BYTES {
            return Err(over_cap(format!(
                "the event causes more than {MAX_EVENT_BYTES} bytes of effects"
            )));
        }
        Ok(call)
    }

    /// The step's instance, a fresh one if there is none.
    fn instance(&mut self, index: usize) -> Result<Box<dyn Instance>, Halt> {
        if let Some(instance) = self.instances[index].take() {
            return Ok(instance);
        }
        self.plan.steps[index].instantiate().map_err(|cause| match cause {
            PluginError::Engine(cause) => Halt::Turn(TurnEnd::Failed(cause)),
            cause => Halt::Turn(TurnEnd::Plugin(cause)),
        })
    }

    /// The effects are the host of the call.
    fn enter_sandbox(
        &mut self,
        instance: &mut dyn Instance,
        walk: &Walk<'_>,
        index: usize,
        called: Called<'_>,
    ) -> Call {
        let event = called.event();
        let step = self.plan.steps[index].manifest.name.as_str();
        let now_ms = match called {
            Called::Event(_) => walk.now_ms,
            // Also of one that is sent again, when the watermark has long passed it.
            Called::Timer(timer, _) => timer.at_ms,
        };
        self.effects.enter(step, now_ms);
        self.effects.enter_event(&event.key, event.sequence);
        let mut host = CallHost {
            effects: &mut self.effects,
            below: walk.below,
            partition: self.partition,
        };
        match called {
            Called::Event(event) => instance.process(event, &mut host),
            Called::Timer(timer, _) => instance.on_timer(timer, &mut host),
        }
    }

    /// Counts a call, and shows it to who watches.
    fn tell(
        &mut self,
        walk: &mut Walk<'_>,
        index: usize,
        event: &Event,
        call: &Call,
        (began, took): (Duration, Duration),
    ) {
        let plan = self.plan.clone();
        let step = &plan.steps[index].manifest.name;
        let lines = self.effects.take_lines();
        if !lines.is_empty() && self.role == Role::Active {
            self.show_lines(step, walk.arrival, lines);
        }
        self.stats.counts.fuel += call.fuel;
        if let Some(noted) = &mut self.noted {
            noted.fuel += call.fuel;
            noted.took += took;
        }
        let trapped = matches!(call.result, Err(CallFailure::Trap(_)));
        self.stats.counts.traps += u64::from(trapped);
        self.stats.call(step.as_str(), took, call.fuel, trapped);
        self.show_call(walk.arrival, step, event, call, took);
        if let Some(spans) = &mut walk.spans {
            let (_, code, reason) = outcome(call);
            let failure = code.as_deref().map(|code| (code, reason.unwrap_or_default()));
            spans.step(step, began, took, call.fuel, failure);
        }
    }

    fn check_messages(&self, index: usize, messages: &[Message]) -> Result<(), String> {
        let output = self.plan.manifest.output.as_ref().map(OutputManifest::pattern);
        let is_last = index + 1 == self.plan.steps.len();
        let destination = match &output {
            _ if !is_last => Destination::Step,
            // It goes into the windows only.
            Some(_) if !self.plan.publishes_events() => Destination::Step,
            Some(pattern) => Destination::Output(pattern),
            None => Destination::Nowhere,
        };
        messages
            .iter()
            .try_for_each(|message| outgoing::check(message, destination))
    }
}

/// Whether the call was ended before it came to an end by itself.
fn was_stopped(call: &Call) -> bool {
    match &call.result {
        Err(CallFailure::Trap(trap)) => matches!(trap.code, TrapCode::Deadline | TrapCode::OutOfFuel),
        _ => false,
    }
}

fn over_cap(reason: String) -> Halt {
    Halt::TooMuch {
        code: LetterCode::OverCap,
        reason,
    }
}
