//! STORY

pub mod accuracy;
pub mod context;
pub mod spans;
