//! The graph: a hierarchical navigable small world (Malkov and Yashunin, "Efficient and robust
//! approximate nearest neighbor search using Hierarchical Navigable Small World graphs", IEEE TPAMI
//! 2020), in the crate `hnsw_rs`. A node is a number and the vector that it was made with; what it
//! stands for, and whether it still does, is the index's affair.
//!
//! - Nodes are put in one at a time and levels come from the crate's fixed seed: the same calls give
//!   the same graph.
//! - The crate trims the edges of a full node to the nearest ones. Where vectors come in the order
//!   of their clusters this cuts off whole clusters (measured: recall@10 of 0.62 instead of 0.99). So
//!   a graph is asked whether it finds what was put in ([`Graph::finds`]), and the index puts in
//!   vectors from all over the collection.
//!
//! Why: docs/decisions/0046-vectors-exact-then-indexed.md

use hnsw_rs::hnsw::{Hnsw, PointId};

use super::distances::Distances;

/// Edges that a node may have; twice as many on the ground layer. The most that the paper reckons with:
/// a full node loses its far edges, and with 16 (32 on the ground) clusters lost those to others.
/// Of 300,000 vectors, 16, 32 and 48 edges had a recall@10 of 0.977, 0.987 and 0.997 at the same bytes a
/// vector (`benches/nearest.rs`, `-- 300000`).
const EDGES: usize = 48;
/// Layers. The crate has no more, and each has a forty-eighth of the nodes of the one below.
const LAYERS: usize = 16;
/// Candidates that an insertion holds, and a search where not more are asked for. The ten nearest of
/// clustered vectors are found at a recall of about 0.99, which leaves room for vectors that have
/// moved since they were put in.
pub(super) const WIDTH: usize = 128;
/// Candidates held to see whether a node is found, which is the nearest to itself.
const PROOF_WIDTH: usize = 32;

/// Vectors with edges between near ones.
pub(super) struct Graph {
    hnsw: Hnsw<'static, f32, Distances>,
    /// Where the crate keeps each node.
    points: Vec<PointId>,
    /// How many nodes the crate keeps on each layer.
    layers: [usize; LAYERS],
}

impl Graph {
    /// An empty graph.
    pub(super) fn new(distances: Distances) -> Self {
        Self {
            // The number of nodes to reserve for: it grows by itself.
            hnsw: Hnsw::new(EDGES, 0, LAYERS, WIDTH, distances),
            points: Vec::new(),
            layers: [0; LAYERS],
        }
    }

    pub(super) fn distances(&self) -> Distances {
        *self.hnsw.get_distance()
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// Puts in a vector, in its stored form. Nodes are numbered from 0.
    pub(super) fn insert(&mut self, stored: &[f32]) -> usize {
        let node = self.len();
        self.hnsw.insert_slice((stored, node));
        // The layer that has grown holds the new one as its last.
        let mut point = PointId::default();
        for (layer, known) in self.layers.iter_mut().enumerate() {
            let now = self.hnsw.get_point_indexation().get_layer_nb_point(layer);
            if now > *known {
                *known = now;
                point = PointId(layer as u8, now as i32 - 1);
            }
        }
        self.points.push(point);
        node
    }

    /// Whether a search for this node's own vector comes by it.
    pub(super) fn finds(&self, node: usize, stored: &[f32]) -> bool {
        self.nearest(stored, PROOF_WIDTH).any(|found| found == node)
    }

    /// The vector of a node, in its stored form.
    pub(super) fn stored(&self, node: usize) -> Option<Vec<f32>> {
        self.hnsw
            .get_point_indexation()
            .get_point_data(&self.points[node])
    }

    /// Up to `width` nodes near a query, nearest first.
    pub(super) fn nearest(&self, query: &[f32], width: usize) -> impl Iterator<Item = usize> {
        let found = self.hnsw.search(query, width, width);
        found.into_iter().map(|neighbour| neighbour.d_id)
    }
}
