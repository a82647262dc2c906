//! Changes of several places, done step by step. Creating or deleting a pipeline, deleting a tenant and clearing
//! away what belongs to nobody each begin with one durable word in the registry: the intent. From then on they
//! are this module's: it goes on with them until they are done, whatever becomes of the client that asked, of
//! the engine that began, or of the broker in between.
//!
//! - [`intent`]: what there is to do, as the registry says it;
//! - [`create`], [`delete`], [`tenant`], [`upload`], [`delete_version`], [`orphans`]: the steps, each of which may be
//!   done twice;
//! - [`component`]: bytes of plugins, which versions may share;
//! - [`held`]: the bytes of uploads;
//! - [`ended`], [`clear`]: what comes after the end of a life;
//! - [`let_go`]: waiting until no engine runs a pipeline any more;
//! - [`permits`]: how many are under way at once, so that one tenant's do not hold up another's.
//!
//! An intent is one engine's at a time: of the one that wrote it down, or, when that one is gone, of the one
//! that the pipeline would belong to.
//!
//! Why: docs/decisions/0067-the-entry-is-the-intent.md

mod clear;
mod component;
mod create;
mod delete;
mod delete_version;
mod ended;
mod held;
mod intent;
pub mod let_go;
mod orphans;
mod permits;
mod tenant;
mod upload;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tailrace_core::{identity::Digest, life::Life, ports::broker::BrokerError, tasks};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::intent::Intent;
use self::{
    ended::Lifetimes,
    held::{HeldBytes, Hold},
    permits::Permits,
};
use crate::{
    context::Context,
    error::{ControlError, ControlResult},
};

/// First pause before a step is tried again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often the registry is looked at for intents whose engine is gone, beside each change of it.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longest that a request waits for what it has asked for. It is done all the same.
const ANSWER_WITHIN: Duration = Duration::from_secs(50);

/// Most lives that are kept in mind as deleted here: one that nobody saw registered is never taken off.
const MOST_DELETED: usize = 10_000;
/// How long the reason is remembered why something was not made.
const REMEMBERED: Duration = Duration::from_secs(2);
/// Longest that a request waits further once the broker, or an account, has failed a step.
const MENDED_WITHIN: Duration = Duration::from_secs(2);

/// How a change that is under way stands.
#[derive(Clone, Default)]
struct Standing {
    /// What it waits for to be mended.
    trouble: Option<ControlError>,
    /// What came of it.
    done: Option<ControlResult<()>>,
}

/// What this engine goes on with; clones are the same.
#[derive(Clone)]
pub struct Lives {
    pub(crate) context: Context,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What is under way here, with where its outcome appears.
    under_way: Mutex<BTreeMap<Intent, watch::Receiver<Standing>>>,
    permits: Permits,
    /// Bytes of the uploads among it.
    held: HeldBytes,
    /// Lives that this engine has begun to delete, until they are gone from the registry.
    deleted: Mutex<BTreeSet<Life>>,
    stop: CancellationToken,
}

