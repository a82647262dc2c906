//! What can be wrong with a sketch or with what is asked of it.

use crate::Kind;

/// A sketch refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SketchError {
    /// The update is meant for another kind.
    #[error("a sketch of kind {kind} does not take this update")]
    WrongKind {
        /// What the sketch is.
        kind: Kind,
    },
    /// Quantiles of NaN or infinity mean nothing.
    #[error("quantiles take finite numbers only")]
    NotFinite,
    /// Counting on would overflow.
    #[error("the sketch holds all the values that it can count: start a new one")]
    Full,
    /// Two sketches of different kinds, sizes or seeds.
    #[error("sketches of different kinds, sizes or seeds cannot be merged")]
    Incompatible,
    /// Bytes that are no sketch, or not the ones that were written.
    #[error("the encoded sketch is damaged: {0}")]
    Damaged(&'static str),
}
