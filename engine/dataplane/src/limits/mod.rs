//! The rate limiters in front of a partition's events: whether there is room for one more under the limits of
//! its pipeline and of its tenant. All partitions on this engine share the limiter of their pipeline. All
//! pipelines of a tenant share that of the tenant ([`tenants`]).
//!
//! What an event will publish and burn is not known before it is processed. So an event passes while
//! every limit has room for something, takes one of the events' limit, and what it came to is charged
//! afterwards; what is over counts against the time that follows. Events are therefore never more than
//! their limit; outputs, bytes and fuel are by at most what the events come to that are under way at
//! once, one in each partition, and over time they are not.
//!
//! Several engines: the limit of a pipeline is shared out by where its partitions run; that of a tenant
//! likewise over all its partitions (see [`tenants`]). So the sum over the engines is the limit, and an
//! engine whose share is idle does not lend it.
//!
//! A partition waits for a useful amount of room, not for one event's: a throttled pipeline works in batches
//! with pauses between. A pipeline without a limit pays one relaxed load an event.
//!
//! Why: docs/decisions/0022-rate-limits.md

pub mod tenants;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tailrace_core::{
    manifest::PipelineManifest,
    observe::throttle::By,
    rate::{Limiter, Rate},
};

/// Shortest time whose worth of room somebody who waits waits for.
const WORTHWHILE: Duration = Duration::from_millis(50);
/// Longest wait before looking again, so that a limit that is raised, or taken by fewer, is noticed.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// What can be limited. One kind, one limiter.
const KINDS: usize = 4;
const EVENTS: usize = 0;
const OUTPUTS: usize = 1;
const OUTPUT_BYTES: usize = 2;
const FUEL: usize = 3;

/// Limits of one rate limiter, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates([Option<Rate>; KINDS]);

impl Rates {
    /// Those of a pipeline, where an engine runs so many of its partitions.
    pub fn of_pipeline(manifest: &PipelineManifest, partitions_here: usize) -> Self {
        let Some(rate) = &manifest.rate else {
            return Self::default();
        };
        let mut rates = Self::default();
        rates.0[EVENTS] = rate.events;
        rates.0[OUTPUTS] = rate.outputs;
        rates.0[OUTPUT_BYTES] = rate.output_bytes.map(Rate::from);
        rates.share(partitions_here as u64, u64::from(manifest.partitions))
    }

    /// Each limit's part that falls to one of several.
    fn share(self, part: u64, whole: u64) -> Self {
        Self(self.0.map(|rate| rate.map(|rate| rate.share(part, whole))))
    }
}

/// What an event came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    /// Messages that it published.
    pub outputs: u64,
    /// Bytes of their payloads.
    pub output_bytes: u64,
    /// Fuel that its calls used, those of tries that failed among them.
    pub fuel: u64,
}

/// Whose rate limiter it is: names the limits.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Pipeline,
    Tenant,
}

impl Owner {
    fn names(self, kind: usize) -> By {
        match (self, kind) {
            (Self::Pipeline, EVENTS) => By::Events,
            (Self::Pipeline, OUTPUTS) => By::Outputs,
            (Self::Pipeline, _) => By::OutputBytes,
            (Self::Tenant, EVENTS) => By::TenantEvents,
            (Self::Tenant, OUTPUTS) => By::TenantOutputs,
            (Self::Tenant, FUEL) => By::TenantFuel,
            (Self::Tenant, _) => By::TenantOutputBytes,
        }
    }
}

/// There is no room now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// Under which limit; of several, the one that it takes longest to wait for.
    pub by: By,
    /// When it is worth asking again.
    pub wait: Duration,
}

/// What becomes of an event.
pub(crate) enum Admission {
    /// It is processed.
    Through,
    /// It is shed, for want of room under this limit.
    Away(By),
    /// It waits so long.
    Back(Duration),
}

