//! Inner product and squared distance, with sixteen sums side by side, which the compiler turns into
//! vector instructions. The order of the additions is fixed, so equal vectors give equal bits.

/// Sums kept side by side: four vector registers of the oldest x86-64 machine, enough to hide the
/// latency of an addition.
const LANES: usize = 16;

fn sum_of(one: &[f32], other: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let (ones, one_rest) = one.as_chunks::<LANES>();
    let (others, other_rest) = other.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in ones.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(a, b)| term(*a, *b)).sum();
    sums.iter().sum::<f32>() + rest
}

pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    sum_of(one, other, |a, b| a * b)
}

pub(super) fn squared_distance(one: &[f32], other: &[f32]) -> f32 {
    sum_of(one, other, |a, b| (a - b) * (a - b))
}
