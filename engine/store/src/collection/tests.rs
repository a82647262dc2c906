//! What the index finds against what there is, and when there is one. The collection against a
//! plain map is in [`model`].

use std::iter;

use self::samples::Samples;
use super::*;

mod model;
mod samples;

const DIMENSIONS: usize = 64;
/// So that few vectors are indexed, which is quick to build: above `WIDTH` times this.
const FEW_ROWS: usize = 14;
/// More than twice what is scanned at that.
const COUNT: usize = 4_000;

fn taking_rows(dimensions: usize, metric: Metric, rows_per_candidate: usize) -> VectorCollection {
    VectorCollection {
        rows_per_candidate,
        ..VectorCollection::new(dimensions, metric, Search::Auto)
    }
}

fn clustered(seed: u64) -> Samples {
    Samples::new(seed, DIMENSIONS, 20, 0.5)
}

/// A collection of which all that can be is in the graph.
fn indexed(metric: Metric, vectors: impl Iterator<Item = Vec<f32>>) -> VectorCollection {
    let mut collection = taking_rows(DIMENSIONS, metric, FEW_ROWS);
    for (index, vector) in vectors.enumerate() {
        collection.replace(&index.to_string(), Some(&vector));
    }
    collection.take_in(usize::MAX);
    collection
}

/// How many rows a search does not scan.
fn covered(collection: &VectorCollection) -> usize {
    let index = collection.index.borrow();
    collection.len() - index.as_ref().map_or(collection.len(), VectorIndex::scanned)
}

fn exact(collection: &VectorCollection, query: &[f32], k: usize) -> Vec<Neighbour> {
    collection.rows.best(query, k, 0..collection.len())
}

/// The share of the ten nearest that is found, over a hundred queries.
fn recall(collection: &VectorCollection, mut query: impl FnMut() -> Vec<f32>) -> f64 {
    let (mut found, mut wanted) = (0_u32, 0_u32);
    for query in iter::repeat_with(&mut query).take(100) {
        let truth = exact(collection, &query, 10);
        let hits = collection.nearest(&query, 10);
        found += truth.iter().filter(|hit| hits.contains(hit)).count() as u32;
        wanted += truth.len() as u32;
    }
    f64::from(found) / f64::from(wanted)
}

/// A vector moved aside by this share of its length.
fn nudged(vector: &[f32], share: f32, samples: &mut Samples) -> Vec<f32> {
    let length = |vector: &[f32]| sums::dot(vector, vector).sqrt();
    let step = samples.gaussian(vector.len());
    let scale = share * length(vector) / length(&step);
    let moved = vector.iter().zip(step).map(|(at, step)| at + scale * step);
    moved.collect()
}

/// Moves every vector by this share of its length.
fn nudge_all(collection: &mut VectorCollection, share: f32, samples: &mut Samples) {
    for index in 0..COUNT {
        let id = index.to_string();
        let vector = nudged(collection.get(&id).unwrap(), share, samples);
        collection.replace(&id, Some(&vector));
    }
}

fn finds_also_what_moves_and_comes_back(metric: Metric) {
    let mut samples = clustered(7);
    let mut collection = indexed(metric, iter::repeat_with(|| samples.vector()).take(COUNT));
    let begun = covered(&collection);
    assert!(begun > COUNT * 9 / 10, "{begun} of {COUNT}");
    let fresh = recall(&collection, || samples.vector());
    assert!(fresh >= 0.95, "{fresh}");

    nudge_all(&mut collection, 0.099, &mut clustered(8));
    assert_eq!(covered(&collection), begun, "what moved a little is left alone");
    let moved = recall(&collection, || samples.vector());
    assert!(moved >= 0.95, "{moved}");

    for index in (0..COUNT).step_by(5) {
        collection.replace(&index.to_string(), None);
        collection.replace(&(index + 1).to_string(), Some(&samples.vector()));
        collection.replace(&format!("back-{index}"), Some(&samples.vector()));
    }
    assert!(covered(&collection) <= begun * 2 / 3, "what moved far is scanned");
    collection.take_in(usize::MAX);
    assert!(
        covered(&collection) >= begun - COUNT / 100,
        "and then put in again"
    );
    let changed = recall(&collection, || samples.vector());
    assert!(changed >= 0.95, "{changed}");
}

