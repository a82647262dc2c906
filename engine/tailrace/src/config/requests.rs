//! How often clients may ask the API.

use serde::{Deserialize, Serialize};
use tailrace_admin::RequestRates;
use tailrace_core::rate::Rate;

/// How often clients may ask; who asks more often gets 429 and is told when to come back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RequestsConfig {
    /// With one token.
    pub per_token: Rate,
    /// From one address (one /64 in IPv6) without a valid token. Behind a proxy all clients have its
    /// address.
    pub per_address: Rate,
}

impl Default for RequestsConfig {
    fn default() -> Self {
        let RequestRates {
            per_token,
            per_address,
        } = RequestRates::default();
        Self {
            per_token,
            per_address,
        }
    }
}

impl RequestsConfig {
    /// As the API takes it.
    pub fn rates(&self) -> anyhow::Result<RequestRates> {
        for (name, rate) in [("per-token", self.per_token), ("per-address", self.per_address)] {
            if let Err((field, hint)) = rate.check() {
                anyhow::bail!("requests.{name}.{field}: {hint}");
            }
        }
        Ok(RequestRates {
            per_token: self.per_token,
            per_address: self.per_address,
        })
    }
}
