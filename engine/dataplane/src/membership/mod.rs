//! The engines that are alive, as this one keeps up with them: [`claim`] makes the engine's lease this process's,
//! [`lease_renewer`] renews it and watches the others'. The view that it keeps up to date is
//! `tailrace_core::membership`.

pub mod claim;
mod lease;
pub mod lease_renewer;
