//! A plugin that sets as many timers as an event says, and tells the name of each that fires.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use tailrace_sdk::prelude::*;

/// Timers with the numbers from `first` on, all due at the same time.
#[derive(Deserialize)]
struct Order {
    first: u64,
    count: u64,
    at: u64,
}

struct Storm;

impl Plugin for Storm {
    type Config = ();

    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let order: Order = event.json()?;
        for number in order.first..order.first + order.count {
            host.timers().set(&format!("{number:07}"), order.at, b"");
        }
        Ok(Verdict::Drop)
    }

    fn on_timer(&mut self, timer: &Timer, _host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
        Ok(vec![Message::new(timer.name.clone())])
    }
}

export!(Storm);
