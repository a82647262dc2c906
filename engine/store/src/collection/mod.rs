//! A collection of vectors in memory: exact while it is small, with an index above that.
//!
//! - [`exact`]: the rows, which are the truth, and the scan over them;
//! - [`indexed`]: which rows the graph stands for, and which a search still scans;
//! - [`graph`]: the graph that names candidates;
//! - [`distances`]: what the graph measures by, for each metric;
//! - [`sums`]: the arithmetic of both.
//!
//! **What an answer is.** Scores are always computed from the vectors as they are now, deleted ones
//! are never found, and hits come by score, then id. Up to [`INDEX_ABOVE`] vectors, and always with
//! [`Search::Exact`], the answer is the exact one and the same bits on every run of one binary. Above
//! it an answer may miss a near one (the recall of the ten nearest is tested to be at least 0.95 at small
//! sizes, and measured at a million by `benches/nearest.rs`), and it depends on the calls before it:
//! the same calls since the collection was loaded, searches included, give the same answers, but a restart loads vectors in the order of their ids and begins
//! the graph anew, so answers before and after it may differ in what they miss.
//!
//! **How the index grows.** Vectors that are not in the graph are the tail; a search scans it and
//! asks the graph for the rest. Writes never insert: a new vector joins the tail, and so does one that
//! has moved too far. A search inserts about as much as costs what its own scan does. So no call
//! stalls, a collection that nobody searches pays nothing, and a graph that must begin anew (too
//! many tombstones, or a vector beyond its reach) costs no more than scanning again for a while.
//! What the graph does not find once it is in goes on being scanned.
//!
//! **What a vector costs in memory**, with `d` dimensions: `4d` bytes for the row, about 90 and twice
//! its id for finding it; in the graph another `4d`, and about 2,200 for the node and its edges
//! (measured: 340 and 2,800 bytes at 64 dimensions). Tombstones cost what nodes do, and are at most
//! half as many as the rows in the graph.
//!
//! Why: docs/decisions/0046-vectors-exact-then-indexed.md

mod distances;
mod exact;
mod graph;
mod indexed;
mod sums;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use tailrace_core::{
    ports::store::{Collection, Neighbour},
    vectors::{Metric, Search},
};

use self::{exact::Rows, graph::WIDTH, indexed::VectorIndex};

/// Rows that are scanned in the time in which a search of the graph holds one candidate more: it
/// jumps through memory about as often as the node of each has edges, while a scan streams. Measured
/// with `benches/nearest.rs`.
const ROWS_PER_CANDIDATE: usize = 1_000;

/// Up to this many vectors, a scan is as fast as the graph.
pub const INDEX_ABOVE: usize = WIDTH * ROWS_PER_CANDIDATE;

/// Vectors of one length with their ids.
pub struct VectorCollection {
    rows: Rows,
    search: Search,
    rows_per_candidate: usize,
    /// In a cell because a search lets it grow.
    index: RefCell<Option<VectorIndex>>,
}

impl VectorCollection {
    /// An empty collection.
    pub fn new(dimensions: usize, metric: Metric, search: Search) -> Self {
        Self {
            rows: Rows::new(dimensions, metric),
            search,
            rows_per_candidate: ROWS_PER_CANDIDATE,
            index: RefCell::new(None),
        }
    }

    fn index_above(&self) -> usize {
        WIDTH * self.rows_per_candidate
    }

    fn is_indexed(&self) -> bool {
        self.search == Search::Auto && self.rows.len() > self.index_above()
    }

    fn set(&mut self, id: &str, vector: &[f32]) {
        let known = self.rows.place(id);
        match known {
            Some(place) => self.rows.overwrite(place, vector),
            None => self.rows.push(id, vector),
        }
        match (self.index.get_mut(), known) {
            (Some(index), Some(place)) => index.moved(&self.rows, place),
            (Some(index), None) => index.added(),
            (None, _) => {}
        }
    }

    fn remove(&mut self, id: &str) {
        let Some(place) = self.rows.place(id) else {
            return;
        };
        self.rows.remove(place);
        if let Some(index) = self.index.get_mut() {
            index.removed(place);
        }
        // Half, so that a collection about this size does not begin one again and again.
        if self.rows.len() < self.index_above() / 2 {
            *self.index.get_mut() = None;
        }
    }

    fn found(&self, index: Option<&VectorIndex>, query: &[f32], k: usize) -> Vec<Neighbour> {
        let all = || self.rows.best(query, k, 0..self.rows.len());
        let Some(index) = index else {
            return all();
        };
        let Some(covered) = index.candidates(query, k, self.rows_per_candidate) else {
            return all();
        };
        self.rows
            .best(query, k, covered.into_iter().chain(index.to_scan()))
    }

    /// Puts part of the tail into the graph. An insertion costs about what a scan of half of
    /// `index_above` rows does, so the call takes about twice as long as without.
    fn grow(&self, index: &mut Option<VectorIndex>) {
        let scanned = index.as_ref().map_or(self.rows.len(), VectorIndex::scanned);
        self.grow_by(index, scanned.div_ceil(self.index_above() / 2));
    }

    /// Puts so many vectors into the graph. A short tail is left, because scanning it is next to
    /// nothing.
    fn grow_by(&self, index: &mut Option<VectorIndex>, insertions: usize) {
        let growing = index.get_or_insert_with(|| VectorIndex::new(&self.rows, self.index_above() / 16));
        growing.grow(&self.rows, insertions);
        if growing.is_spent() {
            *index = None;
        }
    }

    /// Lets the index take in up to so many vectors at once, as it would with the searches to come:
    /// a millisecond or two each.
    pub fn take_in(&self, vectors: usize) {
        if !self.is_indexed() {
            return;
        }
        let mut index = self.index.borrow_mut();
        self.grow_by(&mut index, vectors);
        // It was spent, and another is begun.
        if index.is_none() {
            self.grow_by(&mut index, vectors);
        }
    }
}

impl Collection for VectorCollection {
    fn dimensions(&self) -> usize {
        self.rows.dimensions
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn get(&self, id: &str) -> Option<&[f32]> {
        self.rows.place(id).map(|place| self.rows.row(place))
    }

    fn replace(&mut self, id: &str, vector: Option<&[f32]>) -> Option<Vec<f32>> {
        let before = self.get(id).map(<[f32]>::to_vec);
        match vector {
            Some(vector) => self.set(id, vector),
            None => self.remove(id),
        }
        before
    }

    fn nearest(&self, query: &[f32], k: usize) -> Vec<Neighbour> {
        if k == 0 || query.len() != self.rows.dimensions {
            return Vec::new();
        }
        let mut index = self.index.borrow_mut();
        let hits = self.found(index.as_ref(), query, k);
        if self.is_indexed() {
            self.grow(&mut index);
        }
        hits
    }
}
