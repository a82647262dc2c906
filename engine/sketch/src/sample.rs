//! A uniform sample of fixed size: the reservoir of Vitter's Algorithm R (ACM TOMS 11, 1985). The item
//! that comes as number n replaces one of the k that are kept with probability k / n.
//!
//! Li's Algorithm L draws how many items to pass over instead, and is faster where passing over costs
//! nothing. Here every item is an update that is committed and applied anyway; Algorithm R needs
//! integers only, where L takes logarithms that differ between platforms, and its state is the count
//! alone, so that a merged sample can go on.
//!
//! Its randomness is a chain of keyed hashes over the items themselves: the same items in the same
//! order give the same sample, and nobody without the tenant's seed can foresee it.
//!
//! Merging draws without replacement, each next one from either side in proportion to the values
//! that side still stands for; so every value of the union is as likely as any other. It is
//! commutative, but another order of merges gives another sample.

use serde::{Deserialize, Serialize};

use crate::{
    Bound, SketchError, TenantSeed, hash_item,
    seed::{is_short, mix, shorten_item},
};

/// Largest size, whatever is asked for: answers stay below a mebibyte.
const MAX_SIZE: u32 = 1_000;

/// A reservoir. Invariant: it keeps as many items as came, or `size` if more came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Sample {
    size: u32,
    seed: TenantSeed,
    contents: Contents,
}

/// As it is encoded, before it is known to be whole.
#[derive(Deserialize)]
struct Unchecked {
    size: u32,
    seed: TenantSeed,
    contents: Contents,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Contents {
    count: u64,
    items: Vec<String>,
    /// The chain of hashes so far.
    chain: u64,
}

impl TryFrom<Unchecked> for Sample {
    type Error = SketchError;

    fn try_from(Unchecked { size, seed, contents }: Unchecked) -> Result<Self, SketchError> {
        let kept = contents.items.len() as u64;
        let is_whole = (1..=MAX_SIZE).contains(&size) && kept == contents.count.min(u64::from(size));
        if !is_whole || !contents.items.iter().all(|item| is_short(item)) {
            return Err(SketchError::Damaged("its sample holds what cannot be"));
        }
        Ok(Self { size, seed, contents })
    }
}

impl Sample {
    /// One that keeps `size` items, 1 to 1,000.
    pub fn new(size: u32, seed: TenantSeed) -> Self {
        Self {
            size: size.clamp(1, MAX_SIZE),
            seed,
            contents: Contents {
                count: 0,
                items: Vec::new(),
                chain: hash_item(seed, "sample"),
            },
        }
    }

    /// Takes an item in.
    pub fn offer(&mut self, item: &str) {
        let Contents { count, items, chain } = &mut self.contents;
        *count = count.saturating_add(1);
        *chain = mix(*chain ^ hash_item(self.seed, item));
        let item = shorten_item(self.seed, item);
        if items.len() < self.size as usize {
            items.push(item.into_owned());
            return;
        }
        let place = below(mix(*chain), *count);
        if let Some(kept) = items.get_mut(place as usize) {
            *kept = item.into_owned();
        }
    }

    /// The sample.
    pub fn items(&self) -> &[String] {
        &self.contents.items
    }

    /// How many items it stands for.
    pub fn count(&self) -> u64 {
        self.contents.count
    }

    /// How well it stands for them.
    pub fn bound(&self) -> Bound {
        let kept = self.contents.items.len();
        if kept as u64 == self.contents.count {
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
        // The lesser one first, whichever way round they are merged.
        let mut sides = [self.contents.clone(), other.contents.clone()];
        sides.sort();
        let [one, two] = sides;
        self.contents = draw(one, two, self.size as usize);
        Ok(())
    }
}

/// Draws from both sides without replacement.
fn draw(mut one: Contents, mut two: Contents, size: usize) -> Contents {
    let count = one.count.saturating_add(two.count);
    let wanted = size.min(one.items.len() + two.items.len());
    let mut chain = mix(one.chain ^ mix(two.chain));
    let mut items = Vec::with_capacity(wanted);
    while items.len() < wanted {
        chain = mix(chain);
        let drawn = below(chain, one.count.saturating_add(two.count));
        let side = if drawn < one.count { &mut one } else { &mut two };
        chain = mix(chain);
        let place = below(chain, side.items.len() as u64);
        items.push(side.items.swap_remove(place as usize));
        side.count -= 1;
    }
    Contents { count, items, chain }
}

/// A number below the limit from a random one (Lemire, 2019; the bias is below 2^-32 for counts
/// below 2^32).
fn below(random: u64, limit: u64) -> u64 {
    ((u128::from(random) * u128::from(limit)) >> 64) as u64
}

#[cfg(test)]
mod tests;
