//! A plan on its way to take the place of the running one.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::{
    partition::end::{Step, failed},
    plan::{Instances, Plan},
};

/// A plan on its way to work.
pub(super) enum Swap {
    /// Its instances are being made.
    Preparing(JoinHandle<Next>),
    /// It is taken up at the next end of a batch.
    Ready(Next),
}

/// A plan with an instance of each step, its candidate's among them.
pub(super) struct Next {
    pub(super) plan: Arc<Plan>,
    pub(super) instances: Instances,
}

/// The plan whose instances are being made, once they are; where there is none, it waits for ever.
pub(super) async fn prepared(swap: Option<&mut Swap>) -> Step<Next> {
    match swap {
        Some(Swap::Preparing(preparing)) => preparing.await.map_err(failed),
        _ => std::future::pending().await,
    }
}
