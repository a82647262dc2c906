//! How good the lists were: recall at 10 of the next film. Before each positive rating (4.0 or more)
//! of a user who has a list already, is the film on the latest list? Beside it what plain popularity
//! would have found: the ten most often liked films so far that the user has not seen.

use std::collections::{HashMap, HashSet};

use super::{publish::List, rating::Rating};

/// From here on a rating is positive.
const POSITIVE: f64 = 4.0;
/// Chances after which the ranker must have learnt enough to beat popularity.
const ENOUGH: u64 = 10_000;
/// Length of a list.
const TOP: usize = 10;

/// What was found.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Hits {
    /// Positive ratings of known users.
    pub chances: u64,
    /// Those on the user's list.
    pub ranker: u64,
    /// Those on the list of the most popular.
    pub popularity: u64,
}

impl Hits {
    /// Share found by the ranker.
    pub fn ranker_recall(&self) -> f64 {
        self.ranker as f64 / self.chances.max(1) as f64
    }

    /// Share found by popularity alone.
    pub fn popularity_recall(&self) -> f64 {
        self.popularity as f64 / self.chances.max(1) as f64
    }

    /// A demonstration that does not beat popularity has failed.
    pub fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.chances < ENOUGH || self.ranker > self.popularity,
            "the recommendations did not beat plain popularity"
        );
        Ok(())
    }
}

/// Compares lists, one for each rating of a user in its order, with what the users did next.
pub fn measure(ratings: &[Rating], lists: &[List]) -> Hits {
    let mut lists_of: HashMap<&str, std::vec::IntoIter<&List>> = HashMap::new();
    let mut by_user: HashMap<&str, Vec<&List>> = HashMap::new();
    for list in lists {
        by_user.entry(&list.user).or_default().push(list);
    }
    for (user, lists) in by_user {
        lists_of.insert(user, lists.into_iter());
    }
    let mut latest: HashMap<&str, &List> = HashMap::new();
    let mut popularity = Popularity::default();
    let mut hits = Hits::default();
    for rating in ratings {
        let positive = rating.rating >= POSITIVE;
        if let Some(list) = latest.get(rating.user.as_str()).filter(|_| positive) {
            hits.chances += 1;
            hits.ranker += u64::from(list.items.iter().take(TOP).any(|item| item.id == rating.item));
            hits.popularity += u64::from(popularity.would_show(&rating.user, &rating.item));
        }
        popularity.learn(rating, positive);
        if let Some(list) = lists_of.get_mut(rating.user.as_str()).and_then(Iterator::next) {
            latest.insert(&rating.user, list);
        }
    }
    hits
}

#[derive(Default)]
struct Popularity<'a> {
    counts: HashMap<&'a str, u64>,
    /// Items by their counts, highest first; kept sorted by moving one place up at a time.
    order: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
    seen: HashMap<&'a str, HashSet<&'a str>>,
}

impl<'a> Popularity<'a> {
    fn would_show(&self, user: &str, item: &str) -> bool {
        let seen = self.seen.get(user);
        let unseen = self
            .order
            .iter()
            .filter(|item| seen.is_none_or(|seen| !seen.contains(*item)));
        unseen.take(TOP).any(|shown| *shown == item)
    }

    fn learn(&mut self, rating: &'a Rating, positive: bool) {
        self.seen.entry(&rating.user).or_default().insert(&rating.item);
        if !positive {
            return;
        }
        let item = rating.item.as_str();
        let count = self.counts.entry(item).or_default();
        *count += 1;
        let count = *count;
        let mut place = *self.places.entry(item).or_insert_with(|| {
            self.order.push(item);
            self.order.len() - 1
        });
        while place > 0 && self.counts[self.order[place - 1]] < count {
            self.order.swap(place, place - 1);
            self.places.insert(self.order[place], place);
            place -= 1;
        }
        self.places.insert(item, place);
    }
}
