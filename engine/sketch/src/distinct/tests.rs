//! The error against theory, the laws of merging, and hostile registers.

use proptest::prelude::*;

use super::*;
use crate::{TenantSeed, hash_item, seed::mix};

fn of(seed: u64, items: std::ops::Range<u64>) -> Distinct {
    let mut sketch = Distinct::default();
    for item in items {
        sketch.insert(mix(mix(seed) ^ item));
    }
    sketch
}

fn bytes(sketch: &Distinct) -> Vec<u8> {
    postcard::to_stdvec(sketch).unwrap()
}

fn root_mean_square_error(truth: u64, seeds: u64, estimate: impl Fn(u64) -> f64) -> f64 {
    let squares: f64 = (0..seeds)
        .map(|seed| (estimate(seed) / truth as f64 - 1.0).powi(2))
        .sum();
    (squares / seeds as f64).sqrt()
}

/// Sparse, at the change to dense, linear counting, bias correction and beyond.
#[test]
fn the_error_over_many_seeds_is_that_of_theory_sparse_and_dense() {
    for truth in [100, 2_000, 6_000, 11_000, 20_000, 40_000, 100_000] {
        let error = root_mean_square_error(truth, 200, |seed| of(seed, 0..truth).estimate());
        assert!(error <= STANDARD_ERROR * 1.1, "{truth} items: RMS error {error}");
    }
}

#[test]
fn items_hashed_under_tenants_seeds_have_the_error_of_theory() {
    let error = root_mean_square_error(10_000, 200, |seed| {
        let mut sketch = Distinct::default();
        for item in 0..10_000 {
            sketch.insert(hash_item(TenantSeed::new(seed, !seed), &format!("user-{item}")));
        }
        sketch.estimate()
    });
    assert!(error <= STANDARD_ERROR * 1.1, "RMS error {error}");
}

#[test]
fn a_few_items_are_counted_exactly_in_few_bytes() {
    let sketch = of(1, 0..100);
    assert!((sketch.estimate() - 100.0).abs() < 0.5);
    assert!(bytes(&sketch).len() < 400, "{}", bytes(&sketch).len());
}

/// The ends of ranges of items: all sparse, all dense, mixed, and around the change.
fn end() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..300, 4_000_u64..6_500, 20_000_u64..30_000]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn merging_is_the_sketch_of_the_union_in_any_order(one in end(), two in end(), three in end()) {
        let sketch = |end: u64| of(1, end / 2..end);
        let (mut left, mut right) = (sketch(one), sketch(three));
        left.merge(&sketch(two)).unwrap();
        left.merge(&sketch(three)).unwrap();
        let mut tail = sketch(two);
        tail.merge(&sketch(one)).unwrap();
        right.merge(&tail).unwrap();
        let mut union = Distinct::default();
        for end in [one, two, three] {
            (end / 2..end).for_each(|item| union.insert(mix(mix(1) ^ item)));
        }
        prop_assert_eq!(bytes(&left), bytes(&union));
        prop_assert_eq!(bytes(&right), bytes(&union));
    }

    #[test]
    fn registers_from_anywhere_are_refused_or_whole(
        end in end(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut wire = wire::Wire::from(of(2, 0..end));
        for (place, byte) in places {
            // Half of the changes at the front, where the fields are that the crate trusts.
            let limit = if byte & 1 == 0 { wire.registers.len() } else { wire.registers.len().min(24) };
            let place = place.index(limit);
            wire.registers[place] = byte;
        }
        if let Ok(mut read) = Distinct::try_from(wire) {
            read.merge(&of(3, 0..30_000)).unwrap();
            prop_assert!(read.estimate().is_finite());
        }
    }
}

/// Whether a sketch is refused whose fields the change has been made to.
fn is_refused(items: u64, change: impl Fn(&mut wire::Mirror)) -> bool {
    let mut wire = wire::Wire::from(of(4, 0..items));
    let mut mirror: wire::Mirror = postcard::from_bytes(&wire.registers).unwrap();
    change(&mut mirror);
    wire.registers = postcard::to_stdvec(&mirror).unwrap();
    Distinct::try_from(wire).is_err()
}

#[test]
fn fields_that_do_not_fit_each_other_are_refused() {
    const FEW: u64 = 100;
    for items in [FEW, 30_000] {
        assert!(!is_refused(items, |_| {}));
        assert!(is_refused(items, |mirror| mirror.1 = 13));
        assert!(is_refused(items, |mirror| mirror.2.0 += 1));
        assert!(is_refused(items, |mirror| mirror.3.push(2)));
    }
    assert!(is_refused(FEW, |mirror| mirror.4.0 += 1));
    assert!(is_refused(FEW, |mirror| mirror.4.1 += 1));
    assert!(is_refused(FEW, |mirror| mirror.4.2.push(0)));
    assert!(is_refused(FEW, |mirror| mirror.5 = Some((vec![0; 3_277], 16_384, 16_384))));
}

#[test]
fn registers_that_no_hash_leads_to_are_refused() {
    const MANY: u64 = 30_000;
    fn dense(change: impl Fn(&mut (Vec<u32>, u64, u64))) -> bool {
        is_refused(MANY, |mirror| change(mirror.5.as_mut().unwrap()))
    }
    assert!(dense(|dense| dense.2 += 1));
    assert!(dense(|dense| dense.1 += 1));
    assert!(dense(|dense| dense.0.truncate(3_276)));
    assert!(dense(|dense| dense.0[0] |= 0x3f));
    assert!(dense(|dense| dense.0[0] |= 1 << 31));
    // The last word has four registers only.
    assert!(dense(|dense| dense.0[3_276] |= 1 << 24));
}

#[test]
fn sparse_codes_that_no_hash_leads_to_are_refused() {
    let is_code_refused = |code: u32| {
        is_refused(0, |mirror| {
            mirror.4 = (1, code, postcard::to_stdvec(&code).unwrap());
        })
    };
    assert!(!is_code_refused(1 << 1));
    assert!(!is_code_refused(1 << 18 | 40 << 1 | 1));
    let (no_zeros, too_many_zeros) = (1 << 18 | 1, 1 << 18 | 41 << 1 | 1);
    let (zeros_out_of_place, index_too_large, zeros_missing) = (1 << 7 | 3, 1 << 27 | 2, 1 << 12);
    for code in [
        no_zeros,
        too_many_zeros,
        zeros_out_of_place,
        index_too_large,
        zeros_missing,
    ] {
        assert!(is_code_refused(code), "{code:#x}");
    }
}
