//! The same pipeline on the same ratings, with the films of each visit in another order.

use evaluation::{Hits, Rating};

use super::{
    measure,
    pipelines::{apply_text, wait},
    publish,
};
use crate::dev::PrivateEngine;

const PIPELINE: &str = include_str!("../../../../examples/recommendations/pipeline.yaml");

/// Runs the ratings in an order of this seed through a pipeline of their own, and judges its lists.
pub async fn run(engine: &PrivateEngine, ratings: &[Rating], seed: u64) -> anyhow::Result<(u64, Hits)> {
    let mixed = evaluation::shuffled(ratings, seed);
    let pipeline = format!("shuffled{seed}");
    let manifest = PIPELINE
        .replace("name: recommendations", &format!("name: {pipeline}"))
        .replace(
            "stream: SHOP",
            &format!("stream: SHOP_{}", pipeline.to_uppercase()),
        )
        .replace("shop.events.>", &format!("shop.in.{pipeline}.>"))
        .replace("shop.recommendations.", &format!("shop.{pipeline}."));
    let broker = &engine.engine.broker;
    let (stream, subject) = (
        format!("SHOP_{}", pipeline.to_uppercase()),
        format!("shop.in.{pipeline}.rating"),
    );
    publish::make_stream(broker, &stream, &format!("shop.in.{pipeline}.>")).await?;
    publish::publish(broker, &subject, &mixed).await?;
    let id = apply_text(&engine.engine.commands, &manifest).await?;
    wait(&engine.engine.queries, &id, mixed.len() as u64).await?;
    let lists = publish::read_lists(broker, &pipeline).await?;
    Ok((seed, measure::in_background(mixed, lists).await?.all))
}
