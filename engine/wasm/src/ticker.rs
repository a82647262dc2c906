//! Wall time for deadlines: a thread that moves the engine's epoch on. A thread of its own, because a
//! starved runtime would never tick; it ends with the sandbox.
//!
//! It sleeps while no call can be running, so that an idle engine wakes nobody. No call tells its end, for
//! that would cost each of them: once the longest deadline of all calls has gone by in ticks without one that
//! began, every call has ended, by itself or by its deadline. A call that begins says so before it looks
//! whether the ticker sleeps, and the ticker says that it sleeps before it looks for a call that began; both
//! in one order that all threads see (`SeqCst`), so that one of them sees the other.
//!
//! Why: docs/decisions/0057-artefacts-and-epochs.md

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use wasmtime::Engine;

/// Length of an epoch. A deadline is met within one of these, and the cost is 500 wake-ups a second.
const TICK: Duration = Duration::from_millis(2);

/// Ticks for an engine until it is dropped.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: thread::Thread,
}

#[derive(Default)]
struct Shared {
    /// A call has begun since the last tick.
    has_begun: AtomicBool,
    /// Longest deadline of any call, in epochs.
    longest: AtomicU64,
    sleeps: AtomicBool,
    closed: AtomicBool,
}

impl Ticker {
    /// Starts one.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let (shared, engine) = (Arc::new(Shared::default()), engine.clone());
        let ticking = shared.clone();
        let named = thread::Builder::new().name("epoch-ticker".to_owned());
        let thread = named.spawn(move || ticking.tick(&engine))?.thread().clone();
        Ok(Self { shared, thread })
    }

    /// A call begins that has so many epochs, or gets so many more.
    pub(crate) fn begins(&self, epochs: u64) {
        if self.shared.longest.load(SeqCst) < epochs {
            self.shared.longest.fetch_max(epochs, SeqCst);
        }
        // Mostly it is said already in this epoch, and nothing is written.
        if !self.shared.has_begun.load(SeqCst) {
            self.shared.has_begun.store(true, SeqCst);
            if self.shared.sleeps.load(SeqCst) {
                self.thread.unpark();
            }
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.closed.store(true, SeqCst);
        self.thread.unpark();
    }
}

impl Shared {
    fn tick(&self, engine: &Engine) {
        let mut idle_ticks = 0;
        loop {
            thread::sleep(TICK);
            if self.closed.load(SeqCst) {
                return;
            }
            engine.increment_epoch();
            idle_ticks = if self.has_begun.swap(false, SeqCst) {
                0
            } else {
                idle_ticks + 1
            };
            if idle_ticks > self.longest.load(SeqCst) {
                self.sleep();
                idle_ticks = 0;
            }
        }
    }

    /// Until a call begins.
    fn sleep(&self) {
        self.sleeps.store(true, SeqCst);
        if !self.has_begun.load(SeqCst) && !self.closed.load(SeqCst) {
            thread::park();
        }
        self.sleeps.store(false, SeqCst);
    }
}

/// Epochs until a deadline has certainly passed.
pub(crate) fn epochs(deadline: Duration) -> u64 {
    let ticks = deadline.as_nanos().div_ceil(TICK.as_nanos());
    // One more, because the current epoch has begun already.
    u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use wasmtime::{Config, Instance, Module, Store, Trap};

    use super::*;

    /// Looks at whether it sleeps, a minute of them.
    const LOOKS: usize = 30_000;
    const DEADLINE: Duration = Duration::from_millis(20);

    /// Calls a function that never ends, and gives what ended it.
    fn call_a_loop(engine: &Engine, module: &Module, ticker: &Ticker) -> Trap {
        let mut store = Store::new(engine, ());
        ticker.begins(epochs(DEADLINE));
        store.set_epoch_deadline(epochs(DEADLINE));
        let instance = Instance::new(&mut store, module, &[]).unwrap();
        let endless = instance.get_typed_func::<(), ()>(&mut store, "endless").unwrap();
        let ended = endless.call(&mut store, ()).unwrap_err();
        *ended.downcast_ref::<Trap>().unwrap()
    }

    #[test]
    fn it_sleeps_when_every_call_must_have_ended_and_a_call_wakes_it() {
        let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
        let module = wat::parse_str(r#"(module (func (export "endless") (loop (br 0))))"#).unwrap();
        let module = Module::new(&engine, module).unwrap();
        let ticker = Ticker::start(&engine).unwrap();
        for _ in 0..3 {
            assert_eq!(call_a_loop(&engine, &module, &ticker), Trap::Interrupt);
            let sleeps = || {
                thread::sleep(TICK);
                ticker.shared.sleeps.load(SeqCst)
            };
            assert!((0..LOOKS).any(|_| sleeps()), "it never sleeps");
        }
    }
}