impl Lives {
    /// Nothing is under way yet.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            shared: Arc::default(),
        }
    }

    /// Goes on with whatever the registry says is unfinished, until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut registry = self.context.registry.clone();
        let mut members = self.context.cluster.members.clone();
        let mut sweeping = None;
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut lifetimes = Lifetimes::default();
        loop {
            let seen = registry.borrow_and_update().clone();
            // What a registry in doubt does not know is not gone.
            if let Some(registry) = seen.filter(|seen| seen.standing.is_whole()) {
                let now = self.context.monotonic();
                lifetimes.see(&registry, &mut self.deleted(), now);
                for ended in lifetimes.due(now) {
                    self.begin(Intent::Clear(ended));
                }
                sweeping.get_or_insert_with(|| {
                    let lives = self.clone();
                    tasks::spawn(async move { lives.sweep_components().await })
                });
                for intent in intent::unfinished(&registry, &self.context.cluster) {
                    self.begin(intent);
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                changed = registry.changed() => if changed.is_err() { break },
                Ok(()) = members.changed() => {}
                _ = tick.tick() => {}
            }
        }
        self.shared.stop.cancel();
    }

    /// Does what was intended, and waits for it. What takes too long, or waits for the broker, is done all the
    /// same.
    pub(crate) async fn finish(&self, intent: Intent) -> ControlResult<()> {
        let mut standing = self.begin(intent);
        let answer = async {
            let settled = standing.wait_for(|standing| standing.done.is_some() || standing.trouble.is_some());
            if settled.await.is_ok_and(|standing| standing.done.is_some()) {
                return;
            }
            let done = standing.wait_for(|standing| standing.done.is_some());
            let _ = tokio::time::timeout(MENDED_WITHIN, done).await;
        };
        let _ = tokio::time::timeout(ANSWER_WITHIN, answer).await;
        let Standing { trouble, done } = standing.borrow().clone();
        done.unwrap_or_else(|| {
            let slow =
                || BrokerError::Unreachable("it is written down and under way, and takes longer".to_owned());
            Err(trouble.unwrap_or_else(|| slow().into()))
        })
    }

    /// Lets a task go on with it, unless one does.
    fn begin(&self, intent: Intent) -> watch::Receiver<Standing> {
        let mut under_way = self.under_way();
        if let Some(outcome) = under_way.get(&intent) {
            return outcome.clone();
        }
        let (tell, outcome) = watch::channel(Standing::default());
        under_way.insert(intent.clone(), outcome.clone());
        if let Intent::Delete(_, life) | Intent::DeleteVersion(_, _, life) = &intent {
            let mut deleted = self.deleted();
            // Of more, the entry that says so is evidence enough, where it was seen.
            if deleted.len() < MOST_DELETED {
                deleted.insert(*life);
            }
        }
        let lives = self.clone();
        tasks::spawn(async move {
            let done = lives.go_on(&intent, &tell).await;
            if done.is_ok() {
                lives.under_way().remove(&intent);
                tell.send_modify(|standing| standing.done = Some(done));
                return;
            }
            // The handler that wrote the entry may ask only now what became of it. Done a second time, all that is
            // seen is that the entry is gone.
            tell.send_modify(|standing| standing.done = Some(done));
            tokio::select! {
                biased;
                () = lives.shared.stop.cancelled() => {}
                () = tokio::time::sleep(REMEMBERED) => {}
            }
            lives.under_way().remove(&intent);
        });
        outcome
    }

    /// Does it, again and again while the broker does not answer.
    async fn go_on(&self, intent: &Intent, tell: &watch::Sender<Standing>) -> ControlResult<()> {
        self.wait_for_making(intent).await;
        let _permit = self.shared.permits.take(intent.tenant()).await;
        let mut pause = FIRST_PAUSE;
        loop {
            let trouble = match self.step(intent).await {
                Err(cause) if is_passing(&cause, intent) => cause,
                done => {
                    if let Err(cause) = &done {
                        tracing::warn!(?intent, %cause, "a change was not made");
                    }
                    return done;
                }
            };
            tracing::warn!(?intent, cause = %trouble, "a change waits, and is tried again");
            tell.send_modify(|standing| standing.trouble = Some(trouble));
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => {
                    return Err(BrokerError::Unreachable("this engine ends; another goes on".to_owned()).into());
                }
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A pipeline is deleted when this engine makes it no more: a request for its stream that is on the way would come
    /// after the deletion, and the stream be nobody's. It waits without a permit, because the other may need it.
    async fn wait_for_making(&self, intent: &Intent) {
        let Intent::Delete(id, life) = intent else {
            return;
        };
        let making = self.under_way().get(&Intent::Create(id.clone(), *life)).cloned();
        if let Some(mut making) = making {
            let _ = making.wait_for(|standing| standing.done.is_some()).await;
        }
    }

    async fn step(&self, intent: &Intent) -> ControlResult<()> {
        match intent {
            Intent::Create(id, life) => self.create(id, *life).await,
            Intent::Delete(id, life) => self.delete(id, *life).await,
            Intent::DeleteTenant(name, life) => self.delete_tenant(name, *life).await,
            Intent::Upload(tenant, plugin, life) => self.upload(tenant, plugin, *life).await,
            Intent::DeleteVersion(tenant, plugin, life) => self.delete_version(tenant, plugin, *life).await,
            Intent::Clear(ended) => self.clear(ended).await,
            Intent::Orphan(key) => self.remove_orphan(key).await,
        }
    }

    /// Has the bytes of an upload at hand from now on.
    pub(crate) fn hold(&self, digest: Digest, component: Bytes) -> Hold {
        self.shared.held.hold(digest, component)
    }

    fn deleted(&self) -> MutexGuard<'_, BTreeSet<Life>> {
        self.shared.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, BTreeMap<Intent, watch::Receiver<Standing>>> {
        self.shared
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether what is to be made may be made with another try as it is.
fn is_passing_create(cause: &ControlError) -> bool {
    matches!(
        cause,
        ControlError::Broker(BrokerError::Unreachable(_)) | ControlError::Account(_)
    )
}

/// Whether a step that failed is worth another try as it is.
fn is_passing(cause: &ControlError, intent: &Intent) -> bool {
    match cause {
        ControlError::Broker(BrokerError::Unreachable(_)) | ControlError::Account(_) => true,
        // What was begun by deleting has no way back: whatever refuses it, it is tried again.
        ControlError::Broker(_) | ControlError::Conflict(_) | ControlError::Raced(_) => !matches!(
            intent,
            Intent::Create(..) | Intent::Upload(..) | Intent::DeleteVersion(..) | Intent::Clear(_)
        ),
        _ => false,
    }
}
