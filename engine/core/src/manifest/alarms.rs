//! Alarms in a pipeline's manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    alarm::{memory::Alarm, notice::Target, parse::parse},
    name::Name,
};

/// An alarm fires while a rule holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AlarmManifest {
    /// The name is unique within the pipeline or the configuration.
    pub name: Name,
    /// The rule, such as `dead-letter-ratio > 0.01 for 1m` or `amounts.p99 > 500 for 5m`. `amounts.p99[5m] > 500`
    /// looks at the last five minutes of event time. The alarm ends when the rule has failed for as long.
    pub when: String,
    /// The receivers of notices. Without them the alarm appears in the status only.
    #[serde(default, skip_serializing_if = "NotifyManifest::is_empty")]
    pub notify: NotifyManifest,
}

/// The receivers of an alarm's notices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NotifyManifest {
    /// A NATS subject. A pipeline's must be within the tenant's write grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// A web address on a host that the operator allows. It has at most 1,024 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

impl NotifyManifest {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of them.
    pub fn targets(&self) -> Vec<Target> {
        let subject = self.subject.clone().map(Target::Subject);
        let webhook = self.webhook.clone().map(Target::Webhook);
        subject.into_iter().chain(webhook).collect()
    }
}

impl AlarmManifest {
    /// Read against a table of metrics.
    pub fn read(&self, metrics: &[&'static str]) -> Result<Alarm, String> {
        Ok(Alarm {
            name: self.name.clone(),
            when: self.when.clone(),
            rule: parse(&self.when, metrics).map_err(|cause| cause.to_string())?,
            targets: self.notify.targets(),
        })
    }
}
