//! The stated error over the whole range of numbers, and the laws of merging.

use proptest::prelude::*;

use super::*;

/// Every finite number that is not subnormal, and many of the usual ones.
fn value() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, ZERO};
    prop_oneof![
        NORMAL | ZERO | POSITIVE | NEGATIVE,
        Just(0.0),
        -1e6..1e6,
        0.0..1.0,
        Just(f64::MAX),
        Just(f64::MIN),
        1e-300..1e-290,
        -1e300..-1e290,
    ]
}

fn of(values: &[f64]) -> Quantiles {
    let mut sketch = Quantiles::default();
    for value in values {
        sketch.observe(*value).unwrap();
    }
    sketch
}

fn exact(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(q * (sorted.len() - 1) as f64) as usize]
}

fn is_within_the_bound(found: f64, truth: f64) -> bool {
    // The share beyond 1 % is the rounding of the logarithm at the far ends of the range.
    (found - truth).abs() <= RELATIVE_ERROR * truth.abs() * (1.0 + 1e-9) + SMALLEST
}

fn bytes(sketch: &Quantiles) -> Vec<u8> {
    postcard::to_stdvec(sketch).unwrap()
}

/// All but the sum, which is the last field.
fn bytes_without_sum(sketch: &Quantiles) -> Vec<u8> {
    let mut bytes = bytes(sketch);
    bytes.truncate(bytes.len() - size_of::<f64>());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_quantile_is_within_the_stated_error(values in prop::collection::vec(value(), 1..200), q in 0.0..=1.0) {
        let sketch = of(&values);
        for q in [q, 0.0, 0.5, 0.99, 1.0] {
            let (found, truth) = (sketch.quantile(q).unwrap(), exact(&values, q));
            prop_assert!(is_within_the_bound(found, truth), "{found:e} for {truth:e} at {q}");
        }
    }

    #[test]
    fn numbers_of_every_sign_and_size_keep_the_error(
        scale in prop::sample::select(vec![f64::MIN_POSITIVE * 4.0, 1e-200, 1e-9, 1.0, 1e9, 1e200, f64::MAX / 4.0]),
        sign in prop::sample::select(vec![-1.0, 1.0]),
        parts in prop::collection::vec(0.25..4.0_f64, 1..100),
        zeros in 0_usize..20,
    ) {
        let mut values: Vec<f64> = parts.iter().map(|part| part * scale * sign).collect();
        values.extend(std::iter::repeat_n(0.0, zeros));
        let sketch = of(&values);
        for q in [0.0, 0.1, 0.5, 0.9, 1.0] {
            let (found, truth) = (sketch.quantile(q).unwrap(), exact(&values, q));
            // Without the allowance for what is too small to count: relative, at every size.
            let is_within = (found - truth).abs() <= RELATIVE_ERROR * truth.abs() * (1.0 + 1e-9);
            prop_assert!(is_within || truth.abs() <= SMALLEST, "{found:e} for {truth:e} at {q}");
        }
    }

    #[test]
    fn merging_is_the_sketch_of_the_union_in_any_order(
        one in prop::collection::vec(value(), 0..60),
        two in prop::collection::vec(value(), 0..60),
        three in prop::collection::vec(value(), 0..60),
    ) {
        let union = of(&[one.clone(), two.clone(), three.clone()].concat());
        let (one, two, three) = (of(&one), of(&two), of(&three));
        let (mut left, mut right, mut tail) = (one.clone(), three.clone(), two.clone());
        left.merge(&two).unwrap();
        left.merge(&three).unwrap();
        tail.merge(&one).unwrap();
        right.merge(&tail).unwrap();
        prop_assert_eq!(bytes_without_sum(&left), bytes_without_sum(&union));
        prop_assert_eq!(bytes_without_sum(&right), bytes_without_sum(&union));
        for q in [0.0, 0.01, 0.5, 0.9, 0.99, 1.0] {
            prop_assert_eq!(left.quantile(q), union.quantile(q));
        }
    }

    #[test]
    fn what_is_read_back_answers_the_same(values in prop::collection::vec(value(), 0..200)) {
        let sketch = of(&values);
        let read: Quantiles = postcard::from_bytes(&bytes(&sketch)).unwrap();
        prop_assert_eq!(bytes(&read), bytes(&sketch));
        prop_assert_eq!((read.count(), read.range()), (sketch.count(), sketch.range()));
        for q in [0.01, 0.5, 0.9, 0.99] {
            prop_assert_eq!(read.quantile(q), sketch.quantile(q));
        }
    }
}

