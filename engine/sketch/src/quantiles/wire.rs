//! Quantiles as data: the bins that hold something. Reading builds the crate's sketch anew through its
//! public methods, so bytes from anywhere cannot bring it into a state of which it does not know.
//! Writing has to look into it: the crate gives no access to its bins but serde, so its serialised
//! form is read into a mirror of its fields. A test notices if another version moves them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sketches_ddsketch::{Config, DDSketch};

use super::{MAX_COUNT, Quantiles, SMALLEST, config};
use crate::SketchError;

/// Bins in ascending order: the distance of a bin's key from the one before, and its count.
type Bins = Vec<(i32, u64)>;

/// What is encoded.
#[derive(Serialize, Deserialize)]
struct Wire {
    negative: Bins,
    zeros: u64,
    positive: Bins,
    range: Option<(f64, f64)>,
    sum: f64,
}

/// The crate's `Store`: bins, count, lowest key, highest key, key of the first bin, limit, collapsed.
type StoreMirror = (Vec<u64>, u64, i32, i32, i32, u64, bool);
/// The crate's `DDSketch`: config, positive store, negative store, minimum, maximum, sum, zeros.
type SketchMirror = (
    (u32, f64, f64, f64, i32),
    StoreMirror,
    StoreMirror,
    f64,
    f64,
    f64,
    u64,
);

impl Serialize for Quantiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Quantiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Wire::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl From<Quantiles> for Wire {
    fn from(sketch: Quantiles) -> Self {
        let bytes = postcard::to_stdvec(&sketch.bins).expect("plain fields serialise into memory");
        let (_, positive, negative, .., zeros): SketchMirror =
            postcard::from_bytes(&bytes).expect("the mirror has the fields of the locked version");
        Self {
            negative: occupied(&negative),
            zeros,
            positive: occupied(&positive),
            range: sketch.range,
            // One NaN for all: its bits would depend on how it came about.
            sum: if sketch.sum.is_nan() { f64::NAN } else { sketch.sum },
        }
    }
}

impl TryFrom<Wire> for Quantiles {
    type Error = SketchError;

    fn try_from(wire: Wire) -> Result<Self, SketchError> {
        let config = config();
        let mut bins = DDSketch::new(config);
        let total = add(&mut bins, &config, &wire.positive, 1.0)?
            .checked_add(add(&mut bins, &config, &wire.negative, -1.0)?)
            .and_then(|total| total.checked_add(wire.zeros))
            .filter(|total| *total <= MAX_COUNT)
            .ok_or(SketchError::Damaged("it counts more values than can be"))?;
        bins.add_with_count(0.0, wire.zeros);
        let in_order = |(min, max): (f64, f64)| min.is_finite() && max.is_finite() && min <= max;
        if wire.range.is_some() != (total > 0) || !wire.range.is_none_or(in_order) {
            return Err(SketchError::Damaged("its smallest and largest value cannot be"));
        }
        Ok(Self {
            bins,
            range: wire.range,
            sum: wire.sum,
        })
    }
}

impl Quantiles {
    /// The share of the values in each bin that holds some, in ascending order; a bin is known by its middle.
    pub(crate) fn shares(&self) -> Vec<(f64, f64)> {
        let wire = Wire::from(self.clone());
        let (config, total) = (config(), self.count().max(1) as f64);
        let side = |bins: &Bins, sign: f64| {
            let mut key = 0;
            let bins = bins.iter().map(|(distance, count)| {
                key += distance;
                (sign * config.value(key), *count as f64 / total)
            });
            bins.collect::<Vec<_>>()
        };
        let mut shares = side(&wire.negative, -1.0);
        shares.reverse();
        if wire.zeros > 0 {
            shares.push((0.0, wire.zeros as f64 / total));
        }
        shares.extend(side(&wire.positive, 1.0));
        shares
    }
}

fn occupied((bins, _, _, _, first_key, ..): &StoreMirror) -> Bins {
    let mut before = 0;
    let occupied = (*first_key..).zip(bins).filter(|(_, count)| **count > 0);
    occupied
        .map(|(key, count)| (key - std::mem::replace(&mut before, key), *count))
        .collect()
}

/// Adds the bins of one sign by a value from the middle of each; gives the sum of the counts.
fn add(sketch: &mut DDSketch, config: &Config, bins: &Bins, sign: f64) -> Result<u64, SketchError> {
    let keys = config.key(SMALLEST)..=config.key(f64::MAX);
    let (mut key, mut total) = (0_i32, 0_u64);
    for (index, (distance, count)) in bins.iter().enumerate() {
        key = key
            .checked_add(*distance)
            .filter(|key| keys.contains(key) && (index == 0 || *distance > 0))
            .ok_or(SketchError::Damaged("its bins are not in order"))?;
        total = total
            .checked_add(*count)
            .filter(|total| *count > 0 && *total <= MAX_COUNT)
            .ok_or(SketchError::Damaged("a bin counts what cannot be"))?;
        // The middle of the outermost bins lies beyond the numbers that the bins are for.
        let middle = config.value(key).clamp(SMALLEST.next_up(), f64::MAX);
        sketch.add_with_count(sign * middle, *count);
    }
    Ok(total)
}
