//! What the rows of the user's items have said for others, each at the time at which the user came to it.

use ranking::{
    candidates::Candidates, evidence::Evidence, item::Item, profile::Profile, published::ItemRow, row::Fading,
};
use tailrace_sdk::{Failure, Host};

/// By both signals that a row has. An item whose row is not there yet says nothing.
pub(crate) struct Spoken {
    votes: Candidates,
    similar: Candidates,
}

impl Spoken {
    pub(crate) fn load(host: &mut Host<'_>, user: &str) -> Result<Self, Failure> {
        Ok(Self {
            votes: Candidates::load(host, &votes_key(user))?,
            similar: Candidates::load(host, &similar_key(user))?,
        })
    }

    /// The user has come to an item.
    pub(crate) fn add(&mut self, row: &ItemRow, evidence: Evidence, now_ms: u64, profile: &Profile) {
        let fading = Fading {
            now_ms,
            half_life_days: row.row_half_life_days,
        };
        self.votes.add(row.row.votes(evidence.weight, fading), profile);
        let similar = row.similar.iter();
        let similar = similar.map(|(item, score)| (*item, score * evidence.weight));
        self.similar.add(similar, profile);
    }

    pub(crate) fn save(&self, host: &mut Host<'_>, user: &str) -> Result<(), Failure> {
        self.votes.save(host, &votes_key(user))?;
        self.similar.save(host, &similar_key(user))
    }

    /// What the rows said for their neighbours.
    pub(crate) fn votes(&self) -> impl Iterator<Item = (Item, f32)> {
        self.votes.iter()
    }

    /// What the rows said for the items with the nearest vectors: about the product with a vector of the user that
    /// lies amid those of the user's items.
    pub(crate) fn similar(&self) -> impl Iterator<Item = (Item, f32)> {
        self.similar.iter()
    }
}

fn votes_key(user: &str) -> String {
    format!("candidates/{user}")
}

fn similar_key(user: &str) -> String {
    format!("similar/{user}")
}
