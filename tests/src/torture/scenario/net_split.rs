//! A broker of three nodes whose last one is cut off from the others, and two engines: one that reaches the two
//! nodes, one that reaches the third only. The first takes every partition over, the second commits nothing and says
//! that it is not ready. When the network is whole again both have a share.
//!
//! Before the cut the far node leads what the other side then needs: the input, the own stream, the registry, the
//! meta group, or nothing of these.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    nodes::{STREAMS, promised},
    two_engines::share,
};
use crate::{
    cluster::eventually,
    engine::{Engine, Launch},
    nodes::{Cut, Nodes},
    torture::{
        Form, Plan,
        arena::{Arena, PARTITIONS_OF_TWO},
        load,
        look::OUTPUT_STREAM,
        report::Outcome,
    },
};

/// Longer than every lease and every time-out.
const SPLIT: Duration = Duration::from_secs(15);
/// All work for so long, in milliseconds, at most, before the next fault.
const WORKS_MS: u64 = 2_000;

/// What the far node leads.
#[derive(Debug, Clone, Copy)]
enum Leads {
    Nothing,
    Stream(&'static str),
    Meta,
}

fn cuts(form: Form) -> Vec<(Leads, Cut)> {
    match form {
        Form::Short => vec![(Leads::Stream(OUTPUT_STREAM), Cut::Silent)],
        Form::Long => {
            let streams = [load::STREAM, OUTPUT_STREAM, "KV_tailrace_registry"];
            let led = [Leads::Nothing, Leads::Meta]
                .into_iter()
                .chain(streams.map(Leads::Stream));
            led.flat_map(|leads| [(leads, Cut::Silent), (leads, Cut::Refused)])
                .collect()
        }
    }
}

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let nodes = Nodes::start_to_split(3).await?;
    let launch = Launch::on(&nodes);
    let far = Launch {
        nats: nodes.url_of(nodes.far()),
        ..Launch::default()
    };
    let mut arena = Arena::set_parted(plan, nodes, launch, PARTITIONS_OF_TWO).await?;
    arena.promised = promised(plan);
    let home = arena.folder().join("engine-2");
    std::fs::create_dir(&home)?;
    let second = Engine::start_with(&far, &home).await?;
    let faults = rounds(&mut arena, &second, plan).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena<Nodes>, second: &Engine, plan: &Plan) -> anyhow::Result<()> {
    arena.cluster.have_replicas(&STREAMS, 3).await?;
    for round in 1..=plan.rounds {
        for (leads, how) in cuts(plan.form) {
            arena.cluster.healthy(&STREAMS).await?;
            share(arena, second).await?;
            let what = format!("round {round}: the far node leads {leads:?}, {how:?}");
            split(arena, second, leads, how, &what).await?;
        }
    }
    share(arena, second).await
}

async fn split(
    arena: &mut Arena<Nodes>,
    second: &Engine,
    leads: Leads,
    how: Cut,
    what: &str,
) -> anyhow::Result<()> {
    let far = arena.cluster.far();
    match leads {
        Leads::Nothing => {}
        Leads::Stream(stream) => arena.cluster.let_lead(far, stream).await?,
        Leads::Meta => arena.cluster.let_lead_meta(far).await?,
    }
    arena.random_pause(WORKS_MS).await;
    arena.cluster.cut_off(how);
    arena.outcome.faults += 1;
    let cut = Instant::now();
    let apart = arena.recovered(cut, &format!("{what}: cut off")).await;
    let says_so = eventually("the engine on the far side says that it is not ready", || async {
        let ready = second.ask("GET", "/readyz", "", "").await;
        ready.is_ok_and(|ready| ready.status == 503)
    })
    .await;
    tokio::time::sleep_until(cut + SPLIT).await;
    arena.cluster.heal(how);
    apart?;
    says_so?;
    arena
        .recovered(Instant::now(), &format!("{what}: whole again"))
        .await
}
