//! Bounds of what a config may set.

use std::{fmt::Display, ops::RangeInclusive};

/// Whether a value of a config is within its bounds. The error names its path.
pub fn within<T: PartialOrd + Display>(
    name: &str,
    value: &T,
    range: &RangeInclusive<T>,
) -> Result<(), String> {
    if range.contains(value) {
        return Ok(());
    }
    Err(format!(
        "config.{name}: {value} lies outside {} to {}",
        range.start(),
        range.end()
    ))
}
