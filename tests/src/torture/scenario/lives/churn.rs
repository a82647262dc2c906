//! Many clients at once, under a few names: each applies, changes and deletes, and some go away in the middle. Once
//! the engine is killed meanwhile, once the broker. And then once more in peace, after which the engine must hold
//! no more threads and open files than before.

use std::time::Duration;

use anyhow::Context as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::hall::{Hall, SUBJECT};
use crate::{
    cluster::eventually, cut::OpenRequest, engine::Engine, newborn, signal, tenant::Tenant, torture::measure,
};

/// Clients at once.
const CLIENTS: usize = 20;
/// Names that they share.
const NAMES: usize = 6;
/// A request that is cut is cut within this, in milliseconds.
const CUT_WITHIN_MS: u64 = 200;
/// How many are.
const CUT: f64 = 0.3;
/// A kill comes within this, in milliseconds.
const KILL_WITHIN_MS: u64 = 1_500;
/// What a pool may have more than before, of threads and of files, at any moment.
const ALLOWANCE: usize = 8;

/// What happens meanwhile.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Nothing,
    EngineDies,
    BrokerDies,
}

/// Runs it with so many pipelines each time.
pub(super) async fn run(hall: &mut Hall<'_>, pipelines: usize) -> anyhow::Result<()> {
    for meanwhile in [Meanwhile::EngineDies, Meanwhile::BrokerDies] {
        let churned = churn(hall, pipelines, meanwhile).await;
        churned.with_context(|| format!("churn, {meanwhile:?}"))?;
    }
    // Once, so that every pool has what it needs.
    churn(hall, CLIENTS, Meanwhile::Nothing).await?;
    let pid = hall.arena.engine.pid();
    let before = (measure::threads(pid)?, measure::open_files(pid)?);
    churn(hall, pipelines, Meanwhile::Nothing).await?;
    let is_no_more = || {
        let now = (measure::threads(pid).ok()?, measure::open_files(pid).ok()?);
        Some(now.0 <= before.0 + ALLOWANCE && now.1 <= before.1 + ALLOWANCE)
    };
    let given_back = eventually("threads and files are given back", || async {
        is_no_more() == Some(true)
    })
    .await;
    let after = (measure::threads(pid)?, measure::open_files(pid)?);
    hall.arena.note(format!(
        "{pipelines} pipelines by {CLIENTS} clients: threads {} before, {} after; open files {} before, {} after",
        before.0, after.0, before.1, after.1
    ));
    given_back
}

async fn churn(hall: &mut Hall<'_>, pipelines: usize, meanwhile: Meanwhile) -> anyhow::Result<()> {
    let seed: u64 = hall.arena.random.random();
    let kill_after = Duration::from_millis(hall.arena.random.random_range(0..KILL_WITHIN_MS));
    let arena = &mut *hall.arena;
    let (engine, cluster) = (&arena.engine, &mut arena.cluster);
    let clients = (0..CLIENTS).map(|client| {
        let random = StdRng::seed_from_u64(seed ^ client as u64);
        at_it(engine, random, pipelines / CLIENTS)
    });
    let clients = futures::future::join_all(clients);
    let fault = async {
        match meanwhile {
            Meanwhile::Nothing => {}
            Meanwhile::EngineDies => {
                tokio::time::sleep(kill_after).await;
                signal::send(engine.pid(), "KILL")?;
            }
            Meanwhile::BrokerDies => {
                tokio::time::sleep(kill_after).await;
                cluster.restart().await?;
            }
        }
        anyhow::Ok(())
    };
    let (_, fault) = tokio::join!(clients, fault);
    fault?;
    if matches!(meanwhile, Meanwhile::EngineDies) {
        hall.arena.outcome.faults += 1;
        hall.restart().await?;
    }
    settle(hall).await
}

/// One client; whatever it is answered, it goes on, until nobody answers any more.
async fn at_it(engine: &Engine, mut random: StdRng, pipelines: usize) {
    let shop = Tenant::shop(engine);
    for _ in 0..pipelines {
        let name = format!("churn-{}", random.random_range(0..NAMES));
        let label = random.random_range(0..1_000).to_string();
        for (method, body) in [
            ("PUT", Hall::manifest(&name, "")),
            ("PUT", Hall::manifest(&name, &label)),
            ("DELETE", String::new()),
        ] {
            let path = shop.path(&format!("pipelines/{name}"));
            let request = OpenRequest::send(engine, (method, &path), &shop.token, body.as_bytes());
            let Ok(request) = request.await else { return };
            if random.random_bool(CUT) {
                let patience = Duration::from_millis(random.random_range(0..CUT_WITHIN_MS));
                request.cut_after(patience).await;
            } else {
                let _ = request.status().await;
            }
        }
    }
}

/// Every name comes to rest: what is there is whole, and what is not has left nothing.
async fn settle(hall: &Hall<'_>) -> anyhow::Result<()> {
    let (cluster, engine, shop) = (&hall.arena.cluster, &hall.arena.engine, hall.shop());
    let states = || async {
        let list = shop.ask(engine, ("GET", "pipelines"), "").await?.body;
        let list = list.as_array().cloned().unwrap_or_default();
        let churned = list.into_iter().filter_map(|listed| {
            let name = listed["name"].as_str().unwrap_or_default().to_owned();
            let state = listed["state"].as_str().unwrap_or_default().to_owned();
            name.starts_with("churn-").then_some((name, state))
        });
        anyhow::Ok(churned.collect::<Vec<_>>())
    };
    let rested = eventually("nothing is being created or deleted", || async {
        let states = states().await.unwrap_or_default();
        !states
            .iter()
            .any(|(_, state)| state == "creating" || state == "deleting")
    });
    rested.await.with_context(|| engine.log())?;
    for (name, _) in states().await? {
        newborn::counts_one_more(cluster, engine, &name, SUBJECT).await?;
    }
    hall.all_is_owned().await?;
    for (name, _) in states().await? {
        hall.delete(&name).await?;
    }
    hall.all_is_owned().await
}
