//! Popularity, to compare with.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
};

use crate::{LIST, Rating};

/// Films by likes so far.
#[derive(Default)]
pub(crate) struct Popularity {
    likes: HashMap<String, u32>,
    ranking: BTreeSet<(Reverse<u32>, String)>,
    seen: HashMap<String, HashSet<String>>,
}

impl Popularity {
    pub(crate) fn would_list(&self, user: &str, item: &str) -> bool {
        let seen = &self.seen[user];
        let unseen = self.ranking.iter().filter(|(_, other)| !seen.contains(other));
        unseen.take(LIST).any(|(_, other)| other == item)
    }

    pub(crate) fn note(&mut self, rating: &Rating) {
        self.seen
            .entry(rating.user.clone())
            .or_default()
            .insert(rating.item.clone());
        if rating.is_positive() {
            let likes = self.likes.entry(rating.item.clone()).or_default();
            self.ranking.remove(&(Reverse(*likes), rating.item.clone()));
            *likes += 1;
            self.ranking.insert((Reverse(*likes), rating.item.clone()));
        }
    }
}
