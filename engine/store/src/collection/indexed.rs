//! The index of a collection: which rows the graph stands for, and which are still to be scanned. It
//! only names candidates; who asks scores them from the rows.
//!
//! - Every row is either covered, by one node of the graph, or in the tail, or it was refused.
//!   Whoever searches asks the graph and scans the others, so nothing is beyond reach.
//! - A covered row that has moved by more than [`DRIFT`] goes to the tail; one that moved less is
//!   left where it is, for candidates are many more than what is asked for.
//! - The crate cannot take a node out: the node of a row that goes stays as a tombstone, walked over
//!   and never named.
//! - A row whose length is beyond the reach of [`Distances`] stays in the tail. One that the graph does
//!   not find once it is in is refused: the next try would fare no better, and in a large collection
//!   the few of a hundred that this happens to would be all that is left of the tail in the end.
//! - An index is spent when tombstones are more than half of what it covers, or when it cannot take
//!   in what is in its tail. It is dropped then, and another begun.

use super::{
    distances::Distances,
    exact::Rows,
    graph::{Graph, WIDTH},
    sums::{dot, squared_distance},
};

/// How far a row may move from where it was put into the graph, as a share of its length.
const DRIFT: f32 = 0.1;
/// Rows of the tail that are looked at for one that can be put in. At most half are too long when an
/// index begins, so it means that they have grown.
const ATTEMPTS: usize = 64;
/// The index is spent when so many more rows in a row were refused than half of those that were not.
const REFUSALS: usize = 64;
/// The place of a tombstone.
const GONE: u32 = u32::MAX;

/// Where a row is. Numbers of 32 bits hold four billion rows, more than memory does.
#[derive(Clone, Copy)]
enum Slot {
    /// In the graph, as this node.
    Node(u32),
    /// In the tail, at this index.
    Tail(u32),
    /// Among the refused, at this index.
    Refused(u32),
}

/// A graph over part of a collection, and the tail.
pub(super) struct VectorIndex {
    graph: Graph,
    /// Place of the row of each node, or [`GONE`].
    places: Vec<u32>,
    /// What became of the row at each place.
    slots: Vec<Slot>,
    /// Places of the rows that are still to be put in.
    tail: Vec<u32>,
    /// Places of the rows that the graph did not find.
    refused: Vec<u32>,
    /// As long as the tail may stay.
    tail_kept: usize,
    /// Where in the tail a row was taken last.
    taken: usize,
    /// Two for a row that was refused, less one for each that was not.
    refusals: usize,
}

impl VectorIndex {
    /// An index that covers nothing yet.
    pub(super) fn new(rows: &Rows, tail_kept: usize) -> Self {
        // The longest vectors stay in the tail: one that is much longer than the others would spoil
        // the graph for all, and it is a likely answer anyway.
        let distances = Distances::reaching(rows.metric, rows.norm_exceeded_by(tail_kept / 2));
        Self {
            graph: Graph::new(distances),
            places: Vec::new(),
            slots: (0..rows.len() as u32).map(Slot::Tail).collect(),
            tail: (0..rows.len() as u32).collect(),
            refused: Vec::new(),
            tail_kept,
            taken: 0,
            refusals: 0,
        }
    }

    /// How many rows are in the graph.
    fn covered(&self) -> usize {
        self.slots.len() - self.scanned()
    }

    /// How many are not.
    pub(super) fn scanned(&self) -> usize {
        self.tail.len() + self.refused.len()
    }

    /// Places of the rows that are not in the graph.
    pub(super) fn to_scan(&self) -> impl Iterator<Item = usize> {
        let all = self.tail.iter().chain(&self.refused);
        all.map(|place| *place as usize)
    }

    /// Whether it is of no more use.
    pub(super) fn is_spent(&self) -> bool {
        let tombstones = self.graph.len() - self.covered();
        tombstones > self.covered() / 2 + REFUSALS || self.refusals > 2 * REFUSALS
    }

    /// A row was added behind the others.
    pub(super) fn added(&mut self) {
        let place = self.slots.len();
        self.slots.push(Slot::Tail(self.tail.len() as u32));
        self.tail.push(place as u32);
    }

    /// The row at this place was overwritten.
    pub(super) fn moved(&mut self, rows: &Rows, place: usize) {
        if let Slot::Node(node) = self.slots[place]
            && self.has_drifted(rows, place, node as usize)
        {
            self.places[node as usize] = GONE;
            self.slots[place] = Slot::Tail(self.tail.len() as u32);
            self.tail.push(place as u32);
        }
    }

