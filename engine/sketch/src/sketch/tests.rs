//! What holds for every kind: replay, encoding, hostile bytes, refusals.

use proptest::prelude::*;

use super::*;
use crate::{Answer, Query};

const KINDS: [Kind; 5] = [
    Kind::Quantiles,
    Kind::Distinct,
    Kind::Top,
    Kind::Seen,
    Kind::Sample,
];

fn seed() -> TenantSeed {
    TenantSeed::new(3, 4)
}

fn about(item: &str) -> Query {
    Query {
        quantiles: Vec::new(),
        item_hash: Some(crate::hash_item(seed(), item)),
        item: Some(item.to_owned()),
    }
}

fn update(kind: Kind, number: u32) -> Update {
    let item = number.to_string();
    match kind {
        Kind::Quantiles => Update::Observe((f64::from(number) - 500.0).powi(3)),
        Kind::Distinct => Update::Distinct(crate::hash_item(seed(), &item)),
        Kind::Top => Update::Count { item, times: 1 },
        Kind::Seen => Update::Seen(crate::hash_item(seed(), &item)),
        Kind::Sample => Update::Draw {
            rank: crate::rank(seed(), u64::from(number)),
            item,
        },
    }
}

fn empty(kind: Kind) -> Sketch {
    Sketch::new(&SketchConfig { kind, size: None }, seed())
}

fn of(kind: Kind, numbers: impl IntoIterator<Item = u32>) -> Sketch {
    let mut sketch = empty(kind);
    for number in numbers {
        sketch.apply(&update(kind, number)).unwrap();
    }
    sketch
}

/// Does all that can be done with a sketch; it must not panic.
fn use_it(mut sketch: Sketch) {
    let kind = sketch.kind();
    sketch.report(&about("17"));
    for number in 0..300 {
        let _ = sketch.apply(&update(kind, number));
    }
    let _ = sketch.merge(&of(kind, 0..300));
    let mut other = of(kind, 0..300);
    let _ = other.merge(&sketch);
    sketch.report(&Query::default());
    sketch.encode();
}

/// With a checksum that fits, as an attacker would.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&bytes[5..]).to_le_bytes();
    bytes[1..5].copy_from_slice(&checksum);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_sketch_reads_back_and_goes_on_as_if_it_had_never_been_written(
        before in prop::collection::vec(0_u32..2_000, 0..1_500),
        after in prop::collection::vec(0_u32..2_000, 0..300),
    ) {
        for kind in KINDS {
            let whole = of(kind, [before.clone(), after.clone()].concat());
            let mut read = Sketch::decode(&of(kind, before.clone()).encode()).unwrap();
            for number in &after {
                read.apply(&update(kind, *number)).unwrap();
            }
            prop_assert_eq!(read.encode(), whole.encode(), "{}", kind);
            prop_assert_eq!(read.report(&Query::default()), whole.report(&Query::default()));
        }
    }

    #[test]
    fn merging_sketches_of_parts_does_not_depend_on_their_number(
        numbers in prop::collection::vec((0_u32..2_000, 0_usize..7), 0..600),
    ) {
        for kind in [Kind::Quantiles, Kind::Distinct, Kind::Seen, Kind::Sample] {
            let in_parts = |parts: usize| {
                let part = |wanted| {
                    let own = numbers.iter().filter(move |(_, place)| place % parts == wanted);
                    of(kind, own.map(|(number, _)| *number))
                };
                let mut merged = empty(kind);
                (0..parts).for_each(|index| merged.merge(&part(index)).unwrap());
                merged.report(&about("17"))
            };
            let whole = in_parts(1);
            for parts in [4, 7] {
                let mut merged = in_parts(parts);
                // The last digits of a sum depend on the order.
                if let (Answer::Quantiles { sum, .. }, Answer::Quantiles { sum: other, .. }) = (&mut merged.answer, &whole.answer) {
                    *sum = *other;
                }
                prop_assert_eq!(&merged, &whole, "{} in {}", kind, parts);
            }
        }
    }

    #[test]
    fn merging_is_associative_and_commutative_and_the_sketch_of_the_union(
        one in prop::collection::vec(0_u32..90, 0..80),
        two in prop::collection::vec(0_u32..90, 0..80),
        three in prop::collection::vec(0_u32..90, 0..80),
    ) {
        for kind in KINDS {
            let merged = |parts: &[&Sketch]| {
                let mut sum = parts[0].clone();
                parts[1..].iter().for_each(|part| sum.merge(part).unwrap());
                sum
            };
            let [a, b, c] = [&one, &two, &three].map(|numbers| of(kind, numbers.clone()));
            let union = of(kind, [&one[..], &two, &three].concat());
            let left = merged(&[&merged(&[&a, &b]), &c]);
            let right = merged(&[&a, &merged(&[&b, &c])]);
            let turned = merged(&[&merged(&[&c, &b]), &a]);
            for sketch in [left, right, turned] {
                // Sums of these whole numbers are exact, so that all the bytes are the same.
                prop_assert_eq!(sketch.encode(), union.encode(), "{}", kind);
            }
        }
    }

    #[test]
    fn bytes_that_are_no_sketch_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Sketch::decode(&bytes).is_err());
    }

    #[test]
    fn merging_an_empty_sketch_changes_nothing(numbers in prop::collection::vec(0_u32..2_000, 0..600)) {
        for kind in [Kind::Quantiles, Kind::Distinct, Kind::Seen, Kind::Top] {
            let sketch = of(kind, numbers.clone());
            let (mut left, mut right) = (sketch.clone(), empty(kind));
            left.merge(&empty(kind)).unwrap();
            right.merge(&sketch).unwrap();
            prop_assert_eq!(left.count(), sketch.count());
            if kind != Kind::Top {
                prop_assert_eq!(left.encode(), sketch.encode(), "{}", kind);
                prop_assert_eq!(right.encode(), sketch.encode(), "{}", kind);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn crafted_bytes_with_a_good_checksum_are_refused_or_give_a_whole_sketch(
        kind in prop::sample::select(&KINDS[..]),
        filled in prop_oneof![0_u32..30, 300_u32..400],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = of(kind, 0..filled).encode();
        for (place, byte) in changes {
            let place = 5 + place.index(bytes.len() - 5);
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(5 + cut.index(bytes.len() - 5));
        }
        if let Ok(sketch) = Sketch::decode(&with_checksum(bytes)) {
            use_it(sketch);
        }
    }

    #[test]
    fn crafted_bodies_are_refused_or_give_a_whole_sketch(
        version in 1_u8..3,
        tag in 0_u8..6,
        body in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..3, Just(255)], 0..60),
    ) {
        let head = [version, 0, 0, 0, 0, tag];
        if let Ok(sketch) = Sketch::decode(&with_checksum([&head[..], &body].concat())) {
            use_it(sketch);
        }
    }
}

