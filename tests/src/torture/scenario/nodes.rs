//! A broker of three nodes. What the engine made in one copy is raised to three under load. Then one node after the
//! other is killed or stands still, also the one that leads the input, the pipeline's own stream, the registry or the
//! meta group. Every user is served again while the node is away. Every other node that was killed comes back empty.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    engine::Launch,
    nodes::Nodes,
    torture::{
        Form, Plan,
        arena::{Arena, PARTITIONS},
        load,
        look::OUTPUT_STREAM,
        report::Outcome,
    },
};

/// A node that dies stops nothing for longer.
const SERVED_WITHIN: Duration = Duration::from_secs(15);
/// The same in the short form, which runs beside other tests.
const SERVED_WITHIN_SHORT: Duration = Duration::from_mins(1);
/// What the engine keeps beside the pipeline's own stream.
const REGISTRY: &str = "KV_tailrace_registry";
/// What has all its copies before the next node goes.
pub(super) const STREAMS: [&str; 5] = [
    load::STREAM,
    OUTPUT_STREAM,
    REGISTRY,
    "KV_tailrace_engines",
    "OBJ_tailrace_plugins",
];
/// All work for so long, in milliseconds, at most, before the next fault.
const WORKS_MS: u64 = 1_000;

/// The node that a fault meets.
#[derive(Debug, Clone, Copy)]
enum Target {
    Node(usize),
    LeaderOf(&'static str),
    LeaderOfMeta,
}

/// What is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill,
    Freeze,
}

/// How long a broker of several nodes may stand still.
pub(super) fn promised(plan: &Plan) -> Duration {
    match plan.form {
        Form::Short => SERVED_WITHIN_SHORT,
        Form::Long => SERVED_WITHIN,
    }
}

fn targets(form: Form) -> Vec<Target> {
    match form {
        Form::Short => vec![Target::LeaderOfMeta],
        Form::Long => {
            let nodes = (0..3).map(Target::Node);
            let led = [load::STREAM, OUTPUT_STREAM, REGISTRY].map(Target::LeaderOf);
            nodes.chain(led).chain([Target::LeaderOfMeta]).collect()
        }
    }
}

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let nodes = Nodes::start(3).await?;
    let launch = Launch::on(&nodes);
    let in_one_copy = launch.clone().with("TAILRACE_NATS__REPLICAS", "1");
    let mut arena = Arena::set_parted(plan, nodes, in_one_copy, PARTITIONS).await?;
    arena.launch = launch;
    arena.promised = promised(plan);
    let faults = rounds(&mut arena, plan).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena<Nodes>, plan: &Plan) -> anyhow::Result<()> {
    raise(arena).await?;
    let mut killed = 0;
    for round in 1..=plan.rounds {
        for target in targets(plan.form) {
            for fault in [Fault::Kill, Fault::Freeze] {
                arena.random_pause(WORKS_MS).await;
                killed += u32::from(fault == Fault::Kill);
                let what = format!("round {round}: {target:?}, {fault:?}");
                meet(arena, target, fault, killed % 2 == 1, &what).await?;
            }
        }
    }
    Ok(())
}

/// From one copy of everything to three, by a restart of the engine.
async fn raise(arena: &mut Arena<Nodes>) -> anyhow::Result<()> {
    anyhow::ensure!(
        arena.cluster.replicas_of(OUTPUT_STREAM).await? == 1,
        "the own stream had more than one copy from the start"
    );
    arena.engine.restart(&arena.launch)?;
    arena
        .recovered(Instant::now(), "the engine raises its streams")
        .await?;
    arena.cluster.have_replicas(&STREAMS, 3).await?;
    arena.cluster.healthy(&STREAMS).await?;
    arena
        .recovered(Instant::now(), "every stream has three copies")
        .await
}

/// One fault: all users are served while the node is away, and when it is back.
async fn meet(
    arena: &mut Arena<Nodes>,
    target: Target,
    fault: Fault,
    emptied: bool,
    what: &str,
) -> anyhow::Result<()> {
    let node = match target {
        Target::Node(node) => node,
        Target::LeaderOf(stream) => arena.cluster.leader_of(stream).await?,
        Target::LeaderOfMeta => arena.cluster.leader_of_meta().await?,
    };
    match fault {
        Fault::Kill => arena.cluster.kill(node),
        Fault::Freeze => arena.cluster.freeze(node, true)?,
    }
    arena.outcome.faults += 1;
    arena
        .recovered(Instant::now(), &format!("{what}: n{node} is away"))
        .await?;
    match fault {
        Fault::Kill => arena.cluster.restart(node, emptied)?,
        Fault::Freeze => arena.cluster.freeze(node, false)?,
    }
    arena.cluster.healthy(&STREAMS).await?;
    let back = if emptied && fault == Fault::Kill {
        "back, emptied"
    } else {
        "back"
    };
    arena
        .recovered(Instant::now(), &format!("{what}: n{node} is {back}"))
        .await
}
