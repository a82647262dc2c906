//! What changes something. Everything is checked before anything is written ([`checks`]), the audit log is
//! told first ([`audit`]), and the registry's entries are written by compare-and-set ([`crate::entries`]).

pub mod apply;
pub mod audit;
pub mod candidates;
pub mod checks;
pub mod condition;
mod declared_again;
pub mod deletion;
mod endings;
mod examine;
mod freeing;
mod late_letters;
mod moved;
pub mod pipelines;
pub mod plugin_deletion;
pub mod plugins;
pub mod publish;
pub mod redrive;
pub mod resume;
pub mod revisions;
pub mod schema_rules;
mod schema_users;
pub mod schemas;
mod sift;
pub mod state_deletion;
pub mod state_versions;
mod stream_search;
pub mod streams;
mod tables;
pub mod tenants;
pub mod tokens;
pub mod trial;
pub mod upload_permits;

use std::sync::Arc;

use tailrace_core::audit::Actor;
use tokio_util::sync::CancellationToken;

use crate::{command::upload_permits::UploadPermits, context::Context, lives::Lives};

/// Changes what is registered, in the name of an actor.
#[derive(Clone)]
pub struct Commands {
    pub(crate) context: Context,
    pub(crate) lives: Lives,
    pub(crate) actor: Actor,
    pub(crate) uploads: UploadPermits,
    /// Held by the one who revokes an operator's token.
    pub(crate) revoking: Arc<tokio::sync::Mutex<()>>,
}

impl Commands {
    /// Goes on with whatever is unfinished of what was begun here, or by an engine that is gone.
    pub fn go_on(&self, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static {
        self.lives.clone().run(stop)
    }

    /// In the engine's own name.
    pub fn new(context: Context) -> Self {
        Self {
            lives: Lives::new(context.clone()),
            context,
            actor: Actor::engine(),
            uploads: UploadPermits::default(),
            revoking: Arc::default(),
        }
    }
}