/// The limits of one pipeline, or of one tenant, and what is counted against them.
#[derive(Debug, Default)]
pub struct RateLimiter {
    is_set: AtomicBool,
    limiters: Mutex<[Option<Limiter>; KINDS]>,
}

impl RateLimiter {
    /// These limits hold from now on; what is counted stays.
    pub fn set(&self, rates: Rates) {
        let mut limiters = self.lock();
        for (limiter, rate) in limiters.iter_mut().zip(rates.0) {
            match (limiter.as_mut(), rate) {
                (Some(limiter), Some(rate)) => limiter.set(rate),
                (_, rate) => *limiter = rate.map(Limiter::new),
            }
        }
        self.is_set
            .store(limiters.iter().any(Option::is_some), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Limiter>; KINDS]> {
        self.limiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    fn charge(&self, now: Duration, used: Used) {
        if !self.is_set() {
            return;
        }
        let mut limiters = self.lock();
        let amounts = [0, used.outputs, used.output_bytes, used.fuel];
        for (limiter, amount) in limiters.iter_mut().zip(amounts) {
            if let Some(limiter) = limiter {
                limiter.charge(now, amount);
            }
        }
    }
}

/// What there is too little room under, if there is.
fn hindered(limiters: &mut [Option<Limiter>; KINDS], owner: Owner, now: Duration) -> Option<Throttled> {
    let waits = limiters.iter_mut().enumerate().filter_map(|(kind, limiter)| {
        let limiter = limiter.as_mut()?;
        if limiter.until_room(now, 1).is_zero() {
            return None;
        }
        let wait = limiter.until_room(now, worthwhile(limiter.rate()));
        Some(Throttled {
            by: owner.names(kind),
            wait: wait.min(LONGEST_NAP),
        })
    });
    waits.max_by_key(|limited| limited.wait)
}

/// So much comes together in the shortest time that is worth waiting for.
fn worthwhile(rate: Rate) -> u64 {
    let share = WORTHWHILE.as_nanos() * u128::from(rate.limit) / rate.per.0.as_nanos().max(1);
    u64::try_from(share).unwrap_or(rate.limit).clamp(1, rate.limit)
}

/// The rate limiters that a partition's events pass.
#[derive(Debug, Clone, Default)]
pub struct RateLimiters {
    /// Of its pipeline.
    pub pipeline: Arc<RateLimiter>,
    /// Of its tenant.
    pub tenant: Arc<RateLimiter>,
}

impl RateLimiters {
    /// Whether there is any limit.
    pub fn is_set(&self) -> bool {
        self.pipeline.is_set() || self.tenant.is_set()
    }

    /// Lets one event pass, or says what hinders it. Both limiters are asked before either counts it.
    pub fn pass(&self, now: Duration) -> Result<(), Throttled> {
        // Always in this order, so that two partitions never wait for each other.
        let mut pipeline = self.pipeline.lock();
        let mut tenant = self.tenant.lock();
        let hindrances = [
            hindered(&mut pipeline, Owner::Pipeline, now),
            hindered(&mut tenant, Owner::Tenant, now),
        ];
        if let Some(limited) = hindrances
            .into_iter()
            .flatten()
            .max_by_key(|limited| limited.wait)
        {
            return Err(limited);
        }
        for limiter in [&mut pipeline[EVENTS], &mut tenant[EVENTS]].into_iter().flatten() {
            limiter.charge(now, 1);
        }
        Ok(())
    }

    /// How many events could pass now.
    pub fn room(&self, now: Duration) -> u64 {
        let room = |limiter: &RateLimiter| {
            let mut limiters = limiter.lock();
            limiters[EVENTS]
                .as_mut()
                .map_or(u64::MAX, |limiter| limiter.room(now))
        };
        room(&self.pipeline).min(room(&self.tenant))
    }

    /// Counts what an event came to.
    pub fn charge(&self, now: Duration, used: Used) {
        self.pipeline.charge(now, used);
        self.tenant.charge(now, used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_core::manifest::parse::parse;

    fn manifest(rate: &str) -> PipelineManifest {
        let text = format!(
            r#"{{"name":"p","partitions":4,"input":{{"subjects":["a.>"]}},"steps":[],"rate":{rate}}}"#
        );
        parse(text.as_bytes()).unwrap()
    }

    fn limiters(pipeline: &str) -> RateLimiters {
        let limiters = RateLimiters::default();
        limiters.pipeline.set(Rates::of_pipeline(&manifest(pipeline), 4));
        limiters
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn events_are_never_more_than_the_limit_and_the_rest_waits_for_a_useful_amount() {
        let limiters = limiters(r#"{"events":{"limit":1000,"window":"fixed"}}"#);
        let passed = (0..5_000).filter(|_| limiters.pass(ms(10)).is_ok()).count();
        assert_eq!(passed, 1_000);
        let limited = limiters.pass(ms(10)).unwrap_err();
        assert_eq!((limited.by, limited.wait), (By::Events, ms(990)));
    }

    #[test]
    fn sliding_lets_batches_through_not_single_events() {
        let limiters = limiters(r#"{"events":{"limit":1000}}"#);
        let mut now = ms(0);
        let (mut passed, mut naps) = (0, 0);
        while now < ms(10_000) {
            match limiters.pass(now) {
                Ok(()) => passed += 1,
                Err(limited) => {
                    naps += 1;
                    now += limited.wait;
                }
            }
        }
        assert!((9_500..=11_000).contains(&passed), "{passed} in ten seconds");
        assert!(naps <= 220, "{naps} naps");
    }

    #[test]
    fn what_an_event_published_holds_back_those_behind_it() {
        let limiters = limiters(r#"{"output-bytes":{"limit":"1KiB","window":"fixed"}}"#);
        assert_eq!(limiters.pass(ms(0)), Ok(()));
        let used = Used {
            outputs: 1,
            output_bytes: 2_500,
            fuel: 9,
        };
        limiters.charge(ms(0), used);
        let limited = limiters.pass(ms(0)).unwrap_err();
        assert_eq!((limited.by, limited.wait), (By::OutputBytes, LONGEST_NAP));
        assert!(
            limiters.pass(ms(1_999)).is_err(),
            "two windows and a half were taken"
        );
        assert_eq!(limiters.pass(ms(2_000)), Ok(()));
    }

    #[test]
    fn a_tenants_limit_holds_for_all_its_pipelines_and_takes_nothing_of_theirs() {
        let one = limiters(r#"{"events":{"limit":100,"window":"fixed"}}"#);
        let other = RateLimiters {
            tenant: one.tenant.clone(),
            ..limiters(r#"{"events":{"limit":100,"window":"fixed"}}"#)
        };
        let mut rates = Rates::default();
        rates.0[EVENTS] = Some(Rate {
            window: tailrace_core::rate::RateWindow::Fixed,
            ..Rate::a_second(50)
        });
        one.tenant.set(rates);
        let passed = (0..40)
            .filter(|_| one.pass(ms(0)).is_ok() && other.pass(ms(0)).is_ok())
            .count();
        assert_eq!(passed, 25);
        assert_eq!(one.pass(ms(0)).unwrap_err().by, By::TenantEvents);
        assert_eq!(one.room(ms(0)), 0);
        one.tenant.set(Rates::default());
        assert_eq!(
            one.room(ms(0)),
            75,
            "who was held back by the tenant's limit took nothing of its own"
        );
    }

    #[test]
    fn engines_share_a_limit_by_the_partitions_that_they_run() {
        let manifest = manifest(r#"{"events":{"limit":1000}}"#);
        let of = |partitions| Rates::of_pipeline(&manifest, partitions).0[EVENTS].map(|rate| rate.limit);
        assert_eq!((of(1), of(3), of(4)), (Some(250), Some(750), Some(1_000)));
    }
}
