//! Exact counts of few items, the bound for many, and the laws of merging.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
fn top() -> Top {
    Top::new(10, TenantSeed::new(1, 2))
}

fn of<'a>(items: impl IntoIterator<Item = &'a u32>) -> Top {
    let mut sketch = top();
    for item in items {
        sketch.count(&item.to_string(), 1);
    }
    sketch
}

fn truths<'a>(items: impl IntoIterator<Item = &'a u32>) -> BTreeMap<String, u64> {
    let mut truths = BTreeMap::new();
    for item in items {
        *truths.entry(item.to_string()).or_default() += 1;
    }
    truths
}

#[test]
fn few_items_are_counted_exactly() {
    let mut top = top();
    for item in 0..51_u64 {
        top.count(&format!("channel-{item}"), item + 1);
    }
    assert!(top.is_exact());
    let list = top.list();
    assert_eq!(list.len(), 10);
    assert_eq!((list[0], list[9]), (("channel-50", 51), ("channel-41", 42)));
}

#[test]
fn heavy_hitters_are_found_among_many_within_the_bound() {
    let mut top = top();
    for item in 0..20_000_u64 {
        top.count(&format!("rare-{item}"), 1);
        if item % 20 == 0 {
            top.count(&format!("heavy-{}", item / 20 % 5), 10);
        }
    }
    assert!(!top.is_exact());
    let bound = (EPSILON * top.total() as f64) as u64;
    for (item, count) in &top.list()[..5] {
        assert!(item.starts_with("heavy-"), "{item}");
        assert!((2_000..=2_000 + bound).contains(count), "{count}");
    }
}

#[test]
fn the_share_of_counts_beyond_the_bound_is_below_the_stated_probability() {
    let mut top = top();
    for item in 0..60_000_u64 {
        top.count(&(item % 20_000).to_string(), 1 + item % 7);
    }
    let bound = (EPSILON * top.total() as f64) as u64;
    let truth = |item: u64| (0..3).map(|round| 1 + (item + round * 20_000) % 7).sum::<u64>();
    let beyond = (0..20_000).filter(|item| top.estimate(&item.to_string()) > truth(*item) + bound);
    assert!((beyond.count() as f64) < DELTA * 20_000.0);
}

#[test]
fn counts_of_zero_change_nothing_and_large_ones_do_not_overflow() {
    let mut top = top();
    (0..1_000).for_each(|item| top.count(&item.to_string(), 0));
    assert!(top.is_exact() && top.list().is_empty());
    top.count("item", u64::MAX);
    top.count("item", 5);
    top.merge(&top.clone()).unwrap();
    assert_eq!((top.total(), top.estimate("item")), (u64::MAX, u64::MAX));
}

#[test]
fn long_items_are_kept_short_and_found_again() {
    let (mut top, long) = (top(), "x".repeat(1_000_000));
    top.count(&long, 3);
    assert!(top.list()[0].0.len() <= 256);
    assert_eq!((top.estimate(&long), top.estimate(&long[1..])), (3, 0));
}

#[test]
fn lists_that_cannot_be_are_refused() {
    let is_refused = |size: u32, cells: usize, items: Vec<(String, u64)>| {
        let bytes = postcard::to_stdvec(&(size, (1_u64, 2_u64), vec![0_u64; cells], items, 0_u64)).unwrap();
        postcard::from_bytes::<Top>(&bytes).is_err()
    };
    let item = |name: &str| (name.to_owned(), 1);
    assert!(!is_refused(10, 0, vec![item("a"), item("b")]));
    assert!(!is_refused(10, WIDTH * DEPTH, vec![item("a")]));
    assert!(is_refused(10, WIDTH * DEPTH - 1, vec![item("a")]));
    assert!(is_refused(0, 0, vec![]));
    assert!(is_refused(MAX_SIZE + 1, 0, vec![]));
    assert!(is_refused(10, 0, vec![item("a"), item("a")]));
    assert!(is_refused(10, 0, vec![("a".to_owned(), 0)]));
    assert!(is_refused(10, 0, vec![item(&"x".repeat(257))]));
    let numbered = |count: u32| (0..count).map(|number| item(&number.to_string())).collect();
    assert!(!is_refused(10, 0, numbered(128)));
    assert!(is_refused(10, 0, numbered(129)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn merging_few_items_is_exact_and_in_any_order(
        one in prop::collection::vec(0_u32..128, 0..300),
        two in prop::collection::vec(0_u32..128, 0..300),
        three in prop::collection::vec(0_u32..128, 0..300),
    ) {
        let bytes = |sketch: &Top| postcard::to_stdvec(sketch).unwrap();
        let union = of(one.iter().chain(&two).chain(&three));
        let (mut left, mut right, mut tail) = (of(&one), of(&three), of(&two));
        left.merge(&of(&two)).unwrap();
        left.merge(&of(&three)).unwrap();
        tail.merge(&of(&one)).unwrap();
        right.merge(&tail).unwrap();
        prop_assert_eq!(bytes(&left), bytes(&union));
        prop_assert_eq!(bytes(&right), bytes(&union));
    }

    #[test]
    fn merging_many_items_adds_the_counters_exactly_and_commutes(
        one in prop::collection::vec(0_u32..600, 0..800),
        two in prop::collection::vec(0_u32..600, 0..800),
    ) {
        let union = of(one.iter().chain(&two));
        let (mut merged, mut other_way) = (of(&one), of(&two));
        merged.merge(&of(&two)).unwrap();
        other_way.merge(&of(&one)).unwrap();
        prop_assert_eq!(merged.list(), other_way.list());
        prop_assert_eq!(merged.total(), union.total());
        prop_assert_eq!(merged.cells, union.cells);
    }

    #[test]
    fn no_count_is_too_low(
        one in prop::collection::vec(0_u32..600, 0..800),
        two in prop::collection::vec(0_u32..600, 0..800),
    ) {
        let mut merged = of(&one);
        merged.merge(&of(&two)).unwrap();
        for sketch in [merged, of(one.iter().chain(&two))] {
            for (item, truth) in truths(one.iter().chain(&two)) {
                prop_assert!(sketch.estimate(&item) >= truth);
            }
        }
    }
}