#[test]
fn every_single_byte_changed_in_small_sketches_is_refused_or_harmless() {
    for kind in KINDS {
        let bytes = of(kind, [1, 2]).encode();
        for place in 5..bytes.len() {
            for byte in [0, 1, 2, 3, 0x0f, 0x3f, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] = byte;
                if let Ok(sketch) = Sketch::decode(&with_checksum(changed)) {
                    use_it(sketch);
                }
            }
        }
    }
}

#[test]
fn every_cut_and_every_flip_is_noticed() {
    for kind in KINDS {
        let bytes = of(kind, 0..400).encode();
        for end in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
            assert!(Sketch::decode(&bytes[..end]).is_err());
            let mut flipped = bytes.clone();
            flipped[end] ^= 4;
            assert!(Sketch::decode(&flipped).is_err());
        }
    }
}

#[test]
fn an_update_of_another_kind_is_refused() {
    for sketch in KINDS {
        for other in KINDS.into_iter().filter(|other| *other != sketch) {
            let refusal = SketchError::WrongKind { kind: sketch };
            assert_eq!(empty(sketch).apply(&update(other, 1)), Err(refusal));
        }
    }
}

#[test]
fn sketches_of_other_kinds_sizes_and_tenants_do_not_merge() {
    let sketch = |kind, size, seed| Sketch::new(&SketchConfig { kind, size }, TenantSeed::new(seed, 0));
    let mut top = sketch(Kind::Top, Some(10), 1);
    for other in [
        sketch(Kind::Sample, Some(10), 1),
        sketch(Kind::Top, Some(20), 1),
        sketch(Kind::Top, Some(10), 2),
    ] {
        assert_eq!(top.merge(&other), Err(SketchError::Incompatible));
    }
    assert_eq!(top.merge(&sketch(Kind::Top, None, 1)), Ok(()));
}

#[test]
fn a_report_says_how_good_it_is_in_words_and_numbers() {
    let said = |kind, filled| {
        let report = of(kind, 0..filled).report(&about("7"));
        serde_json::to_value(report).unwrap()
    };
    let quantiles = said(Kind::Quantiles, 100);
    assert_eq!(quantiles["kind"], "quantiles");
    assert_eq!(quantiles["count"], 100);
    assert_eq!(
        quantiles["bound"],
        serde_json::json!({"type": "relative", "error": 0.01})
    );
    assert_eq!(quantiles["accuracy"], "within 1.000 % of the true value");
    assert_eq!(said(Kind::Distinct, 50)["answer"]["distinct"], 50.0);
    assert_eq!(said(Kind::Top, 100)["accuracy"], "exact");
    assert_eq!(said(Kind::Top, 300)["bound"]["type"], "above");
    assert_eq!(said(Kind::Top, 300)["answer"]["asked"], 1);
    assert_eq!(said(Kind::Seen, 300)["answer"]["seen"], true);
    assert_eq!(said(Kind::Seen, 3)["answer"]["seen"], false);
    assert_eq!(said(Kind::Sample, 5)["bound"]["type"], "exact");
    assert_eq!(said(Kind::Sample, 300)["bound"]["type"], "standard-error");
    assert_eq!(
        said(Kind::Sample, 300)["accuracy"],
        "uniform sample: a share of it has a standard error of at most 15.8 percentage points"
    );
}
