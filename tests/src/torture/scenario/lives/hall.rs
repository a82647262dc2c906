//! The place of lives in the arena: an input of their own, and the sentences about them that must hold.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use tokio::time::Instant;

use crate::{
    cluster::{PATIENCE, eventually},
    engine::OPERATOR,
    http::Answer,
    inventory::{self, Expected},
    newborn, signal,
    tenant::Tenant,
    torture::{arena::Arena, load},
};

/// Names the points at which a debug build ends or stops.
const FAIL_AT: &str = "TAILRACE_FAIL_AT";
/// SIGABRT, by which a failpoint ends the process.
const ABORTED: i32 = 6;
/// An engine that runs answers within this.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// Pause between looks at a process.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// The stream of the events that lives count.
const STREAM: &str = "LIVES";
/// What they read.
const SUBJECTS: &str = "shop.lives.>";
/// Where their events are published.
pub(super) const SUBJECT: &str = "shop.lives.x";
/// The tenant that comes and goes.
pub(super) const BRIEF: &str = "brief";
/// Each has more than one partition, so that each step has several parts.
const PARTITIONS: u32 = 2;

/// The arena, and what is known of it at rest.
pub(super) struct Hall<'a> {
    pub(super) arena: &'a mut Arena,
    expected: Expected,
}

impl<'a> Hall<'a> {
    pub(super) async fn open(arena: &'a mut Arena) -> anyhow::Result<Self> {
        arena.cluster.stream(STREAM, &[SUBJECTS]).await?;
        let watches = inventory::watches(&arena.cluster).await?;
        let streams = [load::STREAM, STREAM].map(str::to_owned).to_vec();
        Ok(Self {
            expected: Expected { streams, watches },
            arena,
        })
    }

    pub(super) fn shop(&self) -> Tenant {
        Tenant::shop(&self.arena.engine)
    }

    /// Starts the engine again, to end or to stop at these points.
    pub(super) async fn arm(&mut self, points: &str) -> anyhow::Result<()> {
        let launch = self.arena.launch.clone().with(FAIL_AT, points);
        self.arena.engine.restart(&launch)?;
        self.arena.engine.ready().await
    }

    /// Starts it again as it is.
    pub(super) async fn restart(&mut self) -> anyhow::Result<()> {
        self.arena.engine.restart(&self.arena.launch)?;
        self.arena.engine.ready().await
    }

    /// Waits until the engine has aborted.
    pub(super) async fn aborts(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.arena.engine.exited()? {
                break status;
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "the engine did not abort in {PATIENCE:?}\n{}",
                self.arena.engine.log()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        self.arena.outcome.faults += 1;
        anyhow::ensure!(status.signal() == Some(ABORTED), "the engine ended with {status}");
        Ok(())
    }

    /// Waits until the engine stands still at a point.
    pub(super) async fn stands_still(&mut self) -> anyhow::Result<()> {
        let pid = self.arena.engine.pid();
        let stopped = eventually("the engine stands still", || async {
            signal::is_stopped(pid).unwrap_or(false)
        });
        self.arena.outcome.faults += 1;
        stopped.await
    }

    /// The same, or what the API answers on this path says that there is nothing to stand still for. Gives whether
    /// it stands still.
    pub(super) async fn stands_still_or(
        &self,
        path: &str,
        token: &str,
        is_done: impl Fn(&Answer) -> bool,
    ) -> anyhow::Result<bool> {
        let engine = &self.arena.engine;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if signal::is_stopped(engine.pid())? {
                return Ok(true);
            }
            // An engine that stops meanwhile does not answer.
            let asked = tokio::time::timeout(ANSWERS_WITHIN, engine.ask("GET", path, token, ""));
            if let Ok(Ok(answer)) = asked.await
                && is_done(&answer)
            {
                return Ok(false);
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "the engine neither stands still nor is done"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// A pipeline of this name, as it is applied.
    pub(super) fn manifest(name: &str, label: &str) -> String {
        newborn::counting(name, SUBJECTS, PARTITIONS, label)
    }

    pub(super) async fn apply(&self, name: &str) -> anyhow::Result<()> {
        let (shop, path) = (self.shop(), format!("pipelines/{name}"));
        let put = ("PUT", &*path);
        shop.ask_until(&self.arena.engine, put, &Self::manifest(name, ""), &[200])
            .await?;
        Ok(())
    }

    pub(super) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        let (shop, path) = (self.shop(), format!("pipelines/{name}"));
        let engine = &self.arena.engine;
        shop.ask_until(engine, ("DELETE", &path), "", &[204, 404]).await?;
        shop.is_without(engine, name).await
    }

    /// A pipeline that was made just now has nothing of those before.
    pub(super) async fn begins_from_nothing(&self, name: &str) -> anyhow::Result<()> {
        newborn::begins_from_nothing(&self.arena.cluster, &self.arena.engine, name, SUBJECT).await
    }

    /// A tenant that comes and goes, with a plugin.
    pub(super) async fn brief(&self) -> anyhow::Result<Tenant> {
        let engine = &self.arena.engine;
        let brief = Tenant::make(engine, BRIEF).await?;
        let list = brief.ask(engine, ("GET", "plugins"), "").await?;
        anyhow::ensure!(list.text == "[]", "it has plugins of another life: {list:?}");
        // Bytes of its own, and bytes that another tenant has as well.
        brief.upload(engine, "chatty", "examples/chatty").await?;
        brief.upload(engine, "probe", "tailrace_test_guest").await?;
        Ok(brief)
    }

    /// Waits until that tenant is gone, and its token with it.
    pub(super) async fn brief_is_gone(&self, brief: &Tenant) -> anyhow::Result<()> {
        let engine = &self.arena.engine;
        eventually("the tenant is gone", || async {
            let path = format!("/v1/tenants/{BRIEF}");
            let known = engine.ask("GET", &path, OPERATOR, "").await;
            known.is_ok_and(|known| known.status == 404)
        })
        .await?;
        let refused = brief.ask(engine, ("GET", "pipelines"), "").await?;
        anyhow::ensure!(
            refused.status == 401,
            "its token is good for something: {refused:?}"
        );
        Ok(())
    }

    /// Everything has an owner, but for watches of engines that died just now.
    pub(super) async fn all_is_owned(&self) -> anyhow::Result<()> {
        let expected = Expected {
            watches: usize::MAX,
            ..self.expected.clone()
        };
        inventory::all_is_owned(&self.arena.cluster, &self.arena.engine, &expected).await
    }

    /// Nothing is left of all that was.
    pub(super) async fn nothing_is_left(&self) -> anyhow::Result<()> {
        inventory::all_is_owned(&self.arena.cluster, &self.arena.engine, &self.expected).await
    }
}
