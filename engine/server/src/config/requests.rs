//! How often clients may ask the API.

use serde::{Deserialize, Serialize};
use tailrace_admin::RequestRates;
use tailrace_core::rate::Rate;

/// Rate limits for requests to the API. A request over the limit gets 429 and the header `retry-after`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RequestsConfig {
    /// The rate of requests with one token.
    pub per_token: Rate,
    /// The rate of requests without a valid token from one address, or from one /64 network of IPv6. All clients
    /// behind a proxy have its address.
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
