//! The engines that are alive, as this one keeps up with them: [`lease_renewer`] renews its own lease and
//! watches the others'. The view that it keeps up to date is `tailrace_core::membership`.

pub mod lease_renewer;
