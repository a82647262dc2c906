//! Whose log lines these are. What a pipeline or a partition does runs within one of these spans, on
//! whatever thread, so every line of it bears tenant, pipeline and partition as fields, and no line has to
//! name them itself. A span is made once for each run of a partition; entering it costs tens of
//! nanoseconds, once a turn of many events.
//!
//! Why: docs/decisions/0032-log-lines-name-their-owner.md

use tailrace_core::identity::{PartitionId, PipelineId};
use tracing::{Span, error_span};

/// Of a pipeline. At the level of errors, so that no filter which lets lines pass takes it away.
pub fn pipeline(id: &PipelineId) -> Span {
    error_span!("pipeline", tenant = %id.tenant, pipeline = %id.pipeline)
}

/// Of a partition, whichever span this is called in.
pub fn partition(id: &PartitionId) -> Span {
    let pipeline = &id.pipeline;
    error_span!(
        parent: None,
        "partition",
        tenant = %pipeline.tenant,
        pipeline = %pipeline.pipeline,
        partition = id.partition
    )
}
