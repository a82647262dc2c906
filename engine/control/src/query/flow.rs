//! The flow of a pipeline, or of all pipelines of a tenant, as a picture of what is registered.

use tailrace_core::{identity::PipelineId, name::Name};

use crate::{
    error::ControlResult,
    query::{
        Queries,
        graph::{
            draw::{Detail, Drawn, draw},
            model::Graph,
        },
    },
};

impl Queries {
    /// One pipeline with its steps. What feeds it is drawn as the subjects that it reads.
    pub fn pipeline_graph(&self, id: &PipelineId) -> ControlResult<Graph> {
        let pipeline = self.context.pipeline(id)?;
        let drawn = Drawn {
            id,
            pipeline: &pipeline,
            state: self.state_of(id, &pipeline),
        };
        Ok(draw(&[drawn], Detail::Steps))
    }

    /// All pipelines of a tenant, and what feeds what.
    pub fn tenant_graph(&self, tenant: &Name, detail: Detail) -> ControlResult<Graph> {
        self.context.tenant(tenant)?;
        let registry = self.context.registry()?;
        let pipelines = registry.pipelines_of(tenant).map(|(id, pipeline)| Drawn {
            id,
            pipeline,
            state: self.state_of(id, pipeline),
        });
        Ok(draw(&pipelines.collect::<Vec<_>>(), detail))
    }
}
