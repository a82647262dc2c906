//! A collection of vectors in memory, searched exactly: all rows lie one behind the other, so a
//! search is one pass over memory with sixteen sums side by side, which the compiler turns into
//! vector instructions.

use std::{cmp::Ordering, collections::BinaryHeap, collections::HashMap};

use tailrace_core::ports::store::{Collection, Metric, Neighbour};

/// Sums kept side by side.
const LANES: usize = 16;

/// Vectors of one length with their ids.
pub struct ExactCollection {
    dimensions: usize,
    metric: Metric,
    rows: Vec<f32>,
    ids: Vec<String>,
    /// Length of each vector, for the cosine.
    norms: Vec<f32>,
    places: HashMap<String, usize>,
}

impl ExactCollection {
    /// An empty collection.
    pub fn new(dimensions: usize, metric: Metric) -> Self {
        Self {
            dimensions,
            metric,
            rows: Vec::new(),
            ids: Vec::new(),
            norms: Vec::new(),
            places: HashMap::new(),
        }
    }

    fn row(&self, place: usize) -> &[f32] {
        &self.rows[place * self.dimensions..(place + 1) * self.dimensions]
    }

    fn set(&mut self, id: &str, vector: &[f32]) {
        let norm = dot(vector, vector).sqrt();
        if let Some(place) = self.places.get(id).copied() {
            self.rows[place * self.dimensions..(place + 1) * self.dimensions].copy_from_slice(vector);
            self.norms[place] = norm;
            return;
        }
        self.places.insert(id.to_owned(), self.ids.len());
        self.ids.push(id.to_owned());
        self.norms.push(norm);
        self.rows.extend_from_slice(vector);
    }

    /// The last row takes the place of the one that goes.
    fn remove(&mut self, id: &str) {
        let Some(place) = self.places.remove(id) else {
            return;
        };
        let last = self.ids.len() - 1;
        self.ids.swap_remove(place);
        self.norms.swap_remove(place);
        if place != last {
            self.rows.copy_within(
                last * self.dimensions..(last + 1) * self.dimensions,
                place * self.dimensions,
            );
            self.places.insert(self.ids[place].clone(), place);
        }
        self.rows.truncate(last * self.dimensions);
    }

    fn score(&self, place: usize, query: &[f32], query_norm: f32) -> f32 {
        let row = self.row(place);
        match self.metric {
            Metric::Dot => dot(row, query),
            Metric::Cosine => {
                let norms = self.norms[place] * query_norm;
                if norms > 0.0 { dot(row, query) / norms } else { 0.0 }
            }
            Metric::Euclidean => -squared_distance(row, query).sqrt(),
        }
    }
}

impl Collection for ExactCollection {
    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    fn get(&self, id: &str) -> Option<&[f32]> {
        self.places.get(id).map(|place| self.row(*place))
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
        if k == 0 || query.len() != self.dimensions {
            return Vec::new();
        }
        let query_norm = dot(query, query).sqrt();
        let mut best: BinaryHeap<Hit<'_>> = BinaryHeap::with_capacity(k.min(self.ids.len()) + 1);
        for (place, id) in self.ids.iter().enumerate() {
            let hit = Hit {
                score: self.score(place, query, query_norm),
                id,
            };
            if best.len() < k {
                best.push(hit);
            } else if best.peek().is_some_and(|worst| hit < *worst) {
                best.pop();
                best.push(hit);
            }
        }
        let neighbour = |hit: Hit<'_>| Neighbour {
            id: hit.id.to_owned(),
            score: hit.score,
        };
        best.into_sorted_vec().into_iter().map(neighbour).collect()
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

fn sum_of(one: &[f32], other: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let (ones, one_rest) = one.as_chunks::<LANES>();
    let (others, other_rest) = other.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in ones.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(a, b)| term(*a, *b)).sum();
    sums.iter().sum::<f32>() + rest
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    sum_of(one, other, |a, b| a * b)
}

fn squared_distance(one: &[f32], other: &[f32]) -> f32 {
    sum_of(one, other, |a, b| (a - b) * (a - b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(vectors: &[(String, Vec<f32>)], metric: Metric, query: &[f32], k: usize) -> Vec<String> {
        let score = |vector: &[f32]| {
            let product: f64 = vector.iter().zip(query).map(|(a, b)| f64::from(a * b)).sum();
            let norm = |v: &[f32]| v.iter().map(|a| f64::from(a * a)).sum::<f64>().sqrt();
            match metric {
                Metric::Dot => product,
                Metric::Cosine if norm(vector) * norm(query) > 0.0 => product / (norm(vector) * norm(query)),
                Metric::Cosine => 0.0,
                Metric::Euclidean => -vector
                    .iter()
                    .zip(query)
                    .map(|(a, b)| f64::from((a - b) * (a - b)))
                    .sum::<f64>(),
            }
        };
        let mut all: Vec<_> = vectors.iter().map(|(id, vector)| (score(vector), id)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        all.into_iter().take(k).map(|(_, id)| id.clone()).collect()
    }

    proptest! {
        /// Small whole numbers, so that ties are frequent and sums are exact.
        #[test]
        fn the_nearest_are_those_of_a_plain_scan(rows in prop::collection::vec(prop::collection::vec(-3_i8..4, 19), 0..40), query in prop::collection::vec(-3_i8..4, 19), gone in prop::collection::vec(0_usize..40, 0..10), k in 0_usize..12) {
            let floats = |row: &[i8]| row.iter().map(|n| f32::from(*n)).collect::<Vec<_>>();
            for metric in [Metric::Dot, Metric::Euclidean] {
                let mut collection = ExactCollection::new(19, metric);
                let mut model: Vec<(String, Vec<f32>)> = Vec::new();
                for (index, row) in rows.iter().enumerate() {
                    collection.replace(&index.to_string(), Some(&floats(row)));
                    model.push((index.to_string(), floats(row)));
                }
                for index in &gone {
                    collection.replace(&index.to_string(), None);
                    model.retain(|(id, _)| *id != index.to_string());
                }
                let found: Vec<_> = collection.nearest(&floats(&query), k).into_iter().map(|hit| hit.id).collect();
                prop_assert_eq!(found, naive(&model, metric, &floats(&query), k));
                prop_assert_eq!(collection.len(), model.len());
            }
        }
    }

    #[test]
    fn the_cosine_ignores_length_and_bears_zero_vectors() {
        let mut collection = ExactCollection::new(2, Metric::Cosine);
        collection.replace("long", Some(&[10.0, 1.0]));
        collection.replace("near", Some(&[0.1, 0.1]));
        collection.replace("zero", Some(&[0.0, 0.0]));
        let found: Vec<_> = collection
            .nearest(&[1.0, 1.0], 3)
            .into_iter()
            .map(|hit| hit.id)
            .collect();
        assert_eq!(found, ["near", "long", "zero"]);
        assert_eq!(collection.replace("near", None), Some(vec![0.1, 0.1]));
        assert_eq!(collection.get("zero"), Some(&[0.0, 0.0][..]));
    }
}
