//! Deletions while the broker's storage is full. A deletion is first a record in the audit log and a word in the registry,
//! and there is no room for either. What is to be deleted anyway goes first then, and with it comes the room.
//!
//! Why: docs/decisions/0211-a-deletion-makes-its-own-room.md

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tailrace_core::{audit::Change, name::Name};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
};

/// How often it is tried once there should be room: others take it as well.
const TRIES: u32 = 10;
/// Pause before a further try. The broker counts what is free a little later.
const PAUSE: Duration = Duration::from_millis(200);

impl Commands {
    /// Deletes something of a tenant: `begin` writes down that it is to be done, and `finish` does it. Where there is no
    /// storage for what is to be written, `free` removes what takes some.
    pub(super) async fn audited_deletion<B, F>(
        &self,
        tenant: &Name,
        change: Change,
        free: impl Future<Output = ControlResult<()>>,
        begin: impl Fn() -> B,
        finish: impl Fn() -> F,
    ) -> ControlResult<()>
    where
        B: Future<Output = ControlResult<()>>,
        F: Future<Output = ControlResult<()>>,
    {
        let is_begun = AtomicBool::new(false);
        let make = || async {
            begin().await?;
            is_begun.store(true, Ordering::Relaxed);
            finish().await
        };
        let lacks_room = |done: &ControlResult<()>| {
            let cause = done.as_ref().err();
            !is_begun.load(Ordering::Relaxed) && cause.is_some_and(ControlError::is_for_want_of_storage)
        };
        let done = self.audited(change.clone(), make()).await;
        // In another account it would leave no room for the log.
        if !lacks_room(&done) || !self.context.is_on_own_account(tenant) {
            return done;
        }
        let (action, target) = (change.action, &change.target);
        tracing::warn!(
            who = self.actor.scope,
            token = self.actor.token,
            %tenant,
            action,
            target,
            "the broker's storage is full: what is to be deleted goes before the audit log and the registry tell of it"
        );
        free.await?;
        for _ in 1..TRIES {
            let done = self.audited(change.clone(), make()).await;
            if !lacks_room(&done) {
                return done;
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.audited(change.clone(), make()).await
    }
}
