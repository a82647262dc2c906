//! The items that speak for a user, with what rows have said for them so far.
//!
//! An event of a user brings the votes of one row more. They are added to those of the rows before, which fade a little.
//! So a list takes up one row at each event and still rests on the whole history, not on the latest few items.
//! A row's votes are those of the time at which the user came to its item.

use std::hash::BuildHasherDefault;

use serde::{Deserialize, Serialize};
use tailrace_sdk::{Failure, Host};

use crate::{
    item::{Item, ItemMap},
    packed,
    profile::Profile,
};

/// What earlier votes are multiplied by at each event of the user: half after 23 items.
const FADE: f32 = 0.97;
/// Candidates that are kept, 3 KB. Twice as many find no more of the next films.
const MOST: usize = 300;
/// So many more may gather before the weakest go: newcomers have time, and sorting is rare.
const SLACK: usize = MOST / 4;

/// Candidates in no order, each once.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Candidates(#[serde(with = "packed")] Vec<(Item, f32)>);

impl Candidates {
    /// Reads those that are stored under a key.
    pub fn load(host: &mut Host<'_>, key: &str) -> Result<Self, Failure> {
        Ok(host.state().get_packed(key)?.unwrap_or_default())
    }

    /// Writes them.
    pub fn save(&self, host: &mut Host<'_>, key: &str) -> Result<(), Failure> {
        host.state().set_packed(key, self)
    }

    /// Adds the votes of the row that the user has come to, an item's at most once. What the user has seen is no
    /// candidate.
    pub fn add(&mut self, votes: impl Iterator<Item = (Item, f32)>, profile: &Profile) {
        let unseen = votes.filter(|(item, vote)| *vote > 0.0 && !profile.has_seen(*item));
        let mut new: ItemMap<f32> = ItemMap::with_capacity_and_hasher(MOST, BuildHasherDefault::default());
        new.extend(unseen);
        self.0.retain_mut(|(item, score)| {
            *score = *score * FADE + new.remove(item).unwrap_or_default();
            !profile.has_seen(*item)
        });
        self.0.extend(new);
        if self.0.len() > MOST + SLACK {
            self.0
                .sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
            self.0.truncate(MOST);
        }
    }

    /// All of them with their scores.
    pub fn iter(&self) -> impl Iterator<Item = (Item, f32)> {
        self.0.iter().copied()
    }
}
