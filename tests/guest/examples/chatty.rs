//! A plugin that logs what its events say and hands them on. Apart from the probe, so that the probe
//! needs no grant `log`.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use tailrace_sdk::prelude::*;

struct Chatty;

impl Plugin for Chatty {
    type Config = ();

    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        host.log(Level::Warn, &String::from_utf8_lossy(&event.payload));
        Ok(Verdict::Forward)
    }
}

export!(Chatty);
