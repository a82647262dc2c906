//! The order of tasks, by seed. Those who wait for one thing are woken by the runtime in an order of its own
//! choice; here each of them waits until it is its turn, and a seeded draw says whose turn it is. So a seed
//! repeats itself, and seeds differ in their order too.
//!
//! Every task belongs to a group, as what it spawns does. A group can be ended at once, between any two steps of
//! its tasks: so dies one engine of several.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use tailrace_core::tasks::{self, Simulation, Task};

use crate::sync::lock;

thread_local! {
    /// Group of the task that is at work.
    static CURRENT: RefCell<Group> = RefCell::new(Group::default());
}

/// Tasks that end together. Its copies are one.
#[derive(Clone, Default)]
pub struct Group(Arc<Members>);

#[derive(Default)]
struct Members {
    has_ended: AtomicBool,
    turns: Mutex<Vec<Weak<Turn>>>,
}

impl Group {
    /// None of its tasks goes on.
    pub fn end(&self) {
        self.0.has_ended.store(true, Ordering::Relaxed);
        // Each is looked at once more by the runtime, and dropped.
        let turns = std::mem::take(&mut *lock(&self.0.turns));
        turns
            .iter()
            .filter_map(Weak::upgrade)
            .for_each(|turn| turn.give());
    }

    fn has_ended(&self) -> bool {
        self.0.has_ended.load(Ordering::Relaxed)
    }

    fn join(&self, turn: &Arc<Turn>) {
        let mut turns = lock(&self.0.turns);
        if turns.len() == turns.capacity() {
            turns.retain(|turn| turn.strong_count() > 0);
        }
        turns.push(Arc::downgrade(turn));
    }

    /// Does this as one of its tasks: what is spawned belongs to it.
    pub fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(self.clone());
        let done = act();
        CURRENT.set(before);
        done
    }
}

/// The order. Its copies are one.
#[derive(Clone)]
pub struct Schedule(Arc<Shared>);

struct Shared {
    ready: Mutex<BTreeMap<u64, Arc<Turn>>>,
    driver: Mutex<Option<Waker>>,
    tasks: AtomicU64,
    order: Mutex<SmallRng>,
}

impl Schedule {
    /// The order of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Shared {
            ready: Mutex::default(),
            driver: Mutex::default(),
            tasks: AtomicU64::new(0),
            order: Mutex::new(SmallRng::seed_from_u64(seed)),
        }))
    }

    /// Runs on this runtime of one thread, whose tasks go on in this order until it is done.
    pub fn run<T: Send + 'static>(
        &self,
        runtime: &tokio::runtime::Runtime,
        main: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let done = self.drive(runtime, async { tasks::spawn(main).await });
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// The same of a future that is no task itself: it goes on whenever any of the tasks does.
    pub fn drive<T>(&self, runtime: &tokio::runtime::Runtime, main: impl Future<Output = T>) -> T {
        tasks::simulate(Some(Arc::new(self.clone())));
        let done = runtime.block_on(async {
            let mut main = pin!(main);
            poll_fn(|context| {
                self.give_turns(context);
                main.as_mut().poll(context)
            })
            .await
        });
        tasks::simulate(None);
        CURRENT.set(Group::default());
        done
    }

    /// Lets those go on who have been woken.
    fn give_turns(&self, context: &Context<'_>) {
        *lock(&self.0.driver) = Some(context.waker().clone());
        let ready = std::mem::take(&mut *lock(&self.0.ready));
        let mut turns: Vec<_> = ready.into_values().collect();
        while !turns.is_empty() {
            let next = lock(&self.0.order).random_range(0..turns.len());
            turns.swap_remove(next).give();
        }
    }
}

impl Simulation for Schedule {
    fn take(&self, task: Task) -> Task {
        let turn = Arc::new(Turn {
            number: self.0.tasks.fetch_add(1, Ordering::Relaxed),
            schedule: self.0.clone(),
            group: CURRENT.with_borrow(Clone::clone),
            runtime: Mutex::default(),
            // It begins when the runtime comes to it, which is when it was spawned.
            is_given: AtomicBool::new(true),
        });
        turn.group.join(&turn);
        Box::pin(Ordered {
            task: Some(task),
            turn,
        })
    }
}

/// A task's place in the order.
struct Turn {
    number: u64,
    schedule: Arc<Shared>,
    group: Group,
    /// Wakes the task on the runtime.
    runtime: Mutex<Option<Waker>>,
    is_given: AtomicBool,
}

impl Turn {
    fn give(&self) {
        self.is_given.store(true, Ordering::Relaxed);
        if let Some(runtime) = lock(&self.runtime).take() {
            runtime.wake();
        }
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        let schedule = self.schedule.clone();
        lock(&schedule.ready).insert(self.number, self);
        let driver = lock(&schedule.driver).take();
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

struct Ordered {
    /// None once it is over.
    task: Option<Task>,
    turn: Arc<Turn>,
}

impl Future for Ordered {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let turn = self.turn.clone();
        if turn.group.has_ended() {
            self.task = None;
            return Poll::Pending;
        }
        *lock(&turn.runtime) = Some(context.waker().clone());
        if !turn.is_given.swap(false, Ordering::Relaxed) {
            return Poll::Pending;
        }
        let Some(task) = &mut self.task else {
            return Poll::Pending;
        };
        let waker = Waker::from(turn.clone());
        let group = turn.group.clone();
        let polled = group.within(|| task.as_mut().poll(&mut Context::from_waker(&waker)));
        if polled.is_ready() {
            self.task = None;
        }
        polled
    }
}
