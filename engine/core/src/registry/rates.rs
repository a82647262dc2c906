//! How much of a tenant's work may happen within a time, and its share of the guest threads.

use serde::{Deserialize, Serialize};

use crate::rate::{ByteRate, Rate};

/// How much a tenant may do within a time, all its pipelines together. What is left out has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TenantRates {
    /// Events that are processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Rate>,
    /// Messages that are published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Rate>,
    /// Bytes of their payloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<ByteRate>,
    /// Fuel that plugins use, about one a wasm instruction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<Rate>,
}

impl TenantRates {
    /// What is wrong with them, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let limits = [
            ("events", self.events),
            ("outputs", self.outputs),
            ("output-bytes", self.output_bytes.map(Rate::from)),
            ("fuel", self.fuel),
        ];
        for (name, limit) in limits {
            if let Some(Err((field, hint))) = limit.map(|limit| limit.check()) {
                return Err(format!("quotas.rates.{name}.{field}: {hint}"));
            }
        }
        Ok(())
    }
}

/// A tenant's share of the guest threads when several want them: twice the weight, twice the time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Weight(pub u32);

impl Weight {
    /// Largest. One turn of the lightest tenant then weighs as much as a thousand of the heaviest.
    pub const MAX: u32 = 1_000;

    /// What is wrong with it, if anything is.
    pub fn check(self) -> Result<(), String> {
        if (1..=Self::MAX).contains(&self.0) {
            return Ok(());
        }
        Err(format!("quotas.weight: 1 to {} are allowed", Self::MAX))
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(1)
    }
}
