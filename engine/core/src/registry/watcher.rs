//! Keeps the registry up to date: follows the watch of the bucket and publishes a new snapshot after
//! each change. The first snapshot appears only when everything that was there has been read, and it is known whether
//! this is the registry that what the engine owns was made under ([`judge`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    ports::{broker::BrokerError, registry::Entry},
    registry::{
        Registry, RegistryStanding,
        judge::{judge, left_behind},
        standing::LOSS_ACCEPTED,
    },
    world::World,
};

/// Pause after the broker failed a watch.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is looked whether the bucket is still the one that is followed: a watch does not tell.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The registry that was believed last.
#[derive(Default)]
struct Believed {
    /// When its bucket was made.
    created: Option<String>,
    revision: u64,
    /// What it held, by key.
    written: BTreeMap<String, u64>,
}

/// Most entries that are named as vanished.
const MOST_NAMED: usize = 5;

/// What an order to delete has left in the bucket.
#[derive(Default)]
struct Markers {
    deleted: BTreeSet<String>,
    /// At which revision an operator has accepted a loss.
    loss_accepted_at: u64,
}

impl Markers {
    fn take(&mut self, entry: &Entry) {
        if entry.key == LOSS_ACCEPTED {
            self.loss_accepted_at = entry.revision;
        }
        if entry.value.is_none() {
            self.deleted.insert(entry.key.clone());
        } else {
            self.deleted.remove(&entry.key);
        }
    }

    /// Entries of a registry that was believed, which are in this one no more, and nobody has ordered that.
    fn vanished(&self, believed: &Believed, registry: &Registry) -> Option<String> {
        if self.loss_accepted_at > believed.revision {
            return None;
        }
        let is_gone = |key: &&String| !registry.written.contains_key(*key) && !self.deleted.contains(*key);
        let gone: Vec<&String> = believed.written.keys().filter(is_gone).collect();
        let named: Vec<&str> = gone.iter().take(MOST_NAMED).map(|key| key.as_str()).collect();
        match gone.len().saturating_sub(MOST_NAMED) {
            _ if gone.is_empty() => None,
            0 => Some(named.join(", ")),
            more => Some(format!("{} and {more} more", named.join(", "))),
        }
    }
}

/// Follows the bucket until nobody listens any more. `None` is published until it has been read once.
pub async fn keep(world: World, sender: watch::Sender<Option<Arc<Registry>>>) {
    let mut believed = Believed::default();
    while !sender.is_closed() {
        if let Err(cause) = follow(&world, &mut believed, &sender).await {
            tracing::warn!(%cause, "the registry cannot be watched; trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Follows the bucket that there is, until it is another one or gone.
async fn follow(
    world: &World,
    believed: &mut Believed,
    sender: &watch::Sender<Option<Arc<Registry>>>,
) -> Result<(), BrokerError> {
    let Some(created) = world.registry.created().await? else {
        return miss(world, sender).await;
    };
    let is_another = believed.created.as_ref().is_some_and(|known| *known != created);
    let mut watch = world.registry.watch().await?;
    // Starts from nothing, so that what was deleted while we did not look is gone.
    let mut registry = Registry::default();
    let mut markers = Markers::default();
    let mut whole = false;
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    look.tick().await;
    let mut standing = None;
    loop {
        tokio::select! {
            biased;
            entry = watch.next() => match entry? {
                Some(entry) => {
                    markers.take(&entry);
                    registry.take(&entry);
                }
                None => whole = true,
            },
            () = sender.closed() => return Ok(()),
            _ = look.tick() => {
                if world.registry.created().await?.as_ref() != Some(&created) {
                    return Ok(());
                }
                // A message that somebody deletes, or purges, is no entry of its own: the watch does not tell it.
                let known = (registry.written.len() + markers.deleted.len()) as u64;
                if whole && world.registry.keys().await?.is_some_and(|held| held < known) {
                    tracing::warn!("the registry holds fewer keys than were read; it is read anew");
                    return Ok(());
                }
                // What was in doubt may be settled by now.
                standing = standing.filter(RegistryStanding::is_whole);
            }
        }
        if !whole {
            continue;
        }
        if let Some(vanished) = markers.vanished(believed, &registry).filter(|_| !is_another) {
            doubt(sender, None, RegistryStanding::Vanished(vanished));
            continue;
        }
        // Nothing is taken for gone because an older view of the bucket is all that the broker has at hand.
        let is_stale = if is_another {
            !registry.loss_accepted
        } else {
            registry.revision < believed.revision
        };
        if is_stale {
            doubt(sender, None, RegistryStanding::Replaced);
            continue;
        }
        let is_settled = registry.loss_accepted
            && standing
                .as_ref()
                .is_some_and(|known: &RegistryStanding| !known.is_whole());
        if is_settled || standing.is_none() {
            standing = Some(judge(world, &registry, &created).await?);
        }
        let mut seen = registry.published();
        seen.standing = standing.clone().unwrap_or_default();
        if seen.standing.is_whole() {
            believed.created = Some(created.clone());
            believed.revision = registry.revision;
            believed.written.clone_from(&registry.written);
            publish(sender, seen);
        } else {
            let doubted = seen.standing.clone();
            doubt(sender, Some(seen), doubted);
        }
    }
}

/// There is no bucket. It is made where nothing says that there was one; otherwise it is waited for.
async fn miss(world: &World, sender: &watch::Sender<Option<Arc<Registry>>>) -> Result<(), BrokerError> {
    let left = left_behind(world).await?;
    let was_in_use = sender
        .borrow()
        .as_ref()
        .is_some_and(|known| !known.tenants.is_empty());
    let left = left.or_else(|| was_in_use.then(|| "all that this engine knows of it".to_owned()));
    let Some(left) = left else {
        return world.registry.make().await;
    };
    doubt(sender, None, RegistryStanding::Missing(left));
    tokio::time::sleep(LOOK_EVERY).await;
    Ok(())
}

/// Publishes what is seen, or what was seen before, as what is in doubt.
fn doubt(sender: &watch::Sender<Option<Arc<Registry>>>, seen: Option<Registry>, standing: RegistryStanding) {
    let known = sender.borrow().clone();
    let seen = seen.unwrap_or_else(|| known.as_deref().cloned().unwrap_or_default());
    let is_told = known.as_ref().is_some_and(|known| known.standing == standing);
    if is_told && known.is_some_and(|known| known.revision == seen.revision) {
        return;
    }
    publish(sender, Registry { standing, ..seen });
}

fn publish(sender: &watch::Sender<Option<Arc<Registry>>>, registry: Registry) {
    let before = sender.borrow().as_ref().map(|known| known.standing.clone());
    if before.unwrap_or_default() != registry.standing {
        if let Some(trouble) = registry.standing.trouble() {
            tracing::error!("{trouble}");
        } else {
            tracing::info!("the registry is whole again");
        }
    }
    sender.send_replace(Some(Arc::new(registry)));
}
