//! Fields that are left out of a manifest that is written, so that an engine of before reads it.

/// Whether a value is what it would be without being written.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
