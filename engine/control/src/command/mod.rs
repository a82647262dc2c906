//! What changes something. Everything is checked before anything is written ([`checks`]), the audit log is
//! told first ([`audit`]), and the registry's entries are written by compare-and-set ([`entries`]).

pub mod apply;
pub mod audit;
pub mod candidates;
pub mod checks;
pub mod entries;
pub mod pipelines;
pub mod plugins;
pub mod redrive;
pub mod state_versions;
pub mod tenants;
pub mod tokens;
pub mod trial;
pub mod upload_permits;

use std::sync::Arc;

use tailrace_core::audit::Actor;

use crate::{command::upload_permits::UploadPermits, context::Context};

/// Changes what is registered, in the name of an actor.
#[derive(Clone)]
pub struct Commands {
    pub(crate) context: Context,
    pub(crate) actor: Actor,
    pub(crate) uploads: UploadPermits,
    /// Held by the one who revokes an operator's token.
    pub(crate) revoking: Arc<tokio::sync::Mutex<()>>,
}

impl Commands {
    /// In the engine's own name.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            actor: Actor::engine(),
            uploads: UploadPermits::default(),
            revoking: Arc::default(),
        }
    }
}
