//! Streams that a tenant has made.

use tailrace_core::{name::Name, ports::tenant_streams::TenantStreamFacts};

use crate::{
    error::{ControlError, ControlResult},
    query::Queries,
    usage::Used,
};

impl Queries {
    /// All of them, in the order of their creation.
    pub async fn streams(&self, tenant: &Name) -> ControlResult<Vec<TenantStreamFacts>> {
        let life = self.context.tenant(tenant)?.life;
        let world = self.context.world_of(tenant).await?;
        Ok(world.tenant_streams.of(tenant, life).await?)
    }

    /// How much a tenant has, its streams included, unless the broker does not tell.
    pub async fn used_with_streams(&self, tenant: &Name) -> ControlResult<Used> {
        let used = self.context.used(tenant)?;
        let Ok(streams) = self.streams(tenant).await else {
            return Ok(used);
        };
        Ok(Used {
            streams: Some(streams.len() as u64),
            stream_bytes: Some(streams.iter().map(|stream| stream.wanted.max_bytes).sum()),
            ..used
        })
    }

    /// One of them.
    pub async fn stream(&self, tenant: &Name, name: &Name) -> ControlResult<TenantStreamFacts> {
        let all = self.streams(tenant).await?;
        all.into_iter()
            .find(|known| known.wanted.name == *name)
            .ok_or_else(|| ControlError::not_found("stream", name))
    }
}
