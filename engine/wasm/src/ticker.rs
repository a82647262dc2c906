//! Wall time for deadlines: a thread that moves the engine's epoch on. A thread of its own, because a
//! starved runtime would never tick; it ends with the engine.

use std::{thread, time::Duration};

use wasmtime::Engine;

/// Length of an epoch. A deadline is met within one of these, and the cost is 500 wake-ups a second.
pub(crate) const TICK: Duration = Duration::from_millis(2);

/// Starts the ticker of an engine.
pub(crate) fn start(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("epoch-ticker".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })?;
    Ok(())
}

/// Epochs until a deadline has certainly passed.
pub(crate) fn epochs(deadline: Duration) -> u64 {
    let ticks = deadline.as_nanos().div_ceil(TICK.as_nanos());
    // One more, because the current epoch has begun already.
    u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1)
}
