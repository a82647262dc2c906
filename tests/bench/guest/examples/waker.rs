//! A plugin that sets a timer at each event, which fires before the key's next event. Apart from the others, so that
//! they need no grant `timers`.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use tailrace_sdk::prelude::*;

/// How long after the event it fires, in milliseconds: a key has an event a second.
const AFTER: u64 = 500;

struct Waker;

impl Plugin for Waker {
    type Config = ();

    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        host.timers().set("again", event.time + AFTER, b"");
        Ok(Verdict::Forward)
    }

    fn on_timer(&mut self, _timer: &Timer, _host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
        Ok(Vec::new())
    }
}

export!(Waker);
