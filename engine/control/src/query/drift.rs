//! How far the values of the last stretch of event time are from those of the stretch before it.

use std::time::Duration;

use serde::Serialize;
use tailrace_core::{identity::PipelineId, units::Span};

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        sketches::{Covers, Point, SketchAsk},
    },
};

/// How far apart two stretches are.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct DriftView {
    /// The distance; none where one of them has no values. What it is for each kind of sketch, the reference says.
    pub drift: Option<f64>,
    /// The last stretch, in whole windows.
    pub last: Stretch,
    /// The one before it.
    pub base: Stretch,
}

/// A stretch of event time.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "DriftStretch")]
pub struct Stretch {
    /// The windows that answer.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Covers>,
    /// The number of values in it.
    pub count: u64,
}

impl Queries {
    /// How far the last stretch is from the one before it.
    pub async fn drift(
        &self,
        id: &PipelineId,
        name: &str,
        last: Duration,
        base: Duration,
    ) -> ControlResult<DriftView> {
        let ask = SketchAsk {
            from: Some(Point::Ago(last)),
            to: Some(Point::Clock),
            ..SketchAsk::default()
        };
        let (newer, newer_covers) = self.merged(id, name, &ask).await?;
        let begins_ms = newer_covers.map_or(0, |covers| covers.from);
        let base_ms = Span(base).as_millis();
        let ask = SketchAsk {
            from: Some(Point::At(begins_ms.saturating_sub(base_ms))),
            to: Some(Point::At(begins_ms)),
            ..SketchAsk::default()
        };
        let (older, older_covers) = self.merged(id, name, &ask).await?;
        let drift = newer
            .drift(&older)
            .map_err(|cause| ControlError::Internal(cause.to_string()))?;
        let stretch = |covers, count| Stretch { covers, count };
        Ok(DriftView {
            drift,
            last: stretch(newer_covers, newer.count()),
            base: stretch(older_covers, older.count()),
        })
    }
}
