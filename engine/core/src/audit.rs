//! The audit log: who changed what, when, from what to what. One [`AuditRecord`] a change, of everything that
//! goes through the control plane.
//!
//! A record is written before the change is made ([`ChangeState::Begun`]). When it is known what came of the
//! change, another one under the same id replaces it. So there is no change without a record. A record that
//! stayed `begun` says that the engine, the broker or the client went away in between; the registry says what
//! is so. Records hold no secrets: manifests are digests and names of fields, tokens are ids.
//!
//! Why: docs/decisions/0038-audit-before-the-change.md

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{identity::Digest, life::Life, name::Name};

/// Largest `before` and `after`, for the log is bounded by the number of its records. What is larger is told
/// by its digest.
const MAX_SIDE_BYTES: usize = 4 * 1024;
/// Most fields that a record names as changed.
const MAX_FIELDS: usize = 32;

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Actor {
    /// Public id of the token; none where the engine itself acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What the token may do: `operator`, `shop:deploy`; `engine` for the engine itself.
    pub scope: String,
    /// What the token is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Actor {
    /// The engine itself, and whoever embeds it.
    pub fn engine() -> Self {
        Self {
            token: None,
            scope: "engine".to_owned(),
            label: None,
        }
    }
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ChangeState {
    /// Not known: it was about to be made.
    Begun,
    /// It was made.
    Done,
    /// It was not made, or not wholly.
    Failed {
        /// The error's code.
        code: String,
    },
}

/// What is about to be changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is done: `pipeline-applied`.
    pub action: &'static str,
    /// Whose thing it is; none for what is the operator's.
    pub tenant: Option<Name>,
    /// In which life of the tenant; where it is not said, in the one that the name has now.
    pub tenant_life: Option<Life>,
    /// The thing: `pipeline/clicks`.
    pub target: String,
    /// What it was; none if it was not there.
    pub before: Option<Value>,
    /// What it is to be; none if it is to go.
    pub after: Option<Value>,
}

impl Change {
    /// A change of a tenant's thing.
    pub fn new(action: &'static str, tenant: &Name, target: impl Into<String>) -> Self {
        Self {
            action,
            tenant: Some(tenant.clone()),
            tenant_life: None,
            target: target.into(),
            before: None,
            after: None,
        }
    }

    /// In this life of the tenant.
    #[must_use]
    pub fn in_life(self, life: Life) -> Self {
        Self {
            tenant_life: Some(life),
            ..self
        }
    }

    /// What it was.
    #[must_use]
    pub fn from(self, before: Option<Value>) -> Self {
        Self {
            before: before.map(bounded),
            ..self
        }
    }

    /// What it is to be.
    #[must_use]
    pub fn to(self, after: Value) -> Self {
        Self {
            after: Some(bounded(after)),
            ..self
        }
    }
}

/// A change, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AuditRecord {
    /// Random; the record that says what came of it bears the same.
    pub id: String,
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// Who.
    pub who: Actor,
    /// What was done.
    pub action: String,
    /// Whose thing it is; none for what is the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Name>,
    /// In which life of the tenant: one that bears the same name later does not see it.
    #[serde(default, skip_serializing_if = "Life::is_unnamed")]
    pub tenant_life: Life,
    /// The thing.
    pub target: String,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Revision of the registry that the change was decided on.
    pub registry_revision: u64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: ChangeState,
}

/// A digest of anything that is written as JSON: equal things have equal ones.
pub fn digest(value: &impl Serialize) -> Digest {
    Digest::of(&serde_json::to_vec(value).unwrap_or_default())
}

/// Paths of the fields in which two things differ, without what they hold: a config may hold secrets.
pub fn changed_fields(before: &impl Serialize, after: &impl Serialize) -> Vec<String> {
    let (before, after) = (serde_json::to_value(before), serde_json::to_value(after));
    let mut fields = Vec::new();
    differ(
        &before.unwrap_or_default(),
        &after.unwrap_or_default(),
        "",
        &mut fields,
    );
    fields
}

fn differ(before: &Value, after: &Value, path: &str, fields: &mut Vec<String>) {
    if before == after || fields.len() >= MAX_FIELDS {
        return;
    }
    match (before, after) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one
                .keys()
                .chain(other.keys().filter(|key| !one.contains_key(*key)))
            {
                let null = Value::Null;
                let (one, other) = (one.get(key).unwrap_or(&null), other.get(key).unwrap_or(&null));
                differ(one, other, &format!("{path}/{key}"), fields);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differ(one, other, &format!("{path}/{index}"), fields);
            }
        }
        _ => fields.push(path.to_owned()),
    }
}

/// What is too large for a record is told by its digest.
pub fn bounded(value: Value) -> Value {
    let bytes = serde_json::to_vec(&value).unwrap_or_default();
    if bytes.len() <= MAX_SIDE_BYTES {
        return value;
    }
    serde_json::json!({ "sha256": Digest::of(&bytes), "bytes": bytes.len() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_named_by_its_path_and_not_by_what_it_holds() {
        let before = json!({ "name": "p", "steps": [{ "config": { "key": "secret-1" } }], "partitions": 1 });
        let after = json!({ "name": "p", "steps": [{ "config": { "key": "secret-2" } }], "output": {} });
        let fields = changed_fields(&before, &after);
        assert_eq!(fields, ["/partitions", "/steps/0/config/key", "/output"]);
        assert!(changed_fields(&before, &before).is_empty());
    }

    #[test]
    fn a_record_is_bounded_whatever_is_changed() {
        let name = Name::new("shop").unwrap();
        let many: Vec<u32> = (0..100_000).collect();
        let change = Change::new("tenant-put", &name, "tenant/shop").to(json!({ "read": many }));
        assert!(change.after.unwrap().to_string().len() < 200);
        let one: Vec<u32> = vec![0; 100];
        let other: Vec<u32> = vec![1; 100];
        assert_eq!(changed_fields(&one, &other).len(), MAX_FIELDS);
    }

    #[test]
    fn a_record_reads_back_as_it_is_written() {
        let record = AuditRecord {
            id: "1".into(),
            at_ms: 2,
            who: Actor::engine(),
            action: "pipeline-applied".into(),
            tenant: Some(Name::new("shop").unwrap()),
            tenant_life: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            target: "pipeline/p".into(),
            before: None,
            after: Some(json!({ "revision": 1 })),
            registry_revision: 3,
            outcome: ChangeState::Failed {
                code: "conflict".into(),
            },
        };
        let text = serde_json::to_string(&record).unwrap();
        assert!(text.contains(r#""outcome":"failed","code":"conflict""#), "{text}");
        assert_eq!(serde_json::from_str::<AuditRecord>(&text).unwrap(), record);
        let before_lives = text.replace(r#""tenant_life":"0123456789abcdef0123456789abcdef","#, "");
        assert_ne!(before_lives, text);
        let read: AuditRecord = serde_json::from_str(&before_lives).unwrap();
        assert!(read.tenant_life.is_unnamed());
    }
}
