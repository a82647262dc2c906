//! The queues of all tenants, and the clocks that say whose turn is next. Pure: what time it is, and
//! what a turn cost, is handed in.
//!
//! Start-time fair queueing (Goyal, Vin and Cheng, 1996), weighted: each tenant has a clock that goes
//! forward by what its turns cost, divided by its weight, and the tenant whose clock is behind goes next.
//! A turn's cost is not known before it ends, and one that loops to its deadline may run for seconds; so
//! a clock goes forward while turns run, not only when they end. Else a tenant with many such turns could
//! begin them all before the first is charged.
//!
//! What a turn costs is its wall time, for that is what others lose while the thread is held; but at
//! least what its fuel takes at [`FUEL_PER_NANOSECOND`], which is faster than guests run. So the bill
//! follows what is scarce, whatever the guest does with its time (host calls, traps, memory), and cannot
//! fall below the work that was done where the clock is coarse or was set back.
//!
//! Invariants: a tenant that comes back after a pause starts at the clock of those at work, so nobody
//! saves up; nobody is refused, whoever is behind waits; each waiting turn is served after a bounded
//! amount of others' work.
//!
//! Why: docs/decisions/0025-weighted-fair-queueing.md

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tailrace_core::name::Name;

/// Guests use about one fuel an instruction; no core runs more of theirs than this.
const FUEL_PER_NANOSECOND: u64 = 4;
/// Clocks count nanoseconds of a tenant of weight 1, this fine, so that the heaviest tenant's shortest
/// turn still counts.
const FINENESS: u128 = 1_000;

/// The queues of all tenants.
#[derive(Debug)]
pub struct Queues<J> {
    tenants: BTreeMap<Name, Tenant<J>>,
    /// Who is not named has 1.
    weights: BTreeMap<Name, u32>,
    /// Clock of the tenant that was served last.
    now: u128,
}

#[derive(Debug)]
struct Tenant<J> {
    jobs: VecDeque<J>,
    /// What its turns have cost, by its weight.
    clock: u128,
    /// When the turns began that run now.
    running: Vec<Duration>,
}

/// A turn that runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// Whose it is.
    pub tenant: Name,
    began: Duration,
}

impl<J> Default for Queues<J> {
    fn default() -> Self {
        Self {
            tenants: BTreeMap::new(),
            weights: BTreeMap::new(),
            now: 0,
        }
    }
}

impl<J> Default for Tenant<J> {
    fn default() -> Self {
        Self {
            jobs: VecDeque::new(),
            clock: 0,
            running: Vec::new(),
        }
    }
}

impl<J> Tenant<J> {
    fn is_idle(&self) -> bool {
        self.jobs.is_empty() && self.running.is_empty()
    }

    /// Its clock, with what its running turns have cost so far.
    fn clock_at(&self, now: Duration, weight: u32) -> u128 {
        let running = self.running.iter().map(|began| now.saturating_sub(*began)).sum();
        self.clock + scaled(running, weight)
    }
}

fn scaled(cost: Duration, weight: u32) -> u128 {
    cost.as_nanos() * FINENESS / u128::from(weight.max(1))
}

/// What a turn cost.
fn cost(took: Duration, fuel: u64) -> Duration {
    took.max(Duration::from_nanos(fuel / FUEL_PER_NANOSECOND))
}

impl<J> Queues<J> {
    /// These weights hold from now on; who is not named has 1.
    pub fn weigh(&mut self, weights: BTreeMap<Name, u32>) {
        self.weights = weights;
    }

    fn weight(&self, tenant: &Name) -> u32 {
        self.weights.get(tenant).copied().unwrap_or(1)
    }

    /// Queues something to do.
    pub fn push(&mut self, tenant: &Name, job: J) {
        let now = self.now;
        let queue = self.tenants.entry(tenant.clone()).or_default();
        if queue.is_idle() {
            queue.clock = queue.clock.max(now);
        }
        queue.jobs.push_back(job);
    }

    /// The next turn: of the tenant furthest behind that holds fewer than `most` threads.
    pub fn pop(&mut self, most: usize, now: Duration) -> Option<(Ticket, J)> {
        let waiting = self
            .tenants
            .iter()
            .filter(|(_, queue)| !queue.jobs.is_empty() && queue.running.len() < most);
        let behind = waiting.min_by_key(|(name, queue)| {
            // Where clocks are equal, who holds fewer threads.
            (queue.clock_at(now, self.weight(name)), queue.running.len())
        });
        let tenant = behind?.0.clone();
        let queue = self.tenants.get_mut(&tenant)?;
        let job = queue.jobs.pop_front()?;
        self.now = self.now.max(queue.clock);
        queue.running.push(now);
        Some((Ticket { tenant, began: now }, job))
    }

    /// A turn has ended.
    pub fn done(&mut self, ticket: &Ticket, now: Duration, fuel: u64) {
        let weight = self.weight(&ticket.tenant);
        let Some(queue) = self.tenants.get_mut(&ticket.tenant) else {
            return;
        };
        if let Some(index) = queue.running.iter().position(|began| *began == ticket.began) {
            queue.running.swap_remove(index);
        }
        queue.clock += scaled(cost(now.saturating_sub(ticket.began), fuel), weight);
        // An idle tenant whose clock is behind is as good as new.
        if queue.is_idle() && queue.clock <= self.now {
            self.tenants.remove(&ticket.tenant);
        }
    }
}