#[test]
fn the_index_finds_the_greatest_products() {
    finds_also_what_moves_and_comes_back(Metric::Dot);
}

#[test]
fn the_index_finds_the_smallest_angles() {
    finds_also_what_moves_and_comes_back(Metric::Cosine);
}

#[test]
fn the_index_finds_the_shortest_distances() {
    finds_also_what_moves_and_comes_back(Metric::Euclidean);
}

#[test]
fn products_of_very_unequal_vectors_are_found() {
    let mut samples = clustered(3);
    let mut length = (0..COUNT).map(|index| match index {
        77 => 1e4,
        _ => 0.1 + 1.0 / (index % 97 + 1) as f32,
    });
    let vectors = iter::from_fn(|| {
        let length = length.next()?;
        Some(
            samples
                .vector()
                .into_iter()
                .map(|number| number * length)
                .collect(),
        )
    });
    let collection = indexed(Metric::Dot, vectors);
    assert!(covered(&collection) > COUNT * 9 / 10);
    let found = recall(&collection, || samples.vector());
    assert!(found >= 0.95, "{found}");
}

/// One cluster after the other, tight and far apart: the graph alone would lose most of them.
#[test]
fn clusters_that_come_one_after_another_are_found() {
    let cluster = |number: usize| Samples::new(number as u64, DIMENSIONS, 1, 0.05);
    let early = (0..20).flat_map(|number| {
        let mut samples = cluster(number);
        iter::repeat_with(move || samples.vector()).take(100)
    });
    let mut collection = indexed(Metric::Euclidean, early);
    for number in 20..25 {
        let mut samples = cluster(number);
        for index in 0..400 {
            collection.replace(&format!("late-{number}-{index}"), Some(&samples.vector()));
        }
        collection.take_in(usize::MAX);
    }
    assert!(covered(&collection) > COUNT * 9 / 10, "{}", covered(&collection));
    let mut numbers = (15..25).cycle();
    let mut query = || {
        nudged(
            &cluster(numbers.next().unwrap_or(0)).vector(),
            0.01,
            &mut clustered(1),
        )
    };
    let found = recall(&collection, &mut query);
    assert!(found >= 0.95, "{found}");
}

#[test]
fn a_crowd_of_equal_vectors_is_answered_by_id() {
    let vectors = iter::repeat_n(vec![1.0; DIMENSIONS], 2_000);
    let collection = indexed(Metric::Cosine, vectors);
    for _ in 0..100 {
        let query = vec![0.5; DIMENSIONS];
        assert_eq!(collection.nearest(&query, 5), exact(&collection, &query, 5));
    }
}

/// More of them than the graph tells apart, and than are left in the tail.
#[test]
fn what_the_graph_does_not_find_is_scanned_and_not_tried_for_ever() {
    let mut samples = clustered(5);
    let mut number = 0;
    let vectors = iter::repeat_with(|| {
        number += 1;
        if number % 8 == 0 {
            vec![1.0; DIMENSIONS]
        } else {
            samples.vector()
        }
    });
    let collection = indexed(Metric::Euclidean, vectors.take(COUNT));
    let begun = covered(&collection);
    assert!(begun > COUNT * 8 / 10 && begun < COUNT * 9 / 10, "{begun}");
    for _ in 0..1_000 {
        collection.nearest(&[1.0; DIMENSIONS], 1);
    }
    assert_eq!(covered(&collection), begun);
    let equal = [1.0; DIMENSIONS];
    assert_eq!(collection.nearest(&equal, 50), exact(&collection, &equal, 50));
}

#[test]
fn an_index_that_is_worn_out_begins_anew() {
    let mut samples = clustered(5);
    let mut collection = indexed(Metric::Dot, iter::repeat_with(|| samples.vector()).take(3_000));
    for index in 0..2_200 {
        collection.replace(&index.to_string(), Some(&samples.vector()));
    }
    let query = samples.vector();
    collection.nearest(&query, 1);
    assert!(collection.index.borrow().is_none());
    assert_eq!(collection.nearest(&query, 10), exact(&collection, &query, 10));
    collection.take_in(usize::MAX);
    assert!(covered(&collection) > 2_700);
}

