//! A collection of vectors, searched exactly.

use std::collections::BTreeMap;

use tailrace_core::{
    ports::store::{Collection, Neighbour},
    vectors::Metric,
};

/// Such a collection.
pub(super) struct MemoryCollection {
    pub(super) dimensions: usize,
    pub(super) metric: Metric,
    pub(super) vectors: BTreeMap<String, Vec<f32>>,
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

fn score(metric: Metric, one: &[f32], other: &[f32]) -> f32 {
    match metric {
        Metric::Dot => dot(one, other),
        Metric::Cosine => {
            let lengths = (dot(one, one) * dot(other, other)).sqrt();
            if lengths == 0.0 {
                0.0
            } else {
                dot(one, other) / lengths
            }
        }
        Metric::Euclidean => {
            let squares = one.iter().zip(other).map(|(a, b)| (a - b) * (a - b));
            -squares.sum::<f32>().sqrt()
        }
    }
}

impl Collection for MemoryCollection {
    fn dimensions(&self) -> usize {
        self.dimensions
    }
    fn len(&self) -> usize {
        self.vectors.len()
    }
    fn get(&self, id: &str) -> Option<&[f32]> {
        self.vectors.get(id).map(Vec::as_slice)
    }
    fn replace(&mut self, id: &str, vector: Option<&[f32]>) -> Option<Vec<f32>> {
        match vector {
            Some(vector) => self.vectors.insert(id.to_owned(), vector.to_vec()),
            None => self.vectors.remove(id),
        }
    }
    fn nearest(&self, query: &[f32], k: usize) -> Vec<Neighbour> {
        let score = |(id, vector): (&String, &Vec<f32>)| Neighbour {
            id: id.clone(),
            score: score(self.metric, query, vector),
        };
        let mut all: Vec<_> = self.vectors.iter().map(score).collect();
        // Stable, so equal scores stay in the order of ids.
        all.sort_by(|one, other| other.score.total_cmp(&one.score));
        all.truncate(k);
        all
    }
}
