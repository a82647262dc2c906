//! Ratings from a seeded generator: users and films have hidden tastes, and a user rates high what
//! fits. The hidden tastes tell what would have been best, which real data never does.

use std::collections::BTreeMap;

use evaluation::Rating;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

const USERS: usize = 400;
const ITEMS: usize = 1_500;
const EVENTS: usize = 40_000;
const TASTES: usize = 6;
/// So that every run has the same data.
const SEED: u64 = 2_026;
/// 2026-01-01, and a minute from one rating to the next.
const START_MS: u64 = 1_767_225_600_000;

/// What each user would like best, best first.
pub type Truth = BTreeMap<String, Vec<String>>;

/// Ratings in the order of their time, and the truth.
pub fn generate() -> (Vec<Rating>, Truth) {
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut tastes = |count: usize| -> Vec<Vec<f64>> {
        (0..count)
            .map(|_| (0..TASTES).map(|_| rng.random_range(-1.0..1.0)).collect())
            .collect()
    };
    let (users, items) = (tastes(USERS), tastes(ITEMS));
    let fit = |user: usize, item: usize| {
        users[user]
            .iter()
            .zip(&items[item])
            .map(|(a, b)| a * b)
            .sum::<f64>()
    };
    let truth = (0..USERS)
        .map(|user| (user.to_string(), best(|item| fit(user, item))))
        .collect();
    let ratings = (0..EVENTS).map(|index| {
        let user = rng.random_range(0..USERS);
        // Of a few films that come a user's way the one that fits is seen, the popular ones come more often.
        let chance = |rng: &mut StdRng| (rng.random_range(0.0_f64..1.0).powi(2) * ITEMS as f64) as usize;
        let seen = (0..6)
            .map(|_| chance(&mut rng))
            .max_by(|a, b| fit(user, *a).total_cmp(&fit(user, *b)));
        let item = seen.unwrap_or(0);
        let rating = (3.0 + 1.5 * fit(user, item) + rng.random_range(-0.5..0.5)).clamp(0.5, 5.0);
        Rating {
            user: user.to_string(),
            item: item.to_string(),
            title: format!("Film {item}"),
            rating: (rating * 2.0).round() / 2.0,
            ts: START_MS + index as u64 * 60_000,
        }
    });
    (ratings.collect(), truth)
}

fn best(fit: impl Fn(usize) -> f64) -> Vec<String> {
    let mut items: Vec<usize> = (0..ITEMS).collect();
    items.sort_by(|a, b| fit(*b).total_cmp(&fit(*a)));
    items.into_iter().take(100).map(|item| item.to_string()).collect()
}
