//! The queues in virtual time: threads, tenants and what they do are numbers, so shares and waits come
//! out the same at every run. The same with a real engine and broker is `bench neighbours`.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use tailrace_core::name::Name;

use crate::schedule::queues::{Queues, Ticket};

/// How a tenant behaves: each partition takes turns of this length, with this pause between.
#[derive(Clone, Copy)]
struct Load {
    partitions: u64,
    turn: Duration,
    pause: Duration,
    weight: u32,
}

/// What a tenant got.
#[derive(Default)]
struct Got {
    /// Time on threads.
    served: Duration,
    /// From being ready to the end of the turn, of each turn.
    latencies: Vec<Duration>,
}

impl Got {
    fn p99(&mut self) -> Duration {
        self.latencies.sort_unstable();
        self.latencies[self.latencies.len() * 99 / 100]
    }
}

fn name(index: usize) -> Name {
    Name::new(&format!("t{index:02}")).unwrap()
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What happens next: a partition is ready again, or a turn ends.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Ready(Turn),
    End(Turn, Ticket),
}

/// A partition's turn, from when it was ready.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    tenant: usize,
    partition: u64,
    ready: Duration,
}

/// Runs all of it to the horizon.
fn run(loads: &[Load], threads: usize, horizon: Duration) -> Vec<Got> {
    let mut queues: Queues<Turn> = Queues::default();
    let weights = loads.iter().enumerate();
    queues.weigh(weights.map(|(index, load)| (name(index), load.weight)).collect());
    let mut got: Vec<Got> = loads.iter().map(|_| Got::default()).collect();
    // By time; what happens at the same time, in the order in which it was found.
    let mut agenda = BinaryHeap::new();
    let mut order = 0_u64;
    let mut plan = |agenda: &mut BinaryHeap<_>, at: Duration, next: Next| {
        order += 1;
        agenda.push(Reverse((at, order, next)));
    };
    for (tenant, load) in loads.iter().enumerate() {
        for partition in 0..load.partitions {
            // Spread, or all would be ready at the same moments for ever.
            let ready = Duration::from_micros((tenant as u64 * 7_919 + partition * 104_729) % 100_001);
            plan(
                &mut agenda,
                ready,
                Next::Ready(Turn {
                    tenant,
                    partition,
                    ready,
                }),
            );
        }
    }
    let mut busy = 0;
    while let Some(Reverse((now, _, next))) = agenda.pop() {
        if now >= horizon {
            break;
        }
        match next {
            Next::Ready(turn) => queues.push(&name(turn.tenant), turn),
            Next::End(turn, ticket) => {
                busy -= 1;
                queues.done(&ticket, now, 0);
                let load = &loads[turn.tenant];
                got[turn.tenant].served += load.turn;
                got[turn.tenant].latencies.push(now.saturating_sub(turn.ready));
                let ready = now + load.pause;
                plan(&mut agenda, ready, Next::Ready(Turn { ready, ..turn }));
            }
        }
        while busy < threads
            && let Some((ticket, turn)) = queues.pop(threads - 1, now)
        {
            busy += 1;
            plan(
                &mut agenda,
                now + loads[turn.tenant].turn,
                Next::End(turn, ticket),
            );
        }
    }
    got
}

const MODEST: Load = Load {
    partitions: 2,
    turn: ms(20),
    pause: Duration::ZERO,
    weight: 1,
};

#[test]
fn shares_follow_the_weights() {
    let load = |weight| Load { weight, ..MODEST };
    let loads = [load(1), load(2), load(4), load(1), load(8)];
    let got = run(&loads, 3, Duration::from_mins(1));
    let (all, weights) = (Duration::from_mins(3), 16.0);
    for (load, got) in loads.iter().zip(&got) {
        let fair = all.as_secs_f64() * f64::from(load.weight) / weights;
        let share = got.served.as_secs_f64() / fair;
        assert!(
            (0.97..1.03).contains(&share),
            "weight {}: {share:.3} of its share",
            load.weight
        );
    }
}

#[test]
fn nobody_starves_beside_the_heaviest() {
    let heavy = Load {
        partitions: 48,
        weight: 1_000,
        ..MODEST
    };
    let light = Load {
        partitions: 1,
        turn: ms(1),
        ..MODEST
    };
    let mut got = run(&[heavy, light], 2, Duration::from_mins(1));
    assert!(got[1].latencies.len() > 50, "{} turns", got[1].latencies.len());
    assert!(got[1].p99() < Duration::from_secs(3));
}

/// Fifty tenants that always have something to do, the last of whom is hostile.
fn running_candidate(hostile: Load, threads: usize) -> f64 {
    let mut loads = vec![MODEST; 49];
    loads.push(hostile);
    // Long enough that the first turns, which begin before anybody has been charged, are little beside it.
    let horizon = Duration::from_mins(5);
    let got = run(&loads, threads, horizon);
    let fair = horizon.as_secs_f64() * threads as f64 / 50.0;
    let least = got[..49].iter().map(|got| got.served).min().unwrap_or_default();
    least.as_secs_f64() / fair
}

#[test]
fn forty_nine_tenants_keep_their_share_beside_a_hostile_one() {
    for threads in [2, 4, 16] {
        for (partitions, turn) in [(48, 50), (4_000, 20), (48, 9_999), (4_000, 9_999)] {
            let hostile = Load {
                partitions,
                turn: ms(turn),
                pause: Duration::ZERO,
                weight: 1,
            };
            let share = running_candidate(hostile, threads);
            assert!(
                share > 0.9,
                "{threads} threads, {partitions} partitions that hold a thread for {turn} ms: {share:.3}"
            );
        }
    }
}

/// The slowest p99 of forty-nine tenants that use a quarter of four threads, with or without another.
fn p99_beside(hostile: Option<Load>, threads: usize) -> Duration {
    let modest = Load {
        partitions: 1,
        turn: ms(2),
        pause: ms(96),
        weight: 1,
    };
    let mut loads = vec![modest; 49];
    loads.extend(hostile);
    let mut got = run(&loads, threads, Duration::from_mins(2));
    got[..49].iter_mut().map(Got::p99).max().unwrap_or_default()
}

#[test]
fn their_latency_stays_within_a_quarter_where_threads_are_left_and_within_a_slice_on_two() {
    for turn in [20, 50, 9_999] {
        let hostile = Load {
            partitions: 1_000,
            turn: ms(turn),
            pause: Duration::ZERO,
            weight: 1,
        };
        let (alone, running_candidate) = (p99_beside(None, 2), p99_beside(Some(hostile), 2));
        assert!(
            running_candidate < alone + ms(20),
            "two threads, turns of {turn} ms: {alone:?} alone, {running_candidate:?} beside"
        );
        let (alone, running_candidate) = (p99_beside(None, 16), p99_beside(Some(hostile), 16));
        assert!(
            running_candidate <= alone.mul_f64(1.25),
            "{turn} {alone:?} {running_candidate:?}"
        );
    }
}
