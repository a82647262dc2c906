//! Lives, from outside: what is created, changed, deleted and made anew, while clients go away, engines and
//! brokers die, names are used again and others ask at the same moment. A file a kind of thing that went wrong;
//! each test holds for the kind, not for the one case.
//!
//! The steps themselves, each with each fault, are torture scenario `lives`.

mod consumers;
mod cut;
mod editors;
mod fairness;
mod late;
mod lost_registry;
mod orphans;
mod own_stream;
mod quotas;
mod races;
mod redrive;
mod rights;
mod snapshots;
mod takeover;
mod tenants;
mod unreadable;

use tailrace_tests::{
    cluster::Cluster,
    engine::Engine,
    inventory::Expected,
    newborn::{self, event, outputs},
};

/// A pipeline that counts, of one partition, and begins with what comes after it was made.
fn counting_from_now(name: &str) -> String {
    newborn::counting(name, "shop.events.>", 1, "")
}

/// Events of many users, one each.
fn events_of(prefix: &str, numbers: std::ops::Range<u64>) -> impl Iterator<Item = String> {
    numbers.map(move |number| event(&format!("{prefix}-{number}")))
}

/// What the inventory finds of a stage with no engine but its own, once that is at rest.
async fn at_rest(cluster: &Cluster) -> anyhow::Result<Expected> {
    Ok(Expected {
        streams: vec!["SHOP".to_owned()],
        watches: tailrace_tests::inventory::watches(cluster).await?,
    })
}

/// A pipeline that was made just now has nothing of those that bore its name before.
async fn begins_from_nothing(cluster: &Cluster, engine: &Engine, pipeline: &str) -> anyhow::Result<()> {
    newborn::begins_from_nothing(cluster, engine, pipeline, "shop.events.x").await
}
