//! Keeps the registry up to date: follows the watch of the bucket and publishes a new snapshot after
//! each change. The first snapshot appears only when everything that was there has been read.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{ports::registry::RegistryStore, registry::Registry};

/// Pause after the broker failed a watch.
const PAUSE: Duration = Duration::from_millis(500);

/// Follows the bucket until nobody listens any more. `None` is published until it has been read once.
pub async fn keep(store: Arc<dyn RegistryStore>, sender: watch::Sender<Option<Arc<Registry>>>) {
    while !sender.is_closed() {
        if let Err(cause) = follow(&*store, &sender).await {
            tracing::warn!(%cause, "the registry cannot be watched; trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn follow(
    store: &dyn RegistryStore,
    sender: &watch::Sender<Option<Arc<Registry>>>,
) -> Result<(), crate::ports::broker::BrokerError> {
    let mut watch = store.watch().await?;
    // Starts from nothing, so that what was deleted while we did not look is gone.
    let mut registry = Registry::default();
    // Nor is anything taken for gone because an older view of the bucket is all that the broker has at hand.
    let floor = sender.borrow().as_ref().map_or(0, |known| known.revision);
    let mut whole = false;
    loop {
        let entry = tokio::select! {
            biased;
            entry = watch.next() => entry?,
            () = sender.closed() => return Ok(()),
        };
        if let Some(entry) = entry {
            registry.take(&entry);
        } else {
            whole = true;
            if registry.revision < floor {
                tracing::error!(
                    revision = registry.revision,
                    known = floor,
                    "the registry is older than what this engine has seen; nothing is changed by it; if it was restored from a backup, restart the engine"
                );
            }
        }
        if whole && registry.revision >= floor {
            sender.send_replace(Some(Arc::new(registry.published())));
        }
    }
}
