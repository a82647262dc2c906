//! Popularity, to compare with.

use std::collections::{HashMap, HashSet};

use crate::Rating;

/// Films by likes so far.
#[derive(Default)]
pub(crate) struct Popularity<'a> {
    counts: HashMap<&'a str, u64>,
    /// Films by their counts, highest first; kept sorted by moving one place up at a time.
    order: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
    seen: HashMap<&'a str, HashSet<&'a str>>,
}

impl<'a> Popularity<'a> {
    /// Whether the film is among the `top` that it would show to the user.
    pub(crate) fn would_show(&self, user: &str, item: &str, top: usize) -> bool {
        let seen = self.seen.get(user);
        let unseen = self
            .order
            .iter()
            .filter(|item| seen.is_none_or(|seen| !seen.contains(*item)));
        unseen.take(top).any(|shown| *shown == item)
    }

    /// Learns a rating.
    pub(crate) fn learn(&mut self, rating: &'a Rating) {
        self.seen.entry(&rating.user).or_default().insert(&rating.item);
        if !rating.is_positive() {
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
