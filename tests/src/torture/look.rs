//! Looks at what the broker holds: the input, the output, and how far the output is.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use futures::TryStreamExt as _;
use serde_json::Value;
use tailrace_nats::async_nats::jetstream;

use super::{
    checker::{Emitted, Published},
    load,
};
use crate::access::Access;

/// The stream of outputs.
pub const OUTPUT_STREAM: &str = "TR_shop_torture";
const OUTPUTS: &str = "shop.torture.*";
/// A look that takes longer met a fault; the next one may not.
const LOOK_WITHIN: Duration = Duration::from_secs(1);

/// Outputs of each user, in number.
pub type Counts = BTreeMap<String, u64>;

/// How many outputs each user has by now.
pub async fn counts(broker: &Access) -> anyhow::Result<Counts> {
    let mut jetstream = jetstream::new(broker.client.clone());
    jetstream.set_timeout(LOOK_WITHIN);
    let looking = async {
        let stream = jetstream.get_stream_no_info(OUTPUT_STREAM).await?;
        let subjects = stream.info_with_subjects(OUTPUTS).await?;
        let counts: Vec<(String, usize)> = subjects.try_collect().await?;
        anyhow::Ok(counts)
    };
    let counts = tokio::time::timeout(LOOK_WITHIN, looking).await??;
    let user = |subject: String| subject.rsplit('.').next().unwrap_or_default().to_owned();
    Ok(counts
        .into_iter()
        .map(|(subject, count)| (user(subject), count as u64))
        .collect())
}

/// The whole input.
pub async fn inputs(broker: &Access) -> anyhow::Result<Vec<Published>> {
    let messages = broker.read_sequenced(load::STREAM, "shop.events.>").await?;
    let read = messages.into_iter().map(|(sequence, _, payload)| {
        let event: Value = serde_json::from_slice(&payload)?;
        Ok(Published {
            sequence,
            user: event["user"].as_str().context("no user")?.to_owned(),
            number: event["n"].as_u64().context("no number")?,
        })
    });
    read.collect()
}

/// The whole output.
pub async fn outputs(broker: &Access) -> anyhow::Result<Vec<Emitted>> {
    let messages = broker.read_sequenced(OUTPUT_STREAM, OUTPUTS).await?;
    let read = messages.into_iter().map(|(at, _, payload)| {
        let output: Value = serde_json::from_slice(&payload)?;
        Ok(Emitted {
            at,
            user: output["key"].as_str().context("no key")?.to_owned(),
            count: output["count"].as_u64().context("no count")?,
            sequence: output["sequence"].as_u64().context("no sequence")?,
        })
    });
    read.collect()
}
