//! The alarms of a pipeline, for those who look.

use tailrace_core::{alarm::memory::Memory, identity::PipelineId, manifest::alarm_rules::alarms};

use crate::{
    alarms::{
        reports::{self, AlarmReport},
        subject::Subject,
    },
    error::ControlResult,
    query::Queries,
};

impl Queries {
    /// The alarms of a pipeline. Where another engine keeps them, what it wrote of them last: those that
    /// fired or resolved.
    pub(crate) async fn alarms_of(&self, id: &PipelineId) -> ControlResult<Vec<AlarmReport>> {
        if alarms(&self.context.pipeline(id)?.active.manifest).is_empty() {
            return Ok(Vec::new());
        }
        let subject = Subject::Pipeline(id.clone());
        if let Some(reports) = self.reports.of(&subject) {
            return Ok(reports);
        }
        let entry = self.context.world.alarms.get(&subject.key()).await?;
        let value = entry.and_then(|entry| entry.value);
        let memory = value.and_then(|value| serde_json::from_slice::<Memory>(&value).ok());
        Ok(reports::reports(&memory.unwrap_or_default()))
    }
}
