//! Limiters against an exact log of what they took.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::units::Span;

fn rate(limit: u64, per_ms: u64, window: RateWindow) -> Rate {
    Rate {
        limit,
        per: Span::from_millis(per_ms),
        window,
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What a limiter took, when: the exact log.
fn log(limiter: &mut Limiter, asked: &[(u64, u64)]) -> Vec<(Duration, u64)> {
    let mut now = Duration::ZERO;
    let mut taken = Vec::new();
    for (pause, amount) in asked {
        now += Duration::from_micros(*pause);
        if limiter.take(now, *amount).is_ok() {
            taken.push((now, *amount));
        }
    }
    taken
}

/// Taken after `from`, up to `to`.
fn within(log: &[(Duration, u64)], from: Option<Duration>, to: Duration) -> u64 {
    let inside = |at: Duration| from.is_none_or(|from| at > from) && at <= to;
    log.iter().filter(|(at, _)| inside(*at)).map(|(_, n)| n).sum()
}

fn traffic() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let pause = prop_oneof![4 => 0..20_u64, 4 => 0..40_000_u64, 1 => 0..900_000_u64];
    prop::collection::vec((pause, 1..4_u64), 1..400)
}

proptest! {
    #[test]
    fn no_fixed_window_takes_more_than_the_limit(asked in traffic(), limit in 3..50_u64) {
        let per = ms(100);
        let mut limiter = Limiter::new(rate(limit, 100, RateWindow::Fixed));
        let mut windows = std::collections::BTreeMap::<u128, u64>::new();
        for (at, amount) in log(&mut limiter, &asked) {
            *windows.entry(at.as_nanos() / per.as_nanos()).or_default() += amount;
        }
        prop_assert!(windows.values().all(|taken| *taken <= limit), "{windows:?}");
    }

    #[test]
    fn sliding_takes_at_most_the_limit_and_its_rate_in_any_span(asked in traffic(), limit in 3..50_u64) {
        let mut limiter = Limiter::new(rate(limit, 100, RateWindow::Sliding));
        let taken = log(&mut limiter, &asked);
        for (index, (first, _)) in taken.iter().enumerate() {
            let mut sum = 0;
            for (last, amount) in &taken[index..] {
                sum += amount;
                let span = last.saturating_sub(*first).as_secs_f64() / 0.1;
                prop_assert!(sum as f64 <= limit as f64 * (1.0 + span) + 1e-6, "{sum} within {span} windows");
            }
        }
    }

    #[test]
    fn sliding_refuses_nothing_that_the_last_two_windows_have_room_for(
        asked in traffic(), limit in 3..50_u64,
    ) {
        let mut limiter = Limiter::new(rate(limit, 100, RateWindow::Sliding));
        let mut now = Duration::ZERO;
        let mut taken = Vec::new();
        for (pause, amount) in asked {
            now += Duration::from_micros(pause);
            if limiter.take(now, amount).is_ok() {
                taken.push((now, amount));
            } else {
                let from = now.checked_sub(ms(200));
                prop_assert!(within(&taken, from, now) + amount > limit);
            }
        }
    }

    #[test]
    fn the_wait_is_exact(
        asked in traffic(), limit in 1..50_u64, debt in 0..200_u64, sliding: bool, amount in 1..60_u64,
    ) {
        let window = if sliding { RateWindow::Sliding } else { RateWindow::Fixed };
        let mut limiter = Limiter::new(rate(limit, 100, window));
        log(&mut limiter, &asked);
        let now = asked.iter().map(|(pause, _)| Duration::from_micros(*pause)).sum();
        limiter.charge(now, debt);
        let wait = limiter.until_room(now, amount);
        let mut early = limiter;
        if let Some(before) = wait.checked_sub(Duration::from_nanos(1)) {
            prop_assert!(early.take(now + before, amount).is_err(), "a nanosecond less is too early");
        }
        prop_assert_eq!(limiter.take(now + wait, amount), Ok(()));
        let room = limiter.room(now + wait);
        if room > 0 {
            prop_assert_eq!(limiter.until_room(now + wait, room), Duration::ZERO, "room for {}", room);
        }
        if room < limit {
            prop_assert!(limiter.take(now + wait, room + 1).is_err(), "no room for more than {}", room);
        }
    }

    #[test]
    fn a_debt_is_paid_off_in_full(debts in prop::collection::vec((0..300_000_u64, 1..40_u64), 1..60), sliding: bool) {
        // What costs an unknown amount goes on only while there is room, and is charged when it is done.
        let window = if sliding { RateWindow::Sliding } else { RateWindow::Fixed };
        let mut limiter = Limiter::new(rate(10, 100, window));
        let (mut now, mut sum) = (Duration::ZERO, 0);
        for (pause, cost) in debts {
            now += Duration::from_micros(pause);
            now += limiter.until_room(now, 1);
            // Everything charged before has been paid for by the windows that began until now.
            let windows = now.as_nanos() / ms(100).as_nanos() + 1;
            prop_assert!(sum < 10 * windows, "{sum} charged, {windows} windows");
            limiter.charge(now, cost);
            sum += u128::from(cost);
        }
    }
}

#[test]
fn sliding_covers_the_end_of_the_window_before() {
    let mut limiter = Limiter::new(rate(10, 1_000, RateWindow::Sliding));
    assert_eq!(limiter.take(ms(900), 10), Ok(()));
    // A tenth of the new window: nine tenths of the ten still count.
    assert_eq!(limiter.take(ms(1_100), 1), Ok(()));
    assert_eq!(limiter.take(ms(1_100), 1), Err(ms(100)));
    let mut fixed = Limiter::new(rate(10, 1_000, RateWindow::Fixed));
    assert_eq!(fixed.take(ms(900), 10), Ok(()));
    assert_eq!(fixed.take(ms(900), 1), Err(ms(100)));
    assert_eq!(fixed.take(ms(1_000), 10), Ok(()));
}

#[test]
fn more_than_the_limit_passes_when_nothing_is_counted_and_is_paid_for() {
    let mut limiter = Limiter::new(rate(10, 1_000, RateWindow::Fixed));
    assert_eq!(limiter.take(ms(0), 25), Ok(()));
    assert_eq!(limiter.until_room(ms(0), 1), ms(2_000));
    assert_eq!(limiter.until_room(ms(0), 25), ms(3_000));
}

#[test]
fn a_raised_limit_gives_room_at_once_and_a_lowered_one_takes_it() {
    let mut limiter = Limiter::new(rate(10, 1_000, RateWindow::Sliding));
    assert_eq!(limiter.take(ms(0), 10), Ok(()));
    limiter.set(rate(20, 1_000, RateWindow::Sliding));
    assert_eq!(limiter.take(ms(0), 10), Ok(()));
    limiter.set(rate(5, 1_000, RateWindow::Sliding));
    assert!(limiter.take(ms(0), 1).is_err());
    assert_eq!(limiter.take(ms(20_000), 5), Ok(()));
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut limiter = Limiter::new(rate(1, 1_000, RateWindow::Sliding));
    assert_eq!(limiter.take(ms(5_000), 1), Ok(()));
    assert!(limiter.take(ms(10), 1).is_err());
}

#[test]
fn a_share_is_a_part_of_the_limit_and_never_nothing() {
    let whole = rate(1_000, 1_000, RateWindow::Fixed);
    assert_eq!(whole.share(3, 4).limit, 750);
    assert_eq!(whole.share(5, 4).limit, 1_000);
    assert_eq!(whole.share(0, 4).limit, 1);
}

#[test]
fn a_flood_of_keys_is_held_back_together_and_nothing_grows() {
    let mut table = Table::new(rate(2, 1_000, RateWindow::Fixed), 100);
    let known = (0..100_u64).filter(|key| table.take(*key, ms(0)).is_ok()).count();
    let flood = (1_000..9_000_u64)
        .filter(|key| table.take(*key, ms(1)).is_ok())
        .count();
    assert_eq!((known, flood, table.len()), (100, 2, 100));
    assert_eq!(table.take(7, ms(2)), Ok(()), "who is known has its own limit");
    assert_eq!(table.take(7, ms(2)), Err(ms(998)));
    // A window later those who were silent are forgotten.
    assert_eq!(table.take(5_000, ms(2_500)), Ok(()));
    assert_eq!(table.len(), 1);
}
