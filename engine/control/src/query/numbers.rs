//! The numbers that alarms are about: a pipeline's, an engine's, a sketch's.

use std::{collections::BTreeSet, time::Duration};

use tailrace_core::{
    alarm::{
        Aspect,
        numbers::{EngineNumbers, Numbers},
    },
    identity::PipelineId,
    observe::status::State,
    series::Groups,
};
use tailrace_sketch::{Answer as SketchAnswer, Query};

use crate::{
    error::ControlResult,
    query::{
        Queries,
        local::{Answer, What},
        sketches::{Point, SketchAsk},
    },
};

impl Queries {
    /// What a pipeline shows on all its engines.
    pub(crate) async fn pipeline_numbers(&self, id: &PipelineId) -> ControlResult<Numbers> {
        let mut all = Numbers::default();
        for answer in self.ask(id, What::Numbers).await? {
            if let Answer::Numbers(numbers) = answer {
                all.merge(&numbers);
            }
        }
        Ok(all)
    }

    /// What a pipeline shows on this engine.
    pub(crate) fn numbers_here(&self, id: &PipelineId) -> Numbers {
        let Some(status) = self.context.overview.pipeline(id) else {
            return Numbers::default();
        };
        let state_bytes = self.context.world.store.size_bytes(&id.tenant).unwrap_or(0);
        Numbers::of(&status.report(), state_bytes)
    }

    pub(crate) fn engine_numbers(&self) -> EngineNumbers {
        let mut numbers = EngineNumbers {
            broker_connected: self.context.world.streams.is_connected(),
            watchers: self.context.overview.places().taken() as u64,
            ..EngineNumbers::default()
        };
        let spans = self.context.world.tracer.counts();
        numbers.spans_lost = spans.dropped + spans.failed;
        let mut tenants = BTreeSet::new();
        for (id, status) in self.context.overview.all() {
            let report = status.report();
            numbers.pipelines += 1;
            let in_trouble = matches!(report.state, State::Waiting { .. } | State::Parked { .. });
            numbers.pipelines_in_trouble += u64::from(in_trouble);
            numbers.all.merge(&Numbers::of(&report, 0));
            tenants.insert(id.tenant);
        }
        let sizes = tenants
            .iter()
            .map(|tenant| self.context.world.store.size_bytes(tenant).unwrap_or(0));
        numbers.all.state_bytes = sizes.sum();
        numbers
    }

    pub(crate) async fn sketch_value(
        &self,
        id: &PipelineId,
        name: &str,
        aspect: &Aspect,
        over: Option<Duration>,
    ) -> ControlResult<Option<f64>> {
        if let (Aspect::Drift(base), Some(last)) = (aspect, over) {
            return Ok(self.drift(id, name, last, *base).await?.drift);
        }
        let mut query = Query::default();
        match aspect {
            Aspect::Quantile(share) => query.quantiles = vec![*share],
            Aspect::Top(item) => query.item = Some(item.clone()),
            _ => {}
        }
        let ask = SketchAsk {
            query,
            from: over.map(Point::Ago),
            // False dates may lie ahead of the clock, and are not of the last minutes.
            to: over.map(|_| Point::Clock),
            groups: Groups::Together,
        };
        let report = self.sketch_view(id, name, &ask).await?.report;
        if *aspect == Aspect::Count {
            return Ok(Some(report.count as f64));
        }
        Ok(match (aspect, report.answer) {
            (Aspect::Quantile(_), SketchAnswer::Quantiles { quantiles, .. }) => {
                quantiles.first().and_then(|(_, value)| *value)
            }
            (Aspect::Min, SketchAnswer::Quantiles { min, .. }) => min,
            (Aspect::Max, SketchAnswer::Quantiles { max, .. }) => max,
            (Aspect::Sum, SketchAnswer::Quantiles { sum, .. }) => sum,
            (Aspect::Distinct, SketchAnswer::Distinct { distinct }) => Some(distinct),
            (Aspect::Top(_), SketchAnswer::Top { asked, .. }) => asked.map(|count| count as f64),
            _ => None,
        })
    }
}
