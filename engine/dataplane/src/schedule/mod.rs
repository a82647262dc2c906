//! Whose turn it is: guest threads serve tenants fairly, whatever each has to do ([`queues`] says how).
//!
//! One tenant never holds all threads: the last one is kept for the others, so that a plugin that loops
//! to its deadline delays only its own tenant. And while it loops, its thread stands behind all others for
//! the processor ([`long_calls`]).
//!
//! Bounded: a partition has one turn waiting at most, and partitions are bounded by quotas.
//!
//! Why: docs/decisions/0025-weighted-fair-queueing.md

pub mod long_calls;
#[cfg(test)]
mod neighbours;
pub mod queues;

#[cfg(test)]
use std::time::Duration;
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use tailrace_core::{
    name::Name,
    ports::{
        clock::Clock,
        executor::{Executor, Job},
        threads::Threads,
    },
};

use crate::schedule::{
    long_calls::{Here, Successor},
    queues::{Queues, Ticket},
};

#[derive(Default)]
struct State {
    queues: Queues<Job>,
    closed: bool,
}

struct Shared {
    state: Mutex<State>,
    ready: Condvar,
    clock: Arc<dyn Clock>,
    most_per_tenant: usize,
    ranks: Arc<dyn Threads>,
    /// Those at work, and those that others have succeeded.
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn threads(&self) -> MutexGuard<'_, Vec<thread::JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread of a slot, which serves once what it gives is dropped.
    fn spawn(self: &Arc<Self>, place: usize) -> std::io::Result<Successor> {
        let (successor, predecessor) = mpsc::sync_channel(0);
        let shared = self.clone();
        let named = thread::Builder::new().name(format!("guest-{place}"));
        let spawned = named.spawn(move || {
            // Nothing is ever sent: it ends with the other side.
            let _ = predecessor.recv();
            shared.serve(place);
        })?;
        let mut threads = self.threads();
        threads.retain(|thread| !thread.is_finished());
        threads.push(spawned);
        Ok(successor)
    }

