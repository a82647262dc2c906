//! The streams that the engine makes for all pipelines, compared with what the engine needs of them: the registry, the
//! leases, what alarms remember, the audit log, plugins and snapshots.
//!
//! Only what refuses writes or loses what was written counts. A limit that somebody has set on purpose is told, and
//! hinders nothing before it is reached.
//!
//! Why: docs/decisions/0209-what-the-engine-made-for-all-is-looked-at.md

use serde_json::{Value, json};
use tailrace_core::{
    altered::{Altered, Harm, SharedStream},
    ports::broker::BrokerError,
};

use crate::{
    api::{self, code},
    connect::NatsBroker,
    own_config::{give_back, others},
    registry::LEASE_KEPT,
};

/// What a limit must leave over.
const ROOM_BYTES: i64 = 1 << 20;
const ROOM_MESSAGES: i64 = 100;
/// The largest message that a bucket must take: an entry of the registry, or a chunk of an object.
const MESSAGE_BYTES: i64 = 256 << 10;

/// What kind of stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A key-value bucket, whose keys end after so many nanoseconds; 0 keeps them.
    Keys(u64),
    /// A bucket of objects.
    Objects,
    /// The audit log.
    Audit,
}

/// A stream for all pipelines.
struct Made {
    name: &'static str,
    kind: Kind,
    /// What its loss costs; none where nothing that matters.
    costs: Option<&'static str>,
}

const SHARED: [Made; 6] = [
    Made {
        name: "KV_tailrace_registry",
        kind: Kind::Keys(0),
        costs: None,
    },
    Made {
        name: "KV_tailrace_engines",
        kind: Kind::Keys(LEASE_KEPT.as_nanos() as u64),
        costs: Some("it is made anew, and engines write their leases again"),
    },
    Made {
        name: "KV_tailrace_alarms",
        kind: Kind::Keys(0),
        costs: Some("it is made anew, and alarms may tell again what they told"),
    },
    Made {
        name: "OBJ_tailrace_plugins",
        kind: Kind::Objects,
        costs: None,
    },
    Made {
        name: "OBJ_tailrace_snapshots",
        kind: Kind::Objects,
        costs: None,
    },
    Made {
        name: "tailrace_audit",
        kind: Kind::Audit,
        costs: Some("it begins anew, and what it holds is lost unless a backup has it"),
    },
];

impl Made {
    /// What makes room for a new one, where it can never be what it was.
    fn begins_anew(&self) -> String {
        let name = self.name;
        match self.costs {
            Some(costs) => format!("delete it: nats stream rm {name}; {costs}"),
            None => format!(
                "stop the engines, make a backup: nats stream backup {name} FOLDER, set sealed, deny_delete and deny_purge to false in FOLDER/backup.json, then: nats stream rm {name}, and: nats stream restore FOLDER"
            ),
        }
    }

    fn subjects(&self) -> Value {
        let bucket = self.name.split_once('_').map_or("", |(_, bucket)| bucket);
        match self.kind {
            Kind::Keys(_) => json!([format!("$KV.{bucket}.>")]),
            Kind::Objects => json!([format!("$O.{bucket}.C.>"), format!("$O.{bucket}.M.>")]),
            Kind::Audit => json!(["tr._audit.>"]),
        }
    }

    /// What it must be like.
    fn settings(&self) -> Vec<(&'static str, Value, Harm)> {
        let mut settings = vec![
            ("subjects", self.subjects(), Harm::Misleads),
            ("retention", json!("limits"), Harm::Misleads),
            ("subject_transform", Value::Null, Harm::Misleads),
            ("sources", Value::Null, Harm::Misleads),
            ("no_ack", json!(false), Harm::Misleads),
            ("sealed", json!(false), Harm::Final),
            ("max_bytes", json!(-1), Harm::Mendable),
            ("max_msg_size", json!(-1), Harm::Mendable),
        ];
        match self.kind {
            Kind::Keys(max_age) => settings.extend([
                ("max_msgs", json!(-1), Harm::Mendable),
                ("max_msgs_per_subject", json!(1), Harm::Mendable),
                ("max_age", json!(max_age), Harm::Misleads),
                ("discard", json!("new"), Harm::Mendable),
            ]),
            Kind::Objects => settings.extend([
                ("max_msgs", json!(-1), Harm::Mendable),
                ("max_msgs_per_subject", json!(-1), Harm::Misleads),
                ("max_age", json!(0), Harm::Misleads),
                ("discard", json!("new"), Harm::Mendable),
                ("allow_rollup_hdrs", json!(true), Harm::Misleads),
            ]),
            // How much of it is kept, and for how long, is for those to say who are audited.
            Kind::Audit => settings.extend([
                ("max_msgs_per_subject", json!(1), Harm::Mendable),
                ("discard", json!("old"), Harm::Mendable),
            ]),
        }
        settings
    }

    /// What of it is not as it must be.
    fn altered(&self, info: &Value) -> Vec<Altered> {
        let config = &info["config"];
        let mut altered = others(&sorted(config), self.settings());
        if self.kind == Kind::Audit
            && config["max_bytes"]
                .as_i64()
                .is_some_and(|most| most >= ROOM_BYTES)
        {
            altered.retain(|altered| altered.setting != "max_bytes");
        }
        for found in &mut altered {
            if found.harm == Harm::Mendable && is_reached(found.setting, info) {
                found.harm = Harm::Misleads;
            }
        }
        altered
    }

