//! Uniformity, exact merging, repeatability, and what was written before.

use proptest::prelude::*;

use super::*;
use crate::rank;

const SIZE: usize = 10;

fn seed(seed: u64) -> TenantSeed {
    TenantSeed::new(seed, 7)
}

fn of(number: u64, items: impl IntoIterator<Item = u32>) -> Sample {
    let seed = seed(number);
    let mut sample = Sample::new(SIZE as u32, seed);
    for item in items {
        sample.offer(rank(seed, u64::from(item)), &item.to_string());
    }
    sample
}

/// How often each of a hundred items is kept over 2,000 seeds: 200 times is expected, with a standard
/// deviation of 13.4.
fn assert_uniform(sample: impl Fn(u64) -> Sample) {
    let mut taken = [0_u32; 100];
    for seed in 0..2_000 {
        let sample = sample(seed);
        assert_eq!((sample.kept.len(), sample.count()), (SIZE, 100));
        for item in sample.items() {
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

/// The first version, as it was: size, seed, then count, items and chain.
fn old(size: u32, count: u64, items: &[&str], chain: u64) -> Result<Sample, SketchError> {
    let bytes = postcard::to_stdvec(&(size, seed(1), (count, items, chain))).unwrap();
    let reservoir: Reservoir = postcard::from_bytes(&bytes).unwrap();
    Sample::try_from(reservoir)
}

#[test]
fn a_reservoir_of_before_goes_on_uniformly() {
    let firsts: Vec<String> = (0..20).map(|item: u32| item.to_string()).collect();
    assert_uniform(|number| {
        // A uniform sample of the first 20, drawn in another way.
        let mut drawn: Vec<&str> = firsts.iter().map(String::as_str).collect();
        let other = seed(number + 10_000);
        drawn.sort_by_key(|item| hash_item(other, item));
        let mut sample = old(SIZE as u32, 20, &drawn[..SIZE], mix(number)).unwrap();
        sample.seed = seed(number);
        for item in 20_u32..100 {
            sample.offer(rank(sample.seed, u64::from(item)), &item.to_string());
        }
        sample
    });
}

#[test]
fn updates_without_a_rank_are_sampled_too() {
    assert_uniform(|number| {
        let mut sample = Sample::new(SIZE as u32, seed(number));
        (0..100).for_each(|item: u32| sample.offer_unranked(&item.to_string()));
        sample
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_is_the_sample_of_the_union_in_any_order(parts in prop::collection::vec(0_u8..7, 0..200)) {
        let part = |wanted: u8| {
            let items = parts.iter().enumerate().filter(move |(_, part)| **part == wanted);
            of(1, items.map(|(item, _)| item as u32))
        };
        let whole = of(1, 0..parts.len() as u32);
        let mut forwards = part(0);
        (1..7).for_each(|next| forwards.merge(&part(next)).unwrap());
        let mut grouped = part(6);
        for pair in [(5, 4), (3, 2), (1, 0)] {
            let mut both = part(pair.0);
            both.merge(&part(pair.1)).unwrap();
            both.merge(&grouped).unwrap();
            grouped = both;
        }
        prop_assert_eq!(&forwards, &whole);
        prop_assert_eq!(&grouped, &whole);
    }
}

#[test]
fn few_items_are_all_kept_and_the_answer_is_exact() {
    let few = of(1, 0..9);
    let mut items: Vec<&str> = few.items().collect();
    items.sort_unstable();
    assert_eq!(few.bound(), Bound::Exact);
    assert_eq!(items, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
}

#[test]
fn the_same_items_give_the_same_sample_and_other_seeds_another() {
    assert_eq!(of(1, 0..500), of(1, 0..500));
    assert_ne!(of(1, 0..500).kept, of(2, 0..500).kept);
}

#[test]
fn samples_that_cannot_be_are_refused() {
    let is_refused = |size: u32, count: u64, kept: &[(u64, &str)]| {
        let bytes = postcard::to_stdvec(&(size, (1_u64, 2_u64), count, kept)).unwrap();
        postcard::from_bytes::<Sample>(&bytes).is_err()
    };
    assert!(!is_refused(2, 9, &[(1, "a"), (2, "b")]));
    assert!(!is_refused(2, 1, &[(1, "a")]));
    assert!(is_refused(2, 9, &[(2, "a"), (1, "b")]));
    assert!(is_refused(2, 9, &[(1, "a")]));
    assert!(is_refused(2, 0, &[(1, "a")]));
    assert!(is_refused(2, 9, &[(1, "a"), (2, "b"), (3, "c")]));
    assert!(is_refused(0, 0, &[]));
    assert!(is_refused(MAX_SIZE + 1, 0, &[]));
    assert!(is_refused(1, 1, &[(1, &"x".repeat(257))]));
    assert!(old(2, 9, &["a", "b"], 3).is_ok());
    assert!(old(2, 9, &["a"], 3).is_err() && old(0, 0, &[], 3).is_err());
}
