//! The vectors themselves, and the search that is always right: all rows lie one behind the other,
//! so a search is one pass over memory. Every score that a collection gives is computed here, from
//! the row as it is now.
//!
//! - A row has a place, `0..len`, which changes when another row goes: nobody outside keeps one.
//! - Hits are ordered by score, then id, so the answer does not depend on places.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashMap},
};

use tailrace_core::{ports::store::Neighbour, vectors::Metric};

use super::sums::{dot, squared_distance};

/// Vectors of one length with their ids.
pub(super) struct Rows {
    pub(super) dimensions: usize,
    pub(super) metric: Metric,
    /// All vectors, one behind the other.
    numbers: Vec<f32>,
    ids: Vec<String>,
    /// Length of each vector, for the cosine and for the index.
    norms: Vec<f32>,
    places: HashMap<String, usize>,
}

impl Rows {
    pub(super) fn new(dimensions: usize, metric: Metric) -> Self {
        Self {
            dimensions,
            metric,
            numbers: Vec::new(),
            ids: Vec::new(),
            norms: Vec::new(),
            places: HashMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    pub(super) fn row(&self, place: usize) -> &[f32] {
        &self.numbers[place * self.dimensions..(place + 1) * self.dimensions]
    }

    pub(super) fn norm(&self, place: usize) -> f32 {
        self.norms[place]
    }

    /// The length that so many vectors exceed, at most; 0 of none.
    pub(super) fn norm_exceeded_by(&self, count: usize) -> f32 {
        let mut norms = self.norms.clone();
        if norms.is_empty() {
            return 0.0;
        }
        let count = count.min(norms.len() - 1);
        *norms.select_nth_unstable_by(count, |a, b| b.total_cmp(a)).1
    }

    /// A vector that is not there yet, behind all others.
    pub(super) fn push(&mut self, id: &str, vector: &[f32]) {
        self.places.insert(id.to_owned(), self.ids.len());
        self.ids.push(id.to_owned());
        self.norms.push(dot(vector, vector).sqrt());
        self.numbers.extend_from_slice(vector);
    }

    pub(super) fn overwrite(&mut self, place: usize, vector: &[f32]) {
        self.norms[place] = dot(vector, vector).sqrt();
        self.numbers[place * self.dimensions..(place + 1) * self.dimensions].copy_from_slice(vector);
    }

    /// Takes a row away; the last one takes its place.
    pub(super) fn remove(&mut self, place: usize) {
        let last = self.ids.len() - 1;
        let id = self.ids.swap_remove(place);
        self.places.remove(&id);
        self.norms.swap_remove(place);
        if place != last {
            self.numbers.copy_within(
                last * self.dimensions..(last + 1) * self.dimensions,
                place * self.dimensions,
            );
            self.places.insert(self.ids[place].clone(), place);
        }
        self.numbers.truncate(last * self.dimensions);
    }

    /// The `k` best of the rows at these places, best first.
    pub(super) fn best(
        &self,
        query: &[f32],
        k: usize,
        places: impl Iterator<Item = usize>,
    ) -> Vec<Neighbour> {
        let query_norm = dot(query, query).sqrt();
        let mut best: BinaryHeap<Hit<'_>> = BinaryHeap::with_capacity(k.min(self.len()) + 1);
        // The worst of the best, at hand: nearly all rows need no more than this comparison.
        let mut worst: Option<f32> = None;
        for place in places {
            let score = self.score(place, query, query_norm);
            if worst.is_some_and(|worst| score.total_cmp(&worst).is_lt()) {
                continue;
            }
            let id = &self.ids[place];
            best.push(Hit { score, id });
            if best.len() > k {
                best.pop();
            }
            if best.len() == k {
                worst = best.peek().map(|hit| hit.score);
            }
        }
        let neighbour = |hit: Hit<'_>| Neighbour {
            id: hit.id.to_owned(),
            score: hit.score,
        };
        best.into_sorted_vec().into_iter().map(neighbour).collect()
    }

    fn score(&self, place: usize, query: &[f32], query_norm: f32) -> f32 {
        let row = self.row(place);
        let score = match self.metric {
            Metric::Dot => dot(row, query),
            Metric::Cosine => {
                let norms = self.norms[place] * query_norm;
                if norms > 0.0 { dot(row, query) / norms } else { 0.0 }
            }
            Metric::Euclidean => -squared_distance(row, query).sqrt(),
        };
        // Turns -0 into 0: the order of hits would tell them apart.
        score + 0.0
    }
}

/// Ordered with the best first: the higher score, then the smaller id.
struct Hit<'a> {
    score: f32,
    id: &'a str,
}

impl Ord for Hit<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then_with(|| self.id.cmp(other.id))
    }
}

impl PartialOrd for Hit<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Hit<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Hit<'_> {}
