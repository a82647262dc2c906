//! Reading the audit log.

use tailrace_core::{
    name::Name,
    ports::{
        audit::{Audited, Whose},
        broker::BrokerError,
    },
};

use crate::{error::ControlResult, query::Queries};

/// Most records of one page.
pub const MAX_PAGE: usize = 500;

impl Queries {
    /// Records before a position in the log, newest first.
    pub async fn audit(
        &self,
        whose: Whose<'_>,
        before: Option<u64>,
        limit: usize,
    ) -> ControlResult<Vec<Audited>> {
        if let Some(name) = whose.name() {
            self.context.tenant(name)?;
        }
        let log = &self.context.world.audit;
        match log.before(whose, before, limit.clamp(1, MAX_PAGE)).await {
            // Before the first change there is none. One that is gone is no empty one.
            Err(BrokerError::NoStream(_)) if !self.context.registry()?.has_had_tenants => Ok(Vec::new()),
            records => Ok(records?),
        }
    }

    /// The same of a tenant, as the tenant itself sees it: without those of others that bore its name before.
    pub async fn audit_of(
        &self,
        tenant: &Name,
        before: Option<u64>,
        limit: usize,
    ) -> ControlResult<Vec<Audited>> {
        let life = self.context.tenant(tenant)?.life;
        self.audit(Whose::Tenant(tenant, life), before, limit).await
    }
}
