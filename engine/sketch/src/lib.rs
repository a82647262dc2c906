//! Approximate metrics: small summaries of many values, each with a stated error. Floor 0: no IO, no
//! time, no ambient randomness.
//!
//! A [`Sketch`] changes by [`Update`]s and by nothing else. The same updates in the same order give
//! the same bytes, which is what lets a commit record carry the updates and a replay rebuild the
//! sketch. [`Sketch::merge`] joins the sketches of partitions; what it promises differs by kind and
//! is written at each of them.

mod bound;
mod codec;
mod distinct;
mod drift;
mod error;
mod exact;
mod kind;
mod quantiles;
mod report;
mod sample;
mod seed;
mod seen;
mod sketch;
mod top;

pub use bound::Bound;
pub use distinct::Distinct;
pub use error::SketchError;
pub use exact::{Comparison, Exact};
pub use kind::Kind;
pub use quantiles::Quantiles;
pub use report::{Answer, Query, Report};
pub use sample::Sample;
pub use seed::{TenantSeed, hash_item, rank, shorten};
pub use seen::Seen;
pub use sketch::{Sketch, SketchConfig, Update};
pub use top::Top;