    fn has_drifted(&self, rows: &Rows, place: usize, node: usize) -> bool {
        let Some(stored) = self.graph.stored(node) else {
            return true;
        };
        let before = &stored[..rows.dimensions];
        let now = self.graph.distances().query(rows.row(place), rows.norm(place));
        let limit = DRIFT * DRIFT * dot(before, before);
        let moved = squared_distance(before, &now);
        moved.is_nan() || moved > limit
    }

    /// The row at this place is gone, and the last one has taken the place.
    pub(super) fn removed(&mut self, place: usize) {
        match self.slots[place] {
            Slot::Node(node) => self.places[node as usize] = GONE,
            Slot::Tail(index) => self.leave_tail(index as usize),
            Slot::Refused(index) => {
                let index = index as usize;
                self.refused.swap_remove(index);
                if let Some(place) = self.refused.get(index) {
                    self.slots[*place as usize] = Slot::Refused(index as u32);
                }
            }
        }
        self.slots.swap_remove(place);
        match self.slots.get(place) {
            Some(Slot::Node(node)) => self.places[*node as usize] = place as u32,
            Some(Slot::Tail(index)) => self.tail[*index as usize] = place as u32,
            Some(Slot::Refused(index)) => self.refused[*index as usize] = place as u32,
            None => {}
        }
    }

    fn leave_tail(&mut self, index: usize) {
        self.tail.swap_remove(index);
        if let Some(place) = self.tail.get(index) {
            self.slots[*place as usize] = Slot::Tail(index as u32);
        }
    }

    /// Puts up to so many rows of the tail into the graph, unless it is short.
    pub(super) fn grow(&mut self, rows: &Rows, insertions: usize) {
        for _ in 0..insertions {
            if self.tail.len() <= self.tail_kept || self.is_spent() {
                return;
            }
            let Some((index, stored)) = self.next_fitting(rows) else {
                self.refusals = usize::MAX;
                return;
            };
            self.cover(index, &stored);
        }
    }

    /// A row of the tail that the graph reaches. Rows are taken from all over the tail, in steps of
    /// the golden section, because neighbours in a collection (by id, or by age) are often neighbours
    /// in space.
    fn next_fitting(&mut self, rows: &Rows) -> Option<(usize, Vec<f32>)> {
        for _ in 0..ATTEMPTS {
            let step = self.tail.len() * 618 / 1000 + 1;
            self.taken = (self.taken + step) % self.tail.len();
            let place = self.tail[self.taken] as usize;
            let stored = self.graph.distances().stored(rows.row(place), rows.norm(place));
            if let Some(stored) = stored {
                return Some((self.taken, stored));
            }
        }
        None
    }

    fn cover(&mut self, index: usize, stored: &[f32]) {
        let place = self.tail[index];
        let node = self.graph.insert(stored);
        self.leave_tail(index);
        if self.graph.finds(node, stored) {
            self.places.push(place);
            self.slots[place as usize] = Slot::Node(node as u32);
            self.refusals = self.refusals.saturating_sub(1);
        } else {
            self.places.push(GONE);
            self.slots[place as usize] = Slot::Refused(self.refused.len() as u32);
            self.refused.push(place);
            self.refusals += 2;
        }
    }

    /// Places of covered rows near the query, at least `k`, in no order. None where finding them would
    /// cost more than to scan all, at `rows_per_candidate` rows scanned for a candidate held.
    pub(super) fn candidates(
        &self,
        query: &[f32],
        k: usize,
        rows_per_candidate: usize,
    ) -> Option<Vec<usize>> {
        let distances = self.graph.distances();
        let query = distances.query(query, dot(query, query).sqrt());
        let mut width = WIDTH.max(k.saturating_mul(2));
        while width.saturating_mul(rows_per_candidate) < self.covered() {
            let places = self.graph.nearest(&query, width).map(|node| self.places[node]);
            let live = places.filter(|place| *place != GONE);
            let live: Vec<usize> = live.map(|place| place as usize).collect();
            // Fewer: the query is among tombstones, or in a part of the graph that is cut off.
            if live.len() >= width / 2 {
                return Some(live);
            }
            width *= 2;
        }
        None
    }
}
