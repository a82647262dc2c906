//! Going on behind a mistake in a manifest, so that the others are found too.

use tailrace_core::manifest::mistakes::Mistakes;

use crate::error::{ControlError, ControlResult};

/// What a check came to: a mistake is kept for later. Another failure ends the search, unless there are mistakes to
/// tell of.
pub(super) fn sift<T>(found: &mut Mistakes, checked: ControlResult<T>) -> ControlResult<Option<T>> {
    match checked {
        Ok(value) => Ok(Some(value)),
        Err(ControlError::Spec(refusal)) => {
            for mistake in refusal.mistakes() {
                found.push(mistake.error.clone());
            }
            Ok(None)
        }
        Err(_) if !found.is_empty() => Ok(None),
        Err(other) => Err(other),
    }
}
