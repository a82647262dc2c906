//! What the graph of the index measures by. The graph wants a distance: never negative, never "not a
//! number" (its crate asserts both), and, between stored vectors, a metric. A search through it only
//! ever compares the distances of stored vectors to one query, so there only their order counts.
//!
//! - **Euclidean**: the squared distance.
//! - **Cosine**: vectors are stored at length one; one minus the inner product is half of their
//!   squared distance. A zero vector stays one and is as far as a right angle, as its score says.
//! - **Dot**: an inner product is no metric, so a stored vector `x` is lifted to
//!   `(x, sqrt(M² - |x|²))`: all then lie on a sphere of radius `M`, and the order of their
//!   distances to `(q, 0)` is that of their inner products with `q` (Bachrach et al., "Speeding Up
//!   the Xbox Recommender System Using a Euclidean Transformation for Inner-Product Spaces", RecSys
//!   2014; also Neyshabur and Srebro, "On Symmetric and Asymmetric LSHs for Inner Product
//!   Search", ICML 2015). The distance to a query is that order itself, taken from the product: as
//!   a number, `M² + |q|² - 2qx` would drown the product where one long vector makes `M` large.

use hnsw_rs::anndists::dist::distances::Distance;
use tailrace_core::vectors::Metric;

use super::sums::{dot, squared_distance};

/// Longer vectors are not indexed: squares of their distances come near the end of what an `f32`
/// can hold (3.4e38).
const LARGEST_NORM: f32 = 1e18;

/// How far the radius lies beyond the longest vector, so that vectors that grow while they learn do
/// not ask for a new graph with every step.
const HEADROOM: f32 = 1.25;

/// The distance between stored vectors, and of a stored one to a query.
#[derive(Clone, Copy)]
pub(super) struct Distances {
    metric: Metric,
    /// No stored vector is longer; for the inner product, the radius `M`.
    radius: f32,
}

impl Distances {
    /// For vectors of up to this length and a little more.
    pub(super) fn reaching(metric: Metric, norm: f32) -> Self {
        let radius = match metric {
            Metric::Dot => LARGEST_NORM.min(HEADROOM * norm),
            Metric::Cosine | Metric::Euclidean => LARGEST_NORM,
        };
        Self { metric, radius }
    }

    /// The form in which a vector is stored; none where it is too long.
    pub(super) fn stored(self, vector: &[f32], norm: f32) -> Option<Vec<f32>> {
        if norm.is_nan() || norm > self.radius {
            return None;
        }
        let mut stored = self.query(vector, norm);
        if self.metric == Metric::Dot {
            let (radius, norm) = (f64::from(self.radius), f64::from(norm));
            stored.push((radius * radius - norm * norm).max(0.0).sqrt() as f32);
        }
        Some(stored)
    }

    /// The form in which a vector is searched for.
    pub(super) fn query(self, vector: &[f32], norm: f32) -> Vec<f32> {
        match self.metric {
            Metric::Cosine if norm > 0.0 => vector.iter().map(|number| number / norm).collect(),
            _ => vector.to_vec(),
        }
    }
}

impl Distance<f32> for Distances {
    fn eval(&self, one: &[f32], other: &[f32]) -> f32 {
        let distance = match self.metric {
            Metric::Cosine => 1.0 - dot(one, other),
            // A query has no lift, so it is shorter. The crate gives it first.
            Metric::Dot if one.len() < other.len() => descending(dot(one, &other[..one.len()])),
            Metric::Euclidean | Metric::Dot => squared_distance(one, other),
        };
        if distance.is_finite() {
            distance.max(0.0)
        } else {
            f32::MAX
        }
    }
}

/// Turns the order of numbers round, into numbers from 0 to 2: the bits of a float, with those of
/// negative ones inverted, are ordered like whole numbers; their complement, shifted past the sign
/// and the highest bit of the exponent, is a small float again. It costs the two lowest bits.
fn descending(number: f32) -> f32 {
    const SIGN: u32 = 1 << 31;
    let bits = number.to_bits();
    let ascending = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    f32::from_bits(!ascending >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descending_turns_the_order_round_and_stays_a_small_number() {
        let numbers = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1e9,
            -1.0,
            -1e-30,
            0.0,
            1e-30,
            0.5,
            0.500_001,
            3e7,
            f32::MAX,
            f32::INFINITY,
        ];
        let turned: Vec<_> = numbers.into_iter().map(descending).collect();
        assert!(turned.is_sorted_by(|a, b| a > b), "{turned:?}");
        assert!(turned.iter().all(|number| (0.0..2.0).contains(number)));
    }

    #[test]
    fn lifted_vectors_lie_on_one_sphere_in_the_order_of_their_products() {
        let distances = Distances::reaching(Metric::Dot, 5.0);
        let query = [1.0, -2.0];
        let products = [[3.0, 4.0], [0.0, 0.0], [1.0, 0.0], [1.0, -2.0]].map(|vector: [f32; 2]| {
            let stored = distances.stored(&vector, dot(&vector, &vector).sqrt()).unwrap();
            assert!((dot(&stored, &stored) - 39.0625).abs() < 1e-3);
            distances.eval(&query, &stored)
        });
        assert!(products.is_sorted_by(|a, b| a > b), "{products:?}");
    }

    #[test]
    fn what_cannot_be_measured_is_not_stored() {
        for metric in [Metric::Dot, Metric::Cosine, Metric::Euclidean] {
            let distances = Distances::reaching(metric, f32::NAN);
            assert!(distances.stored(&[1.0], 1.0).is_some());
            assert!(distances.stored(&[f32::MAX], f32::INFINITY).is_none());
            assert!(distances.stored(&[f32::NAN], f32::NAN).is_none());
        }
        let distances = Distances::reaching(Metric::Dot, 1.0);
        assert!(distances.stored(&[3.0], 3.0).is_none());
    }
}