#[test]
fn a_search_puts_in_no_more_than_a_few() {
    let mut samples = Samples::new(1, 4, 9, 0.5);
    let mut collection = taking_rows(4, Metric::Euclidean, 1);
    for index in 0..WIDTH * 5 / 2 {
        collection.replace(&index.to_string(), Some(&samples.vector()));
    }
    assert!(
        collection.index.borrow().is_none(),
        "who is not searched builds nothing"
    );
    let mut before = 0;
    while covered(&collection) < WIDTH {
        collection.nearest(&samples.vector(), 1);
        let now = covered(&collection);
        assert!(now <= before + 5, "{before} and then {now}");
        before = now;
    }
}

#[test]
fn the_same_calls_give_the_same_answers() {
    let run = || {
        let mut samples = clustered(11);
        let collection = indexed(Metric::Dot, iter::repeat_with(|| samples.vector()).take(3_000));
        let queries = iter::repeat_with(|| samples.vector()).take(50);
        let answers: Vec<_> = queries.map(|query| collection.nearest(&query, 20)).collect();
        answers
    };
    assert_eq!(run(), run());
}

#[test]
fn an_exact_collection_is_scanned_at_any_size() {
    let mut samples = clustered(2);
    let mut collection = VectorCollection::new(DIMENSIONS, Metric::Dot, Search::Exact);
    collection.rows_per_candidate = 1;
    for index in 0..1_000 {
        collection.replace(&index.to_string(), Some(&samples.vector()));
        let query = samples.vector();
        assert_eq!(collection.nearest(&query, 3), exact(&collection, &query, 3));
    }
    assert!(collection.index.borrow().is_none());
}

#[test]
fn up_to_its_size_a_collection_answers_as_a_plain_scan_does() {
    let mut samples = Samples::new(4, 4, 50, 0.5);
    let mut collection = VectorCollection::new(4, Metric::Cosine, Search::Auto);
    for index in 0..INDEX_ABOVE {
        collection.replace(&index.to_string(), Some(&samples.vector()));
    }
    for _ in 0..50 {
        let query = samples.vector();
        assert_eq!(collection.nearest(&query, 10), exact(&collection, &query, 10));
    }
    assert!(collection.index.borrow().is_none());
}

#[test]
fn the_cosine_ignores_length_and_bears_zero_vectors() {
    let mut collection = VectorCollection::new(2, Metric::Cosine, Search::Auto);
    collection.replace("long", Some(&[10.0, 1.0]));
    collection.replace("near", Some(&[0.1, 0.1]));
    collection.replace("zero", Some(&[0.0, 0.0]));
    let hits = collection.nearest(&[1.0, 1.0], 3);
    let found: Vec<_> = hits.into_iter().map(|hit| hit.id).collect();
    assert_eq!(found, ["near", "long", "zero"]);
    assert_eq!(collection.replace("near", None), Some(vec![0.1, 0.1]));
    assert_eq!(collection.get("zero"), Some(&[0.0, 0.0][..]));
}

/// Numbers that do not fit into the arithmetic, as a careless plugin may store them.
#[test]
fn absurd_numbers_do_no_harm() {
    for metric in [Metric::Dot, Metric::Cosine, Metric::Euclidean] {
        let mut samples = Samples::new(6, 4, 9, 0.5);
        let mut collection = taking_rows(4, metric, 1);
        for index in 0..600 {
            let scale = [1.0, 0.0, 1e-40, 1e30, f32::MAX][index % 5];
            let vector: Vec<_> = samples.vector().iter().map(|number| number * scale).collect();
            collection.replace(&(index % 400).to_string(), Some(&vector));
            assert_eq!(collection.nearest(&vector, 7).len(), collection.len().min(7));
        }
    }
}

#[test]
fn the_two_zeros_are_one_score() {
    let mut collection = VectorCollection::new(2, Metric::Dot, Search::Auto);
    collection.replace("a", Some(&[-1.0, 0.0]));
    collection.replace("b", Some(&[1.0, 0.0]));
    let hits = collection.nearest(&[0.0, 1.0], 2);
    let ids: Vec<_> = hits.iter().map(|hit| hit.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"], "{hits:?}");
}