#[test]
fn nan_and_infinities_are_refused() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Quantiles::default().observe(value), Err(SketchError::NotFinite));
    }
    assert_eq!(of(&[1.0]).quantile(2.0), None);
    assert_eq!(of(&[1.0]).quantile(f64::NAN), None);
    assert_eq!(Quantiles::default().quantile(0.5), None);
}

#[test]
fn values_that_span_all_numbers_keep_the_error() {
    let median = of(&[1e-8, 1e-7, 1e-6, 1e200, 1e201]).quantile(0.5).unwrap();
    assert!(is_within_the_bound(median, 1e-6), "{median:e}");
    let top = of(&[1.0, f64::MAX, f64::MAX]).quantile(0.5).unwrap();
    assert!(is_within_the_bound(top, f64::MAX), "{top:e}");
    assert_eq!(of(&[5e-324, 5e-324, 1.0]).quantile(0.4), Some(5e-324));
}

#[test]
fn a_sum_that_overflows_is_not_told() {
    assert_eq!(of(&[f64::MAX, f64::MAX]).sum(), None);
    assert_eq!(of(&[1.5, -0.25]).sum(), Some(1.25));
    assert_eq!(of(&[f64::MAX, f64::MAX]).quantile(1.0), Some(f64::MAX));
}

#[test]
fn counts_that_would_overflow_are_refused() {
    let mut full = of(&[1.0]);
    full.bins.add_with_count(1.0, MAX_COUNT - 1);
    assert_eq!(full.observe(1.0), Err(SketchError::Full));
    assert_eq!(full.merge(&of(&[1.0])), Err(SketchError::Full));
    assert_eq!(full.count(), MAX_COUNT);
}

#[test]
fn a_thousand_usual_values_take_less_than_a_kilobyte() {
    let values: Vec<f64> = (1..=1_000).map(f64::from).collect();
    let size = bytes(&of(&values)).len();
    assert!(size < 1_000, "{size}");
}

#[test]
fn bins_and_ranges_that_cannot_be_are_refused() {
    type Bins = Vec<(i32, u64)>;
    let read = |negative: Bins, zeros: u64, positive: Bins, range: Option<(f64, f64)>| {
        let bytes = postcard::to_stdvec(&(negative, zeros, positive, range, 0.0)).unwrap();
        postcard::from_bytes::<Quantiles>(&bytes)
    };
    let (one, range) = (vec![(5, 1)], Some((1.0, 2.0)));
    assert!(read(one.clone(), 1, one.clone(), range).is_ok());
    for bins in [
        vec![(36_000, 1)],
        vec![(-36_000, 1)],
        vec![(i32::MAX, 1)],
        vec![(5, 0)],
        vec![(5, 1), (0, 1)],
        vec![(5, 1), (i32::MAX, 1)],
        vec![(5, u64::MAX), (1, 1)],
    ] {
        assert!(read(bins.clone(), 0, vec![], range).is_err(), "{bins:?}");
        assert!(read(vec![], 0, bins.clone(), range).is_err(), "{bins:?}");
    }
    assert!(read(one.clone(), MAX_COUNT, vec![], range).is_err());
    for range in [
        None,
        Some((2.0, 1.0)),
        Some((f64::NAN, 1.0)),
        Some((0.0, f64::INFINITY)),
    ] {
        assert!(read(one.clone(), 0, vec![], range).is_err(), "{range:?}");
    }
    assert!(read(vec![], 0, vec![], range).is_err());
}
