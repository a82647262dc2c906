//! The collection against a plain map and a plain scan, under any calls.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{samples::Samples, *};

#[derive(Debug, Clone)]
enum Call {
    Set(u16, [i8; 4]),
    Nudge(u16),
    Delete(u16),
    Nearest([i8; 4], usize),
}

fn call() -> impl Strategy<Value = Call> {
    let id = 0_u16..500;
    prop_oneof![
        4 => (id.clone(), any::<[i8; 4]>()).prop_map(|(id, vector)| Call::Set(id, vector)),
        4 => id.clone().prop_map(Call::Nudge),
        2 => id.prop_map(Call::Delete),
        4 => (any::<[i8; 4]>(), 1_usize..20).prop_map(|(query, k)| Call::Nearest(query, k)),
    ]
}

fn floats(row: [i8; 4]) -> Vec<f32> {
    row.map(f32::from).to_vec()
}

/// The score by another way, with numbers that are exact.
fn score(metric: Metric, vector: &[f32], query: &[f32]) -> f64 {
    let pairs = || {
        vector
            .iter()
            .zip(query)
            .map(|(a, b)| (f64::from(*a), f64::from(*b)))
    };
    let product = pairs().map(|(a, b)| a * b).sum::<f64>();
    let norms = pairs().map(|(a, _)| a * a).sum::<f64>() * pairs().map(|(_, b)| b * b).sum::<f64>();
    let score = match metric {
        Metric::Dot => product,
        Metric::Cosine if norms > 0.0 => product / norms.sqrt(),
        Metric::Cosine => 0.0,
        Metric::Euclidean => -pairs().map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt(),
    };
    score + 0.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A collection that is indexed above 128 vectors, from 400 on.
    #[test]
    fn every_hit_is_there_and_has_its_score_of_now(metric in prop_oneof![Just(Metric::Dot), Just(Metric::Cosine), Just(Metric::Euclidean)], calls in prop::collection::vec(call(), 0..600)) {
        let mut samples = Samples::new(9, 4, 5, 0.5);
        let mut collection = taking_rows(4, metric, 1);
        let mut model: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        for id in 0..400 {
            let vector: Vec<_> = samples.vector().iter().map(|number| number * 50.0).collect();
            prop_assert_eq!(collection.replace(&id.to_string(), Some(&vector)), None);
            model.insert(id.to_string(), vector);
        }
        collection.take_in(usize::MAX);
        for call in calls {
            match call {
                Call::Set(id, vector) => {
                    let (id, vector) = (id.to_string(), floats(vector));
                    prop_assert_eq!(collection.replace(&id, Some(&vector)), model.insert(id, vector));
                }
                Call::Nudge(id) => {
                    let id = id.to_string();
                    let Some(vector) = model.get_mut(&id) else { continue };
                    *vector = nudged(vector, 0.05, &mut samples);
                    collection.replace(&id, Some(vector));
                }
                Call::Delete(id) => {
                    let id = id.to_string();
                    prop_assert_eq!(collection.replace(&id, None), model.remove(&id));
                }
                Call::Nearest(query, k) => {
                    let query = floats(query);
                    let hits = collection.nearest(&query, k);
                    prop_assert_eq!(hits.len(), k.min(model.len()));
                    prop_assert!(hits.is_sorted_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)).is_lt()));
                    for hit in hits {
                        let vector = model.get(&hit.id);
                        let now = score(metric, vector.unwrap(), &query);
                        prop_assert!((f64::from(hit.score) - now).abs() <= 1e-5 * now.abs().max(1.0), "{hit:?} {now}");
                    }
                }
            }
            prop_assert_eq!(collection.len(), model.len());
        }
        for (id, vector) in &model {
            prop_assert_eq!(collection.get(id), Some(&vector[..]));
        }
    }

    /// Small whole numbers, so that ties are frequent and sums are exact.
    #[test]
    fn the_nearest_are_those_of_a_plain_scan(rows in prop::collection::vec(any::<[i8; 4]>(), 0..40), query in any::<[i8; 4]>(), gone in prop::collection::vec(0_usize..40, 0..10), k in 0_usize..12) {
        for metric in [Metric::Dot, Metric::Euclidean] {
            let query = floats(query.map(|number| number % 4));
            let mut collection = VectorCollection::new(4, metric, Search::Auto);
            let mut model: BTreeMap<String, Vec<f32>> = BTreeMap::new();
            for (index, row) in rows.iter().enumerate() {
                let row = floats(row.map(|number| number % 4));
                collection.replace(&index.to_string(), Some(&row));
                model.insert(index.to_string(), row);
            }
            for index in &gone {
                collection.replace(&index.to_string(), None);
                model.remove(&index.to_string());
            }
            let mut all: Vec<_> = model.iter().map(|(id, row)| (score(metric, row, &query), id)).collect();
            all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
            let wanted: Vec<_> = all.into_iter().take(k).map(|(_, id)| id.clone()).collect();
            let found: Vec<_> = collection.nearest(&query, k).into_iter().map(|hit| hit.id).collect();
            prop_assert_eq!(found, wanted);
            prop_assert_eq!(collection.len(), model.len());
        }
    }
}
