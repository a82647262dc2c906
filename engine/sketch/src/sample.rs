//! A uniform sample of fixed size by priority: every item has a random rank, and the `size` lowest
//! ranks are kept (bottom-k sampling: Cohen and Kaplan, PODC 2007).
//!
//! The rank is a keyed hash of the event's place in its stream, given with the update. So it is the
//! same on every replay and in every partition, nobody without the tenant's seed can foresee it, and
//! merging is exact: the sample of the union, in any order and over any number of partitions. A
//! reservoir (Vitter, ACM TOMS 11, 1985), which this was before, has none of that.
//!
//! Why: docs/decisions/0048-a-sample-of-lowest-ranks.md

use serde::{Deserialize, Serialize};

use crate::{
    Bound, SketchError, TenantSeed, hash_item,
    seed::{is_short, mix, shorten_item},
};

/// Largest size, whatever is asked for: answers stay below a mebibyte.
const MAX_SIZE: u32 = 1_000;

/// A sample. Invariants: it keeps as many items as came, or `size` if more came; they lie in the
/// order of their ranks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Sample {
    size: u32,
    seed: TenantSeed,
    count: u64,
    kept: Vec<(u64, String)>,
}

/// As it is encoded, before it is known to be whole.
#[derive(Deserialize)]
struct Unchecked {
    size: u32,
    seed: TenantSeed,
    count: u64,
    kept: Vec<(u64, String)>,
}

/// The reservoir of the first version of the encoding.
#[derive(Deserialize)]
pub(crate) struct Reservoir {
    size: u32,
    seed: TenantSeed,
    contents: Contents,
}

#[derive(Deserialize)]
struct Contents {
    count: u64,
    items: Vec<String>,
    chain: u64,
}

impl TryFrom<Unchecked> for Sample {
    type Error = SketchError;

    fn try_from(
        Unchecked {
            size,
            seed,
            count,
            kept,
        }: Unchecked,
    ) -> Result<Self, SketchError> {
        let is_whole = (1..=MAX_SIZE).contains(&size) && kept.len() as u64 == count.min(u64::from(size));
        if !is_whole || !kept.is_sorted() || !kept.iter().all(|(_, item)| is_short(item)) {
            return Err(SketchError::Damaged("its sample holds what cannot be"));
        }
        Ok(Self {
            size,
            seed,
            count,
            kept,
        })
    }
}

impl TryFrom<Reservoir> for Sample {
    type Error = SketchError;

    /// The items of a reservoir get ranks as the lowest of so many would be: spread over the share of
    /// all ranks that they are of all items.
    fn try_from(old: Reservoir) -> Result<Self, SketchError> {
        let Contents {
            count,
            items,
            mut chain,
        } = old.contents;
        let share = items.len() as f64 / count.max(1) as f64;
        let highest = (share.min(1.0) * u64::MAX as f64) as u64;
        let ranked = items.into_iter().map(|item| {
            chain = mix(chain);
            (below(chain, highest), item)
        });
        let mut kept: Vec<_> = ranked.collect();
        kept.sort();
        Self::try_from(Unchecked {
            size: old.size,
            seed: old.seed,
            count,
            kept,
        })
    }
}

impl Sample {
    /// One that keeps `size` items, 1 to 1,000.
    pub fn new(size: u32, seed: TenantSeed) -> Self {
        Self {
            size: size.clamp(1, MAX_SIZE),
            seed,
            count: 0,
            kept: Vec::new(),
        }
    }

    /// Takes an item of this rank in; see [`crate::rank`].
    pub fn offer(&mut self, rank: u64, item: &str) {
        self.count = self.count.saturating_add(1);
        let is_full = self.kept.len() >= self.size as usize;
        if is_full && self.kept.last().is_some_and(|(highest, _)| *highest < rank) {
            return;
        }
        let ranked = (rank, shorten_item(self.seed, item).into_owned());
        let place = self.kept.partition_point(|kept| *kept < ranked);
        self.kept.insert(place, ranked);
        self.kept.truncate(self.size as usize);
    }

    /// Takes an item in that bears no rank, as updates did before there were ranks: it gets one from
    /// itself and from how many came before.
    pub(crate) fn offer_unranked(&mut self, item: &str) {
        let rank = mix(hash_item(self.seed, item) ^ mix(self.count));
        self.offer(rank, item);
    }

    /// The sample, in random order.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(|(_, item)| item.as_str())
    }

    /// How many items it stands for.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How well it stands for them.
    pub fn bound(&self) -> Bound {
        let kept = self.kept.len();
        if kept as u64 == self.count {
            return Bound::Exact;
        }
        // A share p has the standard error sqrt(p (1 - p) / n), greatest for a half.
        let error = 0.5 / (kept as f64).sqrt();
        Bound::StandardError { error }
    }

    /// Takes another sample in.
    pub fn merge(&mut self, other: &Self) -> Result<(), SketchError> {
        if self.size != other.size || self.seed != other.seed {
            return Err(SketchError::Incompatible);
        }
        self.count = self.count.saturating_add(other.count);
        self.kept.extend(other.kept.iter().cloned());
        self.kept.sort();
        self.kept.truncate(self.size as usize);
        Ok(())
    }
}

/// A number below the limit from a random one (Lemire, 2019).
fn below(random: u64, limit: u64) -> u64 {
    ((u128::from(random) * u128::from(limit)) >> 64) as u64
}

#[cfg(test)]
mod tests;
