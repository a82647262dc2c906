//! The fates of calls: what became of a call for a reason that neither the event nor the state decides. They go into the
//! order log of the batch. When the batch is done again from its record, calls end as it says.
//!
//! Only calls that failed have one, so a call that comes to its end costs nothing here.

use tailrace_core::{
    order_log::{CallEnd, Fate},
    ports::plugins::{Call, CallFailure, Trap},
};

/// Of the calls of the item at hand.
#[derive(Debug, Default)]
pub(crate) struct CallFates {
    /// Those that it has had.
    noted: Vec<Fate>,
    /// Those that its record says.
    imposed: Vec<Fate>,
}

impl CallFates {
    /// An item begins, or a try of it.
    pub(crate) fn begin(&mut self) {
        self.noted.clear();
    }

    /// For the item that comes next.
    pub(crate) fn impose(&mut self, fates: Vec<Fate>) {
        self.imposed = fates;
    }

    /// The item is done.
    pub(crate) fn take(&mut self) -> Vec<Fate> {
        std::mem::take(&mut self.noted)
    }

    /// The end of a call, where its record says it, so that it need not be made.
    pub(super) fn end_of(&self, number: u32) -> Option<Call> {
        let (fuel, end) = self.imposed(number)?;
        let failure = match end.clone()? {
            CallEnd::Transient(reason) => CallFailure::Transient(reason),
            CallEnd::Trap {
                code,
                message,
                backtrace,
            } => CallFailure::Trap(Trap {
                code,
                message,
                backtrace,
            }),
        };
        Some(Call {
            result: Err(failure),
            fuel,
        })
    }

    /// A call is over. One that its record knows has used the fuel that it says.
    pub(super) fn note(&mut self, number: u32, call: &mut Call) {
        if let Some((fuel, _)) = self.imposed(number) {
            call.fuel = fuel;
        }
        if let Err(failure) = &call.result {
            self.noted.push(Fate::Call {
                number,
                fuel: call.fuel,
                end: end(failure),
            });
        }
    }

    fn imposed(&self, wanted: u32) -> Option<(u64, &Option<CallEnd>)> {
        self.imposed.iter().find_map(|fate| match fate {
            Fate::Call { number, fuel, end } if *number == wanted => Some((*fuel, end)),
            _ => None,
        })
    }
}

/// How it ended, where the same call might end otherwise.
fn end(failure: &CallFailure) -> Option<CallEnd> {
    match failure {
        CallFailure::Transient(reason) => Some(CallEnd::Transient(reason.clone())),
        CallFailure::Trap(trap) if trap.code.may_pass() => Some(CallEnd::Trap {
            code: trap.code,
            message: trap.message.clone(),
            backtrace: trap.backtrace.clone(),
        }),
        _ => None,
    }
}
