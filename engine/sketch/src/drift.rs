//! How far two sketches of one kind are apart, as one number.
//!
//! - `quantiles`: the Kolmogorov-Smirnov statistic, the largest distance of the two distribution functions, 0 to 1
//!   (Kolmogorov, "Sulla determinazione empirica di una legge di distribuzione", 1933). Both sketches have the same
//!   borders of bins, and at these the functions are exact. So the answer is never too large, and too small by at most
//!   what lies within one bin, 2 % wide.
//! - `top`: the population stability index, the sum of `(p - q) ln(p / q)` over the shares of the items (Siddiqi,
//!   "Credit Risk Scorecards", 2006). Below 0.1 little has changed, above 0.25 much has. Items that neither shows are
//!   taken together. A share of nothing counts as a ten-thousandth.
//! - `distinct`: the Jaccard distance, the share of the values of both that only one of them has, 0 to 1, from the
//!   estimated sizes of both and of their union.

use std::collections::BTreeSet;

use crate::{Sketch, SketchError, Top};

/// What a share of nothing counts as: its logarithm would be infinite.
const LEAST_SHARE: f64 = 1e-4;

impl Sketch {
    /// How far this one is from a base; none where one of them is empty, or where their kind knows no distance.
    pub fn drift(&self, base: &Self) -> Result<Option<f64>, SketchError> {
        if self.count() == 0 || base.count() == 0 {
            return Ok(None);
        }
        match (self, base) {
            (Self::Quantiles(own), Self::Quantiles(base)) => {
                Ok(Some(furthest(&own.shares(), &base.shares())))
            }
            (Self::Top(own), Self::Top(base)) => Ok(Some(stability(own, base))),
            (Self::Distinct(own), Self::Distinct(base)) => {
                let mut both = own.clone();
                both.merge(base)?;
                let (own, base, union) = (own.estimate(), base.estimate(), both.estimate());
                let shared = (own + base - union).max(0.0);
                Ok(Some((1.0 - shared / union.max(1.0)).clamp(0.0, 1.0)))
            }
            _ => Ok(None),
        }
    }
}

/// The largest distance of two distribution functions, given as the share of each bin, in ascending order.
fn furthest(one: &[(f64, f64)], other: &[(f64, f64)]) -> f64 {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let (mut below_one, mut below_other, mut furthest) = (0.0_f64, 0.0_f64, 0.0_f64);
    loop {
        let border = match (one.peek(), other.peek()) {
            (None, None) => return furthest,
            (Some((bin, _)), None) | (None, Some((bin, _))) => *bin,
            (Some((one, _)), Some((other, _))) => one.min(*other),
        };
        for (bins, below) in [(&mut one, &mut below_one), (&mut other, &mut below_other)] {
            if let Some((_, share)) = bins.next_if(|(bin, _)| *bin <= border) {
                *below += share;
            }
        }
        furthest = furthest.max((below_one - below_other).abs());
    }
}

fn stability(own: &Top, base: &Top) -> f64 {
    let shown = |top: &Top| {
        top.list()
            .into_iter()
            .map(|(item, _)| item.to_owned())
            .collect::<BTreeSet<_>>()
    };
    let items = &shown(own) | &shown(base);
    let share = |top: &Top, item: &str| top.estimate(item) as f64 / top.total() as f64;
    let shares = items.iter().map(|item| (share(own, item), share(base, item)));
    let shares: Vec<_> = shares.collect();
    let rest = |shares: f64| (1.0 - shares).max(0.0);
    let rests = (
        rest(shares.iter().map(|(own, _)| own).sum()),
        rest(shares.iter().map(|(_, base)| base).sum()),
    );
    // Where both show all their items, there is no rest to compare.
    let rests = Some(rests).filter(|(own, base)| own.max(*base) > LEAST_SHARE);
    let index = |(own, base): (f64, f64)| {
        let (own, base) = (own.max(LEAST_SHARE), base.max(LEAST_SHARE));
        (own - base) * (own / base).ln()
    };
    shares.into_iter().chain(rests).map(index).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Kind, SketchConfig, TenantSeed, Update, hash_item};

    fn sketch(kind: Kind, updates: impl IntoIterator<Item = Update>) -> Sketch {
        let mut sketch = Sketch::new(&SketchConfig { kind, size: Some(20) }, TenantSeed::new(1, 2));
        for update in updates {
            sketch.apply(&update).unwrap();
        }
        sketch
    }

    fn numbers(values: &[f64]) -> Sketch {
        sketch(
            Kind::Quantiles,
            values.iter().map(|value| Update::Observe(*value)),
        )
    }

    fn items(items: &[(&str, u64)]) -> Sketch {
        let counted = items.iter().map(|(item, times)| Update::Count {
            item: (*item).to_owned(),
            times: *times,
        });
        sketch(Kind::Top, counted)
    }

    /// The statistic as its definition has it.
    fn exact(one: &[f64], other: &[f64]) -> f64 {
        let below = |values: &[f64], border: f64| {
            values.iter().filter(|value| **value <= border).count() as f64 / values.len() as f64
        };
        let borders = one.iter().chain(other);
        borders
            .map(|border| (below(one, *border) - below(other, *border)).abs())
            .fold(0.0, f64::max)
    }

    #[test]
    fn of_nothing_there_is_no_distance() {
        assert_eq!(numbers(&[]).drift(&numbers(&[1.0])).unwrap(), None);
        assert_eq!(numbers(&[1.0]).drift(&numbers(&[])).unwrap(), None);
    }

    #[test]
    fn the_same_is_not_apart_and_nothing_in_common_is_wholly() {
        let (low, high) = (numbers(&[-2.0, 0.0, 1.0]), numbers(&[10.0, 20.0]));
        assert_eq!(low.drift(&low).unwrap(), Some(0.0));
        assert_eq!(low.drift(&high).unwrap(), Some(1.0));
        let top = items(&[("a", 50), ("b", 50)]);
        assert_eq!(top.drift(&top).unwrap(), Some(0.0));
    }

    #[test]
    fn the_index_of_stability_is_that_of_the_shares() {
        let (now, before) = (items(&[("a", 30), ("b", 70)]), items(&[("a", 50), ("b", 50)]));
        let expected = (0.3 - 0.5) * (0.3_f64 / 0.5).ln() + (0.7 - 0.5) * (0.7_f64 / 0.5).ln();
        let found = now.drift(&before).unwrap().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn values_that_only_one_has_are_the_distance_of_distinct() {
        let of = |range: std::ops::Range<u32>| {
            let seed = TenantSeed::new(1, 2);
            sketch(
                Kind::Distinct,
                range.map(|n| Update::Distinct(hash_item(seed, &n.to_string()))),
            )
        };
        let found = of(0..2_000).drift(&of(1_000..3_000)).unwrap().unwrap();
        assert!((found - 2.0 / 3.0).abs() < 0.06, "{found}");
    }

    proptest! {
        #[test]
        fn quantiles_are_as_far_apart_as_their_values(
            one in prop::collection::vec(-30_i32..30, 1..60),
            other in prop::collection::vec(-30_i32..30, 1..60),
        ) {
            // A tenth apart, each value lies in a bin of its own, so the answer is exact.
            let float = |value: &i32| f64::from(value.signum()) * 1.1_f64.powi(value.abs());
            let floats = |values: &[i32]| values.iter().map(float).collect::<Vec<_>>();
            let (one, other) = (floats(&one), floats(&other));
            let found = numbers(&one).drift(&numbers(&other)).unwrap().unwrap();
            prop_assert!((found - exact(&one, &other)).abs() < 1e-9, "{found} {}", exact(&one, &other));
        }
    }
}
