//! The stream of a pipeline's own.

use std::time::Duration;

use super::BrokerError;
use crate::{
    identity::PipelineId,
    life::Life,
    manifest::{OutputManifest, PipelineManifest},
    subject,
};

/// The stream of a pipeline's own cannot be made, or used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OwnError {
    /// It is gone, and with it all that was committed.
    #[error("the pipeline's own stream {0:?} is gone, and with it what was committed")]
    Gone(String),
    /// A stream of that name is not this pipeline's.
    #[error("stream {name:?} is not this pipeline's own: {why}")]
    Foreign {
        /// Its name.
        name: String,
        /// How one knows.
        why: String,
    },
    /// Somebody's own stream bears that name.
    #[error(
        "stream {0:?} has the name of the pipeline's own stream, and no engine made it; keep what it holds elsewhere, and delete it: nats stream rm {0}"
    )]
    Theirs(String),
    /// The broker failed, or refuses it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The stream of a pipeline's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnStream {
    /// Whose.
    pub pipeline: PipelineId,
    /// Which life of it.
    pub life: Life,
    /// Pattern of the outputs; none where the pipeline publishes nothing.
    pub output_pattern: Option<String>,
    /// How long outputs are kept.
    pub keep_age: Option<Duration>,
    /// Bytes above which the oldest outputs are purged.
    pub keep_bytes: Option<u64>,
    /// Fewest replicas; none for as many as the engine's configuration says.
    pub replicas: Option<u64>,
}

impl OwnStream {
    /// The subjects that it takes.
    pub fn subjects(&self) -> Vec<String> {
        let own = subject::own_pattern(&self.pipeline);
        std::iter::once(own).chain(self.output_pattern.clone()).collect()
    }
}

/// The stream that a pipeline of this manifest needs.
pub fn own_stream(pipeline: &PipelineId, life: Life, manifest: &PipelineManifest) -> OwnStream {
    let output = manifest.output.as_ref();
    OwnStream {
        pipeline: pipeline.clone(),
        life,
        output_pattern: output.map(OutputManifest::pattern),
        keep_age: output.and_then(|output| output.keep.age).map(|age| age.0),
        keep_bytes: output.and_then(|output| output.keep.bytes).map(|bytes| bytes.0),
        replicas: output.and_then(|output| output.replicas).map(u64::from),
    }
}
