//! Visits of users, and their films in another order.
//!
//! MovieLens shows films in an order of its own, and people rate down the page. A ranker that learns that order finds
//! many of the next films, and would find them in no shop. So the films of a visit change places among its times.

use std::collections::HashMap;

use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use crate::Rating;

/// From this gap on, a user's next rating begins a visit.
pub(crate) const GAP_MS: u64 = 30 * 60_000;

/// The same ratings, each visit's in an order drawn by the seed. The times of a user's ratings stay as they were.
pub fn shuffled(ratings: &[Rating], seed: u64) -> Vec<Rating> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut shuffled = ratings.to_vec();
    for visit in visits(ratings) {
        let mut drawn = visit.clone();
        drawn.shuffle(&mut random);
        for (place, from) in visit.into_iter().zip(drawn) {
            shuffled[place] = Rating {
                ts: ratings[place].ts,
                ..ratings[from].clone()
            };
        }
    }
    shuffled
}

/// The places of each visit's ratings, in the order in which visits begin.
fn visits(ratings: &[Rating]) -> Vec<Vec<usize>> {
    let mut visits: Vec<Vec<usize>> = Vec::new();
    let mut latest: HashMap<&str, (usize, u64)> = HashMap::new();
    for (place, rating) in ratings.iter().enumerate() {
        let visit = match latest.get(rating.user.as_str()) {
            Some((visit, last_ms)) if rating.ts.saturating_sub(*last_ms) < GAP_MS => *visit,
            _ => {
                visits.push(Vec::new());
                visits.len() - 1
            }
        };
        visits[visit].push(place);
        latest.insert(&rating.user, (visit, rating.ts));
    }
    visits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_stay_in_their_visit_and_times_in_their_place() {
        let gaps = [0, 1, 2, 3, 3 + GAP_MS, 4 + GAP_MS, 5 + GAP_MS];
        let ratings: Vec<Rating> = gaps
            .iter()
            .enumerate()
            .map(|(number, ts)| Rating {
                user: "ada".to_owned(),
                item: number.to_string(),
                title: String::new(),
                rating: 4.0,
                ts: *ts,
            })
            .collect();
        let mixed = shuffled(&ratings, 1);
        assert!(mixed.iter().map(|rating| rating.ts).eq(gaps));
        let mut first: Vec<&str> = mixed[..4].iter().map(|rating| rating.item.as_str()).collect();
        first.sort_unstable();
        assert_eq!(first, ["0", "1", "2", "3"]);
    }
}
