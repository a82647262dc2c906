//! Windows: what a stretch of time has of its events so far ([`Part`]), the [`result()`] that comes of it, and how both
//! lie in state ([`stored`]).
//!
//! A part is built up event by event, put together with others, and kept as state. It knows nothing of when a window
//! ends: that is the data plane's (`windows/`).

mod accumulator;
mod members;
mod number;
mod part;
mod result;
pub mod stored;

pub use members::Members;
pub use part::{Part, Taken};
pub use result::{Told, group_key, group_values, result};
