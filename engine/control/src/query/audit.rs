//! Reading the audit log.

use tailrace_core::{name::Name, ports::audit::Audited};

use crate::{error::ControlResult, query::Queries};

/// Most records of one page.
pub const MAX_PAGE: usize = 500;

impl Queries {
    /// Records before a position in the log, of a tenant or of all, newest first.
    pub async fn audit(
        &self,
        tenant: Option<&Name>,
        before: Option<u64>,
        limit: usize,
    ) -> ControlResult<Vec<Audited>> {
        if let Some(tenant) = tenant {
            self.context.tenant(tenant)?;
        }
        Ok(self
            .context
            .world
            .audit
            .before(tenant, before, limit.clamp(1, MAX_PAGE))
            .await?)
    }
}
