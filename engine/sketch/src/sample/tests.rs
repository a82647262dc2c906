//! Uniformity, alone and merged, and repeatability.

use super::*;
const SIZE: usize = 10;

fn of(seed: u64, items: std::ops::Range<u32>) -> Sample {
    let mut sample = Sample::new(SIZE as u32, TenantSeed::new(seed, 7));
    items.for_each(|item| sample.offer(&item.to_string()));
    sample
}

/// How often each of a hundred items is kept over 2,000 seeds: 200 times is expected, with a standard
/// deviation of 13.4.
fn assert_uniform(sample: impl Fn(u64) -> Sample) {
    let mut taken = [0_u32; 100];
    for seed in 0..2_000 {
        let sample = sample(seed);
        assert_eq!((sample.contents.items.len(), sample.count()), (SIZE, 100));
        for item in &sample.contents.items {
            taken[item.parse::<usize>().unwrap()] += 1;
        }
    }
    assert!(taken.iter().all(|count| (140..260).contains(count)), "{taken:?}");
    let chi_square: f64 = taken
        .iter()
        .map(|count| (f64::from(*count) - 200.0).powi(2) / 180.0)
        .sum();
    // 99 degrees of freedom: 0.1 % lie above 148.
    assert!(chi_square < 148.0, "{chi_square}");
}

#[test]
fn every_item_is_as_likely_as_any_other() {
    assert_uniform(|seed| of(seed, 0..100));
}

#[test]
fn every_item_of_a_merged_sample_is_as_likely_as_any_other() {
    for cut in [3, 10, 37, 95] {
        assert_uniform(|seed| {
            let mut merged = of(seed, 0..cut);
            merged.merge(&of(seed, cut..100)).unwrap();
            merged
        });
    }
}

#[test]
fn a_merged_sample_goes_on_uniformly() {
    assert_uniform(|seed| {
        let mut merged = of(seed, 0..20);
        merged.merge(&of(seed, 20..60)).unwrap();
        (60..100).for_each(|item| merged.offer(&item.to_string()));
        merged
    });
}

#[test]
fn merging_commutes_and_keeps_all_while_they_fit() {
    let (mut one, mut other) = (of(1, 0..50), of(1, 50..300));
    other.merge(&of(1, 0..50)).unwrap();
    one.merge(&of(1, 50..300)).unwrap();
    assert_eq!(one, other);

    let mut few = of(1, 0..4);
    few.merge(&of(1, 4..9)).unwrap();
    let mut items = few.items().to_vec();
    items.sort();
    assert_eq!(few.bound(), Bound::Exact);
    assert_eq!(items, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
}

#[test]
fn the_same_items_give_the_same_sample_and_other_seeds_another() {
    assert_eq!(of(1, 0..500), of(1, 0..500));
    assert_ne!(of(1, 0..500).contents.items, of(2, 0..500).contents.items);
}

#[test]
fn samples_that_cannot_be_are_refused() {
    let is_refused = |size: u32, count: u64, items: &[&str]| {
        let bytes = postcard::to_stdvec(&(size, (1_u64, 2_u64), (count, items, 0_u64))).unwrap();
        postcard::from_bytes::<Sample>(&bytes).is_err()
    };
    assert!(!is_refused(2, 9, &["a", "b"]));
    assert!(!is_refused(2, 1, &["a"]));
    assert!(is_refused(2, 9, &["a"]));
    assert!(is_refused(2, 0, &["a"]));
    assert!(is_refused(2, 9, &["a", "b", "c"]));
    assert!(is_refused(0, 0, &[]));
    assert!(is_refused(MAX_SIZE + 1, 0, &[]));
    assert!(is_refused(1, 1, &[&"x".repeat(257)]));
}