    fn mended(&self, info: &Value) -> Value {
        let mut config = info["config"].clone();
        for Altered { setting, .. } in self.altered(info) {
            let made = self.settings().into_iter().find(|(known, ..)| *known == setting);
            if let Some((_, made, _)) = made {
                give_back(&mut config, setting, made);
            }
        }
        config
    }
}

/// The order of subjects says nothing.
fn sorted(config: &Value) -> Value {
    let mut config = config.clone();
    if let Some(subjects) = config["subjects"].as_array_mut() {
        subjects.sort_unstable_by_key(Value::to_string);
    }
    config
}

/// Whether a limit leaves no room.
fn is_reached(setting: &str, info: &Value) -> bool {
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let limit = number(&info["config"][setting]);
    let state = &info["state"];
    match setting {
        "max_bytes" => limit < number(&state["bytes"]) + ROOM_BYTES,
        "max_msgs" => limit < number(&state["messages"]) + ROOM_MESSAGES,
        "max_msg_size" => limit < MESSAGE_BYTES,
        _ => false,
    }
}

impl NatsBroker {
    /// Those that are there, and not as they must be.
    pub(crate) async fn look_at_shared(&self) -> Result<Vec<SharedStream>, BrokerError> {
        let mut found = Vec::new();
        for made in &SHARED {
            let info: Value = match self
                .ask(&format!("STREAM.INFO.{}", made.name), &Value::Null)
                .await
            {
                Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => continue,
                info => info?,
            };
            let altered = made.altered(&info);
            if !altered.is_empty() {
                found.push(SharedStream {
                    name: made.name,
                    altered,
                    begins_anew: made.begins_anew(),
                });
            }
        }
        Ok(found)
    }

    /// Gives one of them back what it was made with.
    pub(crate) async fn give_back_shared(&self, name: &str) -> Result<(), BrokerError> {
        let Some(made) = SHARED.iter().find(|made| made.name == name) else {
            return Ok(());
        };
        let info: Value = self.ask(&format!("STREAM.INFO.{name}"), &Value::Null).await?;
        self.ask::<Value>(&format!("STREAM.UPDATE.{name}"), &made.mended(&info))
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> &'static Made {
        SHARED.iter().find(|made| made.name == name).unwrap()
    }

    fn info(made: &Made) -> Value {
        let mut config = json!({ "name": made.name, "num_replicas": 3, "allow_direct": true });
        for (setting, value, _) in made.settings() {
            // As the broker writes it.
            if !value.is_null() && value != json!(false) {
                config[setting] = value;
            }
        }
        json!({ "config": config, "state": { "bytes": 1_000, "messages": 10 } })
    }

    #[test]
    fn what_refuses_or_loses_is_found_and_given_back() {
        for made in &SHARED {
            assert_eq!(made.altered(&info(made)), [], "{}", made.name);
        }
        for (name, setting, value, harm) in [
            ("KV_tailrace_engines", "max_bytes", json!(100), Harm::Misleads),
            ("KV_tailrace_engines", "max_age", json!(1), Harm::Misleads),
            ("KV_tailrace_engines", "sealed", json!(true), Harm::Final),
            (
                "KV_tailrace_registry",
                "max_msgs_per_subject",
                json!(-1),
                Harm::Mendable,
            ),
            (
                "KV_tailrace_registry",
                "max_msgs_per_subject",
                json!(5),
                Harm::Mendable,
            ),
            (
                "KV_tailrace_registry",
                "max_age",
                json!(1_000_000_000),
                Harm::Misleads,
            ),
            (
                "KV_tailrace_registry",
                "max_bytes",
                json!(1 << 30),
                Harm::Mendable,
            ),
            ("tailrace_audit", "subjects", json!(["other.>"]), Harm::Misleads),
            (
                "OBJ_tailrace_snapshots",
                "max_age",
                json!(1_000_000_000),
                Harm::Misleads,
            ),
            (
                "OBJ_tailrace_snapshots",
                "max_bytes",
                json!(5_000),
                Harm::Misleads,
            ),
            (
                "OBJ_tailrace_plugins",
                "max_msg_size",
                json!(1_000),
                Harm::Misleads,
            ),
        ] {
            let made = made(name);
            let mut info = info(made);
            info["config"][setting] = value;
            let found = made.altered(&info);
            let found: Vec<_> = found.iter().map(|found| (found.setting, found.harm)).collect();
            assert_eq!(found, [(setting, harm)], "{name}");
            info["config"] = made.mended(&info);
            assert_eq!(made.altered(&info), [], "{name} {setting}");
        }
    }

    #[test]
    fn what_says_nothing_is_let_alone() {
        let plugins = made("OBJ_tailrace_plugins");
        let mut other = info(plugins);
        other["config"]["subjects"].as_array_mut().unwrap().reverse();
        other["config"]["num_replicas"] = json!(1);
        assert_eq!(plugins.altered(&other), []);
        // How much is kept of who changed what is the operator's to say.
        let audit = made("tailrace_audit");
        let mut other = info(audit);
        other["config"]["max_age"] = json!(86_400_000_000_000_i64);
        other["config"]["max_bytes"] = json!(10 << 20);
        assert_eq!(audit.altered(&other), []);
    }
}