    fn serve(self: &Arc<Self>, place: usize) {
        let shared = self.clone();
        let here = Here::serves(self.ranks.clone(), move || {
            let started = shared.spawn(place);
            started
                .inspect_err(|cause| tracing::warn!(%cause, "a guest thread keeps its rank"))
                .ok()
        });
        while let Some((ticket, job)) = self.next() {
            let fuel = catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| {
                let tenant = &ticket.tenant;
                tracing::error!(%tenant, "a turn panicked; its partition starts again from what is committed");
                0
            });
            self.lock().queues.done(&ticket, self.clock.monotonic(), fuel);
            self.ready.notify_one();
            if here.hands_over() {
                return;
            }
        }
    }

    fn next(&self) -> Option<(Ticket, Job)> {
        let mut state = self.lock();
        loop {
            let next = state.queues.pop(self.most_per_tenant, self.clock.monotonic());
            if next.is_some() || state.closed {
                return next;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The guest threads. Dropping it ends them after what is queued.
pub struct Turns {
    shared: Arc<Shared>,
}

impl Turns {
    /// Starts `places` guest threads; at least two, so that no tenant can hold them all.
    pub fn start(places: usize, clock: Arc<dyn Clock>, threads: Arc<dyn Threads>) -> std::io::Result<Self> {
        let places = places.max(2);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            ready: Condvar::new(),
            most_per_tenant: places - 1,
            ranks: threads,
            clock,
            threads: Mutex::default(),
        });
        let turns = Self { shared };
        for place in 0..places {
            drop(turns.shared.spawn(place)?);
        }
        Ok(turns)
    }
}

impl Executor for Turns {
    fn submit(&self, tenant: &Name, job: Job) {
        self.shared.lock().queues.push(tenant, job);
        self.shared.ready.notify_one();
    }

    fn weigh(&self, weights: BTreeMap<Name, u32>) {
        self.shared.lock().queues.weigh(weights);
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.ready.notify_all();
        // A thread that ends may have put another in its place.
        loop {
            let Some(thread) = self.shared.threads().pop() else {
                break;
            };
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tailrace_core::ports::threads::call_lasts;

    use super::*;

    /// A clock that is set by hand.
    #[derive(Default)]
    struct Hand(Mutex<Duration>);

    impl Clock for Hand {
        fn unix_ms(&self) -> u64 {
            0
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    /// Tells which threads were put behind the others.
    struct Told(mpsc::SyncSender<thread::ThreadId>);

    impl Threads for Told {
        fn lower_this(&self) {
            let _ = self.0.send(thread::current().id());
        }
    }

    #[test]
    fn a_call_that_lasts_is_put_behind_the_others_and_its_thread_serves_no_other() {
        let (sender, lowered) = mpsc::sync_channel(64);
        let turns = Turns::start(2, Arc::new(Hand::default()), Arc::new(Told(sender))).unwrap();
        let (done, served) = mpsc::sync_channel(64);
        let serve = |tenant: &str, job: fn()| {
            let done = done.clone();
            let job = move || {
                job();
                done.send(thread::current().id()).unwrap();
                0
            };
            turns.submit(&name(tenant), Box::new(job));
        };
        let lasting = || {
            call_lasts();
            call_lasts();
        };
        serve("slow", lasting);
        let slow = served.recv().unwrap();
        assert_eq!(lowered.recv().unwrap(), slow);
        for _ in 0..20 {
            serve("quick", || ());
            serve("slow", || ());
        }
        for _ in 0..40 {
            assert_ne!(served.recv().unwrap(), slow);
        }
        assert!(
            lowered.try_recv().is_err(),
            "once, and it is the call that is judged, not the tenant"
        );
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    /// Serves one turn of the given length and says whose it was.
    fn serve(queues: &mut Queues<()>, now: &mut Duration, length: impl Fn(&str) -> u64) -> String {
        let (ticket, ()) = queues.pop(1, *now).expect("a turn waits");
        *now += Duration::from_millis(length(ticket.tenant.as_str()));
        queues.done(&ticket, *now, 0);
        ticket.tenant.to_string()
    }

    #[test]
    fn a_greedy_tenant_delays_itself_only() {
        let (mut queues, mut now) = (Queues::default(), Duration::ZERO);
        for _ in 0..10 {
            queues.push(&name("greedy"), ());
            queues.push(&name("modest"), ());
        }
        // Turns of the greedy tenant take nine times as long, so it gets one for nine.
        let length = |tenant: &str| if tenant == "greedy" { 90 } else { 10 };
        let served: Vec<_> = (0..10).map(|_| serve(&mut queues, &mut now, length)).collect();
        let greedy = served.iter().filter(|tenant| *tenant == "greedy").count();
        assert_eq!(greedy, 1, "{served:?}");
    }

    #[test]
    fn nobody_saves_up_time_by_waiting() {
        let (mut queues, mut now) = (Queues::default(), Duration::ZERO);
        for _ in 0..5 {
            queues.push(&name("early"), ());
            serve(&mut queues, &mut now, |_| 100);
        }
        queues.push(&name("early"), ());
        for _ in 0..3 {
            queues.push(&name("late"), ());
        }
        let first: Vec<_> = (0..4).map(|_| serve(&mut queues, &mut now, |_| 100)).collect();
        let early = first.iter().position(|tenant| tenant == "early");
        assert!(early.is_some_and(|index| index <= 2), "{first:?}");
    }

    #[test]
    fn one_thread_is_always_left_for_others() {
        let (mut queues, now) = (Queues::default(), Duration::ZERO);
        queues.push(&name("a"), ());
        queues.push(&name("a"), ());
        assert!(queues.pop(1, now).is_some());
        assert!(
            queues.pop(1, now).is_none(),
            "the tenant already holds its share of threads"
        );
        queues.push(&name("b"), ());
        assert_eq!(
            queues.pop(1, now).map(|(ticket, ())| ticket.tenant),
            Some(name("b"))
        );
    }

    #[test]
    fn fuel_is_the_least_that_a_turn_costs() {
        let (mut queues, now) = (Queues::default(), Duration::ZERO);
        queues.push(&name("a"), ());
        let (ticket, ()) = queues.pop(1, now).expect("a turn waits");
        queues.done(&ticket, now, 1_000_000);
        queues.push(&name("a"), ());
        queues.push(&name("b"), ());
        assert_eq!(
            queues.pop(1, now).map(|(ticket, ())| ticket.tenant),
            Some(name("b"))
        );
    }
}
