//! By which limit a pipeline is throttled.

use serde::{Deserialize, Serialize};

/// What holds events back, or sheds them: mostly a limit that there is no room under. Records hold its number, so
/// another one comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "ThrottledBy")]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The pipeline's, on events.
    Events,
    /// The pipeline's, on messages that it publishes.
    Outputs,
    /// The pipeline's, on their bytes.
    OutputBytes,
    /// The tenant's, on events.
    TenantEvents,
    /// The tenant's, on messages that it publishes.
    TenantOutputs,
    /// The tenant's, on their bytes.
    TenantOutputBytes,
    /// The tenant's, on fuel.
    TenantFuel,
    /// The tenant's quota of state is used up: a row of a table waits.
    StateQuota,
    /// No limit: the partition backs off, because call after call was stopped by its deadline or its fuel.
    StoppedCalls,
}

impl By {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "the pipeline's rate of events",
            Self::Outputs => "the pipeline's rate of outputs",
            Self::OutputBytes => "the pipeline's rate of output-bytes",
            Self::TenantEvents => "the tenant's rate of events",
            Self::TenantOutputs => "the tenant's rate of outputs",
            Self::TenantOutputBytes => "the tenant's rate of output-bytes",
            Self::TenantFuel => "the tenant's rate of fuel",
            Self::StateQuota => "the tenant's quota of state-bytes",
            Self::StoppedCalls => "the rest after calls that were stopped",
        }
    }
}
