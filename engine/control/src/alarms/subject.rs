//! Whose alarms these are.

use tailrace_core::{
    alarm::memory::Owner,
    identity::{EngineId, PipelineId},
    name::Name,
};

/// Whose alarms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Pipeline(PipelineId),
    Engine(EngineId),
}

impl Subject {
    /// Its key in the bucket.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Pipeline(id) => format!("pipeline.{}.{}", id.tenant, id.pipeline),
            Self::Engine(engine) => format!("engine.{engine}"),
        }
    }

    pub(crate) fn of_key(key: &str) -> Option<Self> {
        let mut tokens = key.split('.');
        let kind = tokens.next()?;
        let mut name = || Name::new(tokens.next()?).ok();
        match kind {
            "pipeline" => Some(Self::Pipeline(PipelineId {
                tenant: name()?,
                pipeline: name()?,
            })),
            "engine" => Some(Self::Engine(name()?)),
            _ => None,
        }
    }

    pub(crate) fn owner(&self) -> Owner {
        match self {
            Self::Pipeline(id) => Owner {
                tenant: Some(id.tenant.clone()),
                pipeline: Some(id.pipeline.clone()),
                engine: None,
            },
            Self::Engine(engine) => Owner {
                engine: Some(engine.clone()),
                ..Owner::default()
            },
        }
    }
}
