//! What is known of a user: the latest items, and all that were seen.
//!
//! The latest are few and have an order. What was seen must be complete, or a list offers it again:
//! it is kept in chunks, of which an event writes only the last. Only of what no person does, coming
//! to more than 65,536 items, the oldest are forgotten.

use serde::{Deserialize, Serialize};
use tailrace_sdk::{Failure, Host};

use crate::item::Item;

/// Items in a chunk: about 2 KB packed, which is what an event writes at most.
const CHUNK: usize = 256;
/// Chunks that are looked at: about 15 million instructions of the 50 million that an event has.
const MAX_CHUNKS: usize = 256;
/// Latest items that are kept, the largest `history` that a config may ask for.
const KEPT: usize = 50;

/// An item of the history and what it counted, 0 to 1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Visit {
    pub(crate) item: Item,
    pub(crate) weight: f32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    /// How many items were seen, and so in which chunk the next goes.
    seen: usize,
    /// Oldest first.
    latest: Vec<Visit>,
}

/// A user, loaded.
pub(crate) struct Profile {
    stored: Stored,
    /// Number of the first chunk that was loaded.
    first_chunk: usize,
    /// From that chunk on, in the order in which they were seen.
    seen: Vec<Item>,
    /// The same, in order, for looking up.
    sorted: Vec<Item>,
    has_grown: bool,
}

impl Profile {
    pub(crate) fn load(host: &mut Host<'_>, user: &str) -> Result<Self, Failure> {
        let stored: Stored = host.state().get_packed(&key(user))?.unwrap_or_default();
        let chunks = stored.seen.div_ceil(CHUNK);
        let first_chunk = chunks.saturating_sub(MAX_CHUNKS);
        let mut seen: Vec<Item> = Vec::new();
        for chunk in first_chunk..chunks {
            seen.extend(
                host.state()
                    .get_packed::<Vec<Item>>(&chunk_key(user, chunk))?
                    .unwrap_or_default(),
            );
        }
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        Ok(Self {
            stored,
            first_chunk,
            seen,
            sorted,
            has_grown: false,
        })
    }

    /// Notes that the user has seen an item; whether it is the first time.
    pub(crate) fn see(&mut self, item: Item) -> bool {
        let Err(place) = self.sorted.binary_search(&item) else {
            return false;
        };
        self.sorted.insert(place, item);
        self.seen.push(item);
        self.stored.seen += 1;
        self.has_grown = true;
        true
    }

    pub(crate) fn has_seen(&self, item: Item) -> bool {
        self.sorted.binary_search(&item).is_ok()
    }

    pub(crate) fn seen_items(&self) -> usize {
        self.seen.len()
    }

    /// Makes an item the latest, unless it counts nothing.
    pub(crate) fn remember(&mut self, item: Item, weight: f32) {
        if weight == 0.0 {
            return;
        }
        self.stored.latest.retain(|visit| visit.item != item);
        self.stored.latest.push(Visit { item, weight });
        let surplus = self.stored.latest.len().saturating_sub(KEPT);
        self.stored.latest.drain(..surplus);
    }

    /// The latest items, latest first.
    pub(crate) fn latest(&self) -> impl Iterator<Item = Visit> {
        self.stored.latest.iter().rev().copied()
    }

    pub(crate) fn save(&self, host: &mut Host<'_>, user: &str) -> Result<(), Failure> {
        host.state().set_packed(&key(user), &self.stored)?;
        if !self.has_grown {
            return Ok(());
        }
        let last = (self.seen.len() - 1) / CHUNK;
        let key = chunk_key(user, self.first_chunk + last);
        host.state().set_packed(&key, &&self.seen[last * CHUNK..])
    }
}

fn key(user: &str) -> String {
    format!("user/{user}")
}

/// A user's id may hold a slash, a number does not: with the number first, no two users share a key.
fn chunk_key(user: &str, chunk: usize) -> String {
    format!("seen/{chunk}/{user}")
}
