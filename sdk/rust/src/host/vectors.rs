//! Collections of embeddings.

use super::Port;
use crate::Neighbour;

/// A named collection of embeddings of one length with a metric.
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::{Metric, TestHost}};
///
/// struct Example;
///
/// impl Plugin for Example {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Example)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.vectors("items").set(&event.key, &[1.0, 0.5]);
///         Ok(Verdict::Drop)
///     }
/// }
///
/// let mut host = TestHost::of::<Example>(())?.collection("items", 2, Metric::Dot);
/// host.send(Event::new("shop.items", "").with_key("7")).unwrap();
/// assert_eq!(host.vector("items", "7"), Some(&[1.0, 0.5][..]));
/// # Ok::<(), String>(())
/// ```
pub struct Vectors<'a> {
    port: Port<'a>,
    collection: &'a str,
}

/// Reads, writes and searches vectors.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// fn similar(host: &mut Host<'_>, taste: &[f32]) -> Vec<Neighbour> {
///     host.vectors("items").nearest(taste, 10)
/// }
/// ```
impl<'a> Vectors<'a> {
    pub(super) fn new(port: Port<'a>, collection: &'a str) -> Self {
        Self { port, collection }
    }

    /// Returns the vector of an id.
    pub fn get(&mut self, id: &str) -> Option<Vec<f32>> {
        self.port.vector_get(self.collection, id)
    }

    /// Sets the vector of an id.
    pub fn set(&mut self, id: &str, vector: &[f32]) {
        self.port.vector_set(self.collection, id, vector);
    }

    /// Deletes an id if it is there.
    pub fn delete(&mut self, id: &str) {
        self.port.vector_delete(self.collection, id);
    }

    /// Returns the `k` nearest vectors, nearest first. A higher score is nearer under every metric. The Euclidean
    /// score is the negative distance.
    pub fn nearest(&mut self, query: &[f32], k: u32) -> Vec<Neighbour> {
        self.port.vectors_nearest(self.collection, query, k)
    }
}
