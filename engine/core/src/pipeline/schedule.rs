//! Whose turn it is: guest threads serve tenants fairly, whatever each has to do.
//!
//! Every tenant has a queue of turns and a clock that runs with the wall time that its turns take;
//! the tenant whose clock is behind goes next (start-time fair queueing: Goyal, Vin and Cheng,
//! 1996). A tenant that comes back after a pause starts at the clock of those at work, so it cannot
//! save up. One tenant never holds all threads: the last one is kept for the others, so that a
//! plugin that loops to its deadline delays only its own tenant.
//!
//! Bounded: a partition has one turn waiting at most, and partitions are bounded by quotas.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{name::Name, ports::clock::Clock};

/// Something to do on a guest thread.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs turns. The real one is [`Turns`]; a simulation runs them on the spot.
pub trait Executor: Send + Sync {
    /// Queues a turn of this tenant.
    fn submit(&self, tenant: &Name, job: Job);
}

/// A turn panicked or the threads are gone: ours, and the partition starts again.
#[derive(Debug, thiserror::Error)]
#[error("a turn did not come to its end")]
pub struct TurnLost;

/// Runs `act` on a guest thread and waits for what it gives.
pub async fn run<T: Send + 'static>(
    executor: &dyn Executor,
    tenant: &Name,
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TurnLost> {
    let (sender, receiver) = oneshot::channel();
    executor.submit(tenant, Box::new(move || drop(sender.send(act()))));
    receiver.await.map_err(|_| TurnLost)
}

/// The queues of all tenants.
#[derive(Default)]
struct Queues {
    tenants: BTreeMap<Name, Tenant>,
    /// Clock of the tenant that was served last.
    now: Duration,
    closed: bool,
}

#[derive(Default)]
struct Tenant {
    jobs: VecDeque<Job>,
    /// Wall time that it has had.
    clock: Duration,
    /// Threads that it holds.
    running: usize,
}

impl Queues {
    fn push(&mut self, tenant: &Name, job: Job) {
        let now = self.now;
        let queue = self.tenants.entry(tenant.clone()).or_default();
        if queue.jobs.is_empty() && queue.running == 0 {
            queue.clock = queue.clock.max(now);
        }
        queue.jobs.push_back(job);
    }

    /// The next turn: of the tenant furthest behind that holds fewer than `most` threads.
    fn pop(&mut self, most: usize) -> Option<(Name, Job)> {
        let waiting = self
            .tenants
            .iter_mut()
            .filter(|(_, queue)| !queue.jobs.is_empty() && queue.running < most);
        let (name, queue) = waiting.min_by_key(|(_, queue)| queue.clock)?;
        let job = queue.jobs.pop_front()?;
        queue.running += 1;
        self.now = self.now.max(queue.clock);
        Some((name.clone(), job))
    }

    fn done(&mut self, tenant: &Name, took: Duration) {
        let Some(queue) = self.tenants.get_mut(tenant) else {
            return;
        };
        queue.running -= 1;
        queue.clock += took;
        // An idle tenant whose clock is behind is as good as new.
        if queue.jobs.is_empty() && queue.running == 0 && queue.clock <= self.now {
            self.tenants.remove(tenant);
        }
    }
}

struct Shared {
    queues: Mutex<Queues>,
    ready: Condvar,
    clock: Arc<dyn Clock>,
    most_per_tenant: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        while let Some((tenant, job)) = self.next() {
            let began = self.clock.monotonic();
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!(%tenant, "a turn panicked; its partition starts again from what is committed");
            }
            let took = self.clock.monotonic().saturating_sub(began);
            self.lock().done(&tenant, took);
            self.ready.notify_one();
        }
    }

    fn next(&self) -> Option<(Name, Job)> {
        let mut queues = self.lock();
        loop {
            if let Some(next) = queues.pop(self.most_per_tenant) {
                return Some(next);
            }
            if queues.closed {
                return None;
            }
            queues = self.ready.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The guest threads. Dropping it ends them after what is queued.
pub struct Turns {
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Turns {
    /// Starts `threads` guest threads; at least two, so that no tenant can hold them all.
    pub fn start(threads: usize, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let threads = threads.max(2);
        let shared = Arc::new(Shared {
            queues: Mutex::default(),
            ready: Condvar::new(),
            clock,
            most_per_tenant: threads - 1,
        });
        let spawn = |index| {
            let shared = shared.clone();
            thread::Builder::new()
                .name(format!("guest-{index}"))
                .spawn(move || shared.serve())
        };
        let threads = (0..threads).map(spawn).collect::<Result<_, _>>()?;
        Ok(Self { shared, threads })
    }
}

impl Executor for Turns {
    fn submit(&self, tenant: &Name, job: Job) {
        self.shared.lock().push(tenant, job);
        self.shared.ready.notify_one();
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.ready.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    /// Serves one turn of the given length and says whose it was.
    fn serve(queues: &mut Queues, millis: u64) -> String {
        let (tenant, job) = queues.pop(1).expect("a turn waits");
        job();
        queues.done(&tenant, Duration::from_millis(millis));
        tenant.to_string()
    }

    #[test]
    fn a_greedy_tenant_delays_itself_only() {
        let mut queues = Queues::default();
        for _ in 0..10 {
            queues.push(&name("greedy"), Box::new(|| ()));
            queues.push(&name("modest"), Box::new(|| ()));
        }
        // Turns of the greedy tenant take nine times as long, so it gets one for nine.
        let mut served = Vec::new();
        for _ in 0..10 {
            let next = queues
                .tenants
                .iter()
                .filter(|(_, q)| !q.jobs.is_empty())
                .min_by_key(|(_, q)| q.clock)
                .unwrap()
                .0
                .clone();
            served.push(serve(&mut queues, if next == name("greedy") { 90 } else { 10 }));
        }
        let greedy = served.iter().filter(|tenant| *tenant == "greedy").count();
        assert_eq!(greedy, 1, "{served:?}");
    }

    #[test]
    fn nobody_saves_up_time_by_waiting() {
        let mut queues = Queues::default();
        for _ in 0..5 {
            queues.push(&name("early"), Box::new(|| ()));
            serve(&mut queues, 100);
        }
        queues.push(&name("early"), Box::new(|| ()));
        for _ in 0..3 {
            queues.push(&name("late"), Box::new(|| ()));
        }
        let first: Vec<_> = (0..4).map(|_| serve(&mut queues, 100)).collect();
        let early = first.iter().position(|tenant| tenant == "early");
        assert!(early.is_some_and(|index| index <= 2), "{first:?}");
    }

    #[test]
    fn one_thread_is_always_left_for_others() {
        let mut queues = Queues::default();
        queues.push(&name("a"), Box::new(|| ()));
        queues.push(&name("a"), Box::new(|| ()));
        assert!(queues.pop(1).is_some());
        assert!(
            queues.pop(1).is_none(),
            "the tenant already holds its share of threads"
        );
        queues.push(&name("b"), Box::new(|| ()));
        assert_eq!(queues.pop(1).map(|(tenant, _)| tenant), Some(name("b")));
    }
}
