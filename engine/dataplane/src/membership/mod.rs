//! STORY

pub mod lease_renewer;
