//! Windows without code: what leaves the last step is taken into the parts of its windows ([`take`], [`session`]), and
//! when the watermark passes a window's end its [`result`] is published ([`close`]).
//!
//! Parts are state of the partition, under a step that no pipeline can name; that a window ends is a wake-up
//! ([`due`](crate::effects::due)). So all of it is committed and taken back with the events, and a result leaves once.
//!
//! A hopping window is kept as parts as long as its step. An event goes into one part, and a result is put together
//! from those of its window. A tumbling window is one whose step is its length.
//!
//! Why: docs/decisions/0130-windows-are-the-last-stage.md

mod anew;
pub mod close;
pub mod held;
pub mod plan;
pub mod result;
pub mod session;
pub mod take;
