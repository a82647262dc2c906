//! What is known of a user: the latest items, and all that were seen.
//!
//! The latest are few and have an order. What was seen must be complete, or a list offers it again:
//! it is kept in chunks, of which an event writes only the last. Only of what no person does, coming
//! to more than 65,536 items, the oldest are forgotten.

use std::hash::BuildHasherDefault;

use serde::{Deserialize, Serialize};
use tailrace_sdk::{Failure, Host};

use crate::{
    item::{Item, ItemSet},
    packed,
};

/// Items in a chunk: 1.5 KB, which is what an event writes at most.
const CHUNK: usize = 256;
/// Chunks that are looked at: about 5 million instructions of the 50 million that an event has.
const MAX_CHUNKS: usize = 256;
/// Latest items that are kept, the largest `window` that a config may ask for.
const KEPT: usize = 50;

/// An item of the history and what it counted, 0 to 1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Visit {
    /// The item.
    pub item: Item,
    /// What it counted.
    pub weight: f32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    /// How many items were seen, and so in which chunk the next goes.
    seen: usize,
    /// Oldest first.
    latest: Vec<Visit>,
}

/// A user, loaded.
pub struct Profile {
    stored: Stored,
    /// All of them, but for those forgotten.
    seen: ItemSet,
    /// The chunk that grows, in the order in which its items were seen.
    last: Chunk,
    has_grown: bool,
}

/// A chunk of what the user has seen.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Chunk(#[serde(with = "packed")] Vec<Item>);

impl Profile {
    /// Reads a user from state.
    pub fn load(host: &mut Host<'_>, user: &str) -> Result<Self, Failure> {
        let stored: Stored = host.state().get_packed(&key(user))?.unwrap_or_default();
        let chunks = stored.seen.div_ceil(CHUNK);
        let looked_at = stored.seen.min(MAX_CHUNKS * CHUNK) + 1;
        let mut seen = ItemSet::with_capacity_and_hasher(looked_at, BuildHasherDefault::default());
        let mut last = Chunk::default();
        for chunk in chunks.saturating_sub(MAX_CHUNKS)..chunks {
            last = host
                .state()
                .get_packed(&chunk_key(user, chunk))?
                .unwrap_or_default();
            seen.extend(&last.0);
        }
        Ok(Self {
            stored,
            seen,
            last,
            has_grown: false,
        })
    }

    /// Notes that the user has seen an item; whether it is the first time.
    pub fn see(&mut self, item: Item) -> bool {
        if !self.seen.insert(item) {
            return false;
        }
        if self.last.0.len() == CHUNK {
            self.last.0.clear();
        }
        self.last.0.push(item);
        self.stored.seen += 1;
        self.has_grown = true;
        true
    }

    /// Whether the user has seen an item.
    pub fn has_seen(&self, item: Item) -> bool {
        self.seen.contains(&item)
    }

    /// How many items the user has seen.
    pub fn seen_items(&self) -> usize {
        self.seen.len()
    }

    /// Makes an item the latest, unless it counts nothing.
    pub fn remember(&mut self, item: Item, weight: f32) {
        if weight == 0.0 {
            return;
        }
        self.stored.latest.retain(|visit| visit.item != item);
        self.stored.latest.push(Visit { item, weight });
        let surplus = self.stored.latest.len().saturating_sub(KEPT);
        self.stored.latest.drain(..surplus);
    }

    /// The latest items, latest first.
    pub fn latest(&self) -> impl Iterator<Item = Visit> {
        self.stored.latest.iter().rev().copied()
    }

    /// Writes what has changed.
    pub fn save(&self, host: &mut Host<'_>, user: &str) -> Result<(), Failure> {
        host.state().set_packed(&key(user), &self.stored)?;
        if !self.has_grown {
            return Ok(());
        }
        let last = (self.stored.seen - 1) / CHUNK;
        host.state().set_packed(&chunk_key(user, last), &self.last)
    }
}

fn key(user: &str) -> String {
    format!("user/{user}")
}

/// A user's id may hold a slash, a number does not: with the number first, no two users share a key.
fn chunk_key(user: &str, chunk: usize) -> String {
    format!("seen/{chunk}/{user}")
}
