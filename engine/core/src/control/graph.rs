//! The flow of a pipeline, or of all pipelines of a tenant, as a picture of what is registered.

use super::{Control, Outcome};
use crate::{
    graph::{Detail, Drawn, Graph, draw},
    identity::PipelineId,
    name::Name,
    pipeline::status::State,
};

impl Control {
    /// One pipeline with its steps. What feeds it is drawn as the subjects that it reads.
    pub fn pipeline_graph(&self, id: &PipelineId) -> Outcome<Graph> {
        let pipeline = self.pipeline(id)?;
        let drawn = Drawn {
            id,
            pipeline: &pipeline,
            state: self.state_of(id),
        };
        Ok(draw(&[drawn], Detail::Steps))
    }

    /// All pipelines of a tenant, and what feeds what.
    pub fn tenant_graph(&self, tenant: &Name, detail: Detail) -> Outcome<Graph> {
        self.tenant(tenant)?;
        let registry = self.registry()?;
        let pipelines = registry.pipelines_of(tenant).map(|(id, pipeline)| Drawn {
            id,
            pipeline,
            state: self.state_of(id),
        });
        Ok(draw(&pipelines.collect::<Vec<_>>(), detail))
    }

    fn state_of(&self, id: &PipelineId) -> State {
        let status = self.overview.pipeline(id);
        status.map(|status| status.state()).unwrap_or_default()
    }
}
