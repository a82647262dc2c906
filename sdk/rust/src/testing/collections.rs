//! Vector collections with an exact search, written in place with a journal.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

use super::limits::check_key;
use crate::Neighbour;

/// The metric of a collection of a test host.
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::{Metric, TestHost}};
///
/// struct Keep;
///
/// impl Plugin for Keep {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Keep)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.vectors("items").set(&event.key, &[1.0, 1.0]);
///         Ok(Verdict::Forward)
///     }
/// }
///
/// let mut host = TestHost::of::<Keep>(())?.collection("items", 2, Metric::Cosine);
/// host.send(Event::new("shop.items", "").with_key("7")).unwrap();
/// assert!(host.vector("items", "7").is_some());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The inner product.
    Dot,
    /// The cosine of the angle. It is 0 if a vector has no length.
    Cosine,
    /// The Euclidean distance. The score is its negative.
    Euclidean,
}

impl Metric {
    fn score(self, left: &[f32], right: &[f32]) -> f32 {
        match self {
            Self::Dot => dot(left, right),
            Self::Cosine => {
                let lengths = (dot(left, left) * dot(right, right)).sqrt();
                if lengths > 0.0 {
                    dot(left, right) / lengths
                } else {
                    0.0
                }
            }
            Self::Euclidean => {
                let squares = left.iter().zip(right).map(|(left, right)| (left - right).powi(2));
                -squares.sum::<f32>().sqrt()
            }
        }
    }
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// Vectors of one length, one after the other, so that a search is one pass over memory.
struct Collection {
    dimensions: usize,
    metric: Metric,
    places: HashMap<String, usize>,
    ids: Vec<String>,
    values: Vec<f32>,
}

struct Undo {
    collection: String,
    id: String,
    before: Option<Vec<f32>>,
}

/// The collections that a pipeline declares.
#[derive(Default)]
pub(crate) struct Collections {
    by_name: BTreeMap<String, Collection>,
    journal: Vec<Undo>,
}

impl Collections {
    pub(super) fn declare(&mut self, name: &str, dimensions: usize, metric: Metric) {
        let collection = Collection {
            dimensions,
            metric,
            places: HashMap::new(),
            ids: Vec::new(),
            values: Vec::new(),
        };
        self.by_name.insert(name.to_owned(), collection);
    }

    pub(super) fn commit(&mut self) {
        self.journal.clear();
    }

    /// Writes of the event under way.
    pub(super) fn written(&self) -> usize {
        self.journal.len()
    }

    /// Takes back the latest writes, until so many are left.
    pub(super) fn roll_back(&mut self, writes_left: usize) {
        for Undo {
            collection,
            id,
            before,
        } in self.journal.split_off(writes_left).into_iter().rev()
        {
            self.named_mut(&collection).put(&id, before.as_deref());
        }
    }

    pub(crate) fn get(&self, collection: &str, id: &str) -> Option<&[f32]> {
        self.named(collection).get(id)
    }

    /// Sets an id, or deletes it with `None`.
    pub(crate) fn set(&mut self, collection: &str, id: &str, vector: Option<&[f32]>) {
        check_key("vector id", id);
        let held = self.named_mut(collection);
        if let Some(vector) = vector {
            held.check(collection, vector);
        }
        let before = held.get(id).map(<[f32]>::to_vec);
        held.put(id, vector);
        self.journal.push(Undo {
            collection: collection.to_owned(),
            id: id.to_owned(),
            before,
        });
    }

    pub(crate) fn nearest(&self, collection: &str, query: &[f32], k: u32) -> Vec<Neighbour> {
        let held = self.named(collection);
        held.check(collection, query);
        held.nearest(query, k as usize)
    }

    fn named(&self, name: &str) -> &Collection {
        self.by_name
            .get(name)
            .unwrap_or_else(|| panic!("{}", undeclared(name)))
    }

    fn named_mut(&mut self, name: &str) -> &mut Collection {
        self.by_name
            .get_mut(name)
            .unwrap_or_else(|| panic!("{}", undeclared(name)))
    }
}

/// The engine traps here; a test panics.
fn undeclared(name: &str) -> String {
    format!("the pipeline declares no collection {name:?}; declare it with TestHost::collection")
}

impl Collection {
    fn check(&self, name: &str, vector: &[f32]) {
        let (has, wants) = (vector.len(), self.dimensions);
        assert!(
            has == wants,
            "a vector of {has} dimensions for collection {name:?}, which has {wants}"
        );
        let finite = vector.iter().all(|number| number.is_finite());
        assert!(
            finite,
            "a vector for collection {name:?} holds a number that is not finite"
        );
    }

    fn at(&self, place: usize) -> &[f32] {
        &self.values[place * self.dimensions..(place + 1) * self.dimensions]
    }

    fn get(&self, id: &str) -> Option<&[f32]> {
        self.places.get(id).map(|place| self.at(*place))
    }

    fn put(&mut self, id: &str, vector: Option<&[f32]>) {
        match (self.places.get(id).copied(), vector) {
            (Some(place), Some(vector)) => {
                let from = place * self.dimensions;
                self.values[from..from + self.dimensions].copy_from_slice(vector);
            }
            (None, Some(vector)) => {
                self.places.insert(id.to_owned(), self.ids.len());
                self.ids.push(id.to_owned());
                self.values.extend_from_slice(vector);
            }
            (Some(place), None) => self.remove(place),
            (None, None) => {}
        }
    }

    /// The last vector moves into the gap.
    fn remove(&mut self, place: usize) {
        let last = self.ids.len() - 1;
        self.values
            .copy_within(last * self.dimensions.., place * self.dimensions);
        self.values.truncate(last * self.dimensions);
        let id = self.ids.swap_remove(place);
        self.places.remove(&id);
        if let Some(moved) = self.ids.get(place) {
            self.places.insert(moved.clone(), place);
        }
    }

    fn nearest(&self, query: &[f32], k: usize) -> Vec<Neighbour> {
        let mut scored: Vec<(f32, usize)> = (0..self.ids.len())
            .map(|place| (self.metric.score(self.at(place), query), place))
            .collect();
        let order = |left: &(f32, usize), right: &(f32, usize)| self.best_first(*left, *right);
        if k < scored.len() {
            scored.select_nth_unstable_by(k, order);
            scored.truncate(k);
        }
        scored.sort_unstable_by(order);
        scored
            .into_iter()
            .map(|(score, place)| Neighbour {
                id: self.ids[place].clone(),
                score,
            })
            .collect()
    }

    fn best_first(&self, left: (f32, usize), right: (f32, usize)) -> Ordering {
        right
            .0
            .total_cmp(&left.0)
            .then_with(|| self.ids[left.1].cmp(&self.ids[right.1]))
    }
}
