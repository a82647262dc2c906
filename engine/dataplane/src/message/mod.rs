//! STORY

pub mod hops;
pub mod outgoing;
