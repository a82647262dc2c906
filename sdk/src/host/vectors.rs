//! Collections of embeddings.

use super::Port;
use crate::Neighbour;

/// A named collection of embeddings of one length, with a metric.
pub struct Vectors<'a> {
    port: Port<'a>,
    collection: &'a str,
}

impl<'a> Vectors<'a> {
    pub(super) fn new(port: Port<'a>, collection: &'a str) -> Self {
        Self { port, collection }
    }

    /// The vector of an id.
    pub fn get(&mut self, id: &str) -> Option<Vec<f32>> {
        self.port.vector_get(self.collection, id)
    }

    /// Sets the vector of an id.
    pub fn set(&mut self, id: &str, vector: &[f32]) {
        self.port.vector_set(self.collection, id, vector);
    }

    /// Deletes an id, if it is there.
    pub fn delete(&mut self, id: &str) {
        self.port.vector_delete(self.collection, id);
    }

    /// The `k` nearest by the collection's metric, best first; a higher score is nearer under every
    /// metric (the negative distance, for the Euclidean).
    pub fn nearest(&mut self, query: &[f32], k: u32) -> Vec<Neighbour> {
        self.port.vectors_nearest(self.collection, query, k)
    }
}
