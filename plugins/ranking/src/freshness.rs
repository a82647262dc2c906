//! Likes that fade with event time.
//!
//! Forward decay (Cormode, Shkapenyuk, Srivastava, Xu, 2009): instead of letting all old likes fade, a new one counts
//! `2^(time / half-life)`, so that what is stored never has to be touched for time to pass. The logarithm of the sum is
//! kept, which cannot overflow.

/// Milliseconds of a day.
const DAY_MS: f64 = 86_400_000.0;

/// The freshness of an item after one more like.
pub fn with_like(before: Option<f64>, now_ms: u64, half_life_days: f64) -> f64 {
    let like = now_ms as f64 / (half_life_days * DAY_MS);
    let Some(before) = before else { return like };
    let (more, less) = (before.max(like), before.min(like));
    more + (less - more).exp2().ln_1p() / std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::with_like;

    #[test]
    fn a_like_counts_half_after_a_half_life() {
        let day_ms = 86_400_000;
        let twice_now = with_like(Some(with_like(None, day_ms, 1.0)), day_ms, 1.0);
        let once_later = with_like(None, 2 * day_ms, 1.0);
        assert!(
            (twice_now - once_later).abs() < 1e-9,
            "two likes of yesterday are worth one of today"
        );
    }

    #[test]
    fn freshness_is_finite_at_any_time() {
        let far = with_like(Some(with_like(None, 0, 1e-3)), u64::MAX, 1e-3);
        assert!(far.is_finite());
    }
}
