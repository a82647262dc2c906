//! Atomic batches on three replicas beside one: the same pipeline on one cluster of three nodes, whose own stream
//! has one copy and three copies in turn.

use anyhow::Context as _;
use tailrace_tests::nodes::Nodes;

use crate::{
    events::BYTES,
    jetstream::{self, StreamRound, row},
    options::Options,
    report::Section,
    stage::{Stage, Worker},
};

const ABOUT: &str = "Stored events of 256 bytes, read from a stream of three replicas, checked by the validator in \
exactly-once, and committed by atomic batches to the pipeline's own stream. Three nodes share the machine with the engine. \
Processor time and resident memory of the broker are those of all three nodes.";
/// Partitions: each has one batch under way.
const PARTITIONS: u32 = 2;
const NODES: usize = 3;

/// Measures it.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let nodes = Nodes::start(NODES).await?;
    let mut stage = Stage::set_on(nodes, &[("TAILRACE_NATS__REPLICAS", "1")]).await?;
    jetstream::store(&stage, options.events(), BYTES).await?;
    let worker = Worker::validating("exactly-once", PARTITIONS);
    let cases = [
        ("own stream with one replica", 1),
        ("own stream with three replicas", 3),
    ];
    let mut rounds: [Vec<StreamRound>; 2] = Default::default();
    for number in 0..options.rounds() {
        println!("replicas, round {} of {}", number + 1, options.rounds());
        for ((what, replicas), rounds) in cases.iter().zip(&mut rounds) {
            stage.replicas = Some(*replicas);
            let name = format!("r{number}c{replicas}");
            let round = jetstream::round(&stage, &worker, &name, options.events()).await;
            let round = round.context(*what).map_err(|cause| stage.explain(&cause))?;
            println!("    {what}: {:.0} events/s", round.rate);
            rounds.push(round);
        }
    }
    let mut section = Section::new("Replicas", ABOUT);
    let [(one, _), (three, _)] = cases;
    let [of_one, of_three] = &rounds;
    section.push(row(one.to_owned(), of_one));
    section.push(row(three.to_owned(), of_three).against(Some(one.to_owned())));
    Ok(vec![section])
}
