//! STORY

pub mod keeper;
