//! What an error of wasmtime means: the guest's fault, with a code, or ours.

use tailrace_core::{
    ports::plugins::{CallFailure, Trap, TrapCode},
    text::plain,
};
use wasmtime::WasmBacktrace;

use crate::host::Stop;

/// Longest message of a trap that is kept.
const MAX_MESSAGE: usize = 512;
/// Longest name of a function that is kept.
const MAX_NAME: usize = 160;

/// Judges an error that came out of a call, by what the guest said before it, if it did.
pub(crate) fn judge(error: &wasmtime::Error, last_words: Option<&str>) -> CallFailure {
    let (code, message) = match error.downcast_ref::<Stop>() {
        Some(Stop::Engine(cause)) => return CallFailure::Engine(cause.clone()),
        Some(Stop::OverCap(reason)) => (TrapCode::OverCap, reason.clone()),
        Some(Stop::OutOfMemory(reason)) => (TrapCode::OutOfMemory, reason.clone()),
        Some(Stop::Misuse(reason)) => (TrapCode::Misuse, reason.clone()),
        Some(Stop::Quota(code, reason)) => (*code, reason.clone()),
        None => of_wasmtime(error),
    };
    let message = match last_words {
        // A panic ends in an instruction that cannot be reached; any other code is the truth.
        Some(words) if code == TrapCode::Crash => words,
        _ => &message,
    };
    CallFailure::Trap(Trap {
        code,
        message: plain(message, MAX_MESSAGE),
        backtrace: backtrace(error),
    })
}

fn of_wasmtime(error: &wasmtime::Error) -> (TrapCode, String) {
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::OutOfFuel) => (
            TrapCode::OutOfFuel,
            "the event took more fuel than limits.fuel allows".to_owned(),
        ),
        Some(wasmtime::Trap::Interrupt) => (
            TrapCode::Deadline,
            "the event took longer than limits.deadline allows".to_owned(),
        ),
        Some(trap) => (TrapCode::Crash, trap.to_string()),
        None => {
            // A result that breaks the contract; wasmtime keeps the type of its one other error,
            // the bound on what crosses the border, to itself.
            let cause = error.root_cause().to_string();
            let code = if cause.contains("fuel allocated for hostcalls") {
                TrapCode::OutOfMemory
            } else {
                TrapCode::Crash
            };
            (code, cause)
        }
    }
}

/// Names of the guest's functions; nothing of the host's.
fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let name = |frame: &wasmtime::FrameInfo| {
        let name = frame.func_name().map_or_else(
            || format!("function {}", frame.func_index()),
            // As the author wrote it; what is not Rust stays as it is.
            |name| format!("{:#}", rustc_demangle::demangle(name)),
        );
        plain(&name, MAX_NAME)
    };
    backtrace.frames().iter().map(name).collect()
}
