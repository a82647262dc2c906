//! Streams that tenants make for their events. Each bears in its metadata whose it is: a name alone could have been
//! given by an operator, or by an earlier tenant of the same name.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{
    life::Life,
    name::Name,
    ports::{
        broker::BrokerError,
        tenant_streams::{TenantSource, TenantStream, TenantStreamError, TenantStreamFacts, TenantStreams},
    },
    subject,
};

use crate::{
    api::{self, code},
    connect::NatsBroker,
};

/// Where a stream's metadata say which tenant made it, in which life, and what it calls it.
const TENANT: &str = "tailrace.tenant";
const TENANT_LIFE: &str = "tailrace.tenant-life";
const NAME: &str = "tailrace.name";

/// Within it a stream remembers the ids of its messages.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    streams: Option<Vec<Value>>,
}

fn config(wanted: &TenantStream) -> Value {
    let (age, window) = (
        wanted.max_age.as_nanos() as u64,
        DUPLICATE_WINDOW.as_nanos() as u64,
    );
    json!({
        "name": subject::tenant_stream_name(&wanted.tenant, &wanted.name),
        "description": format!("Tailrace: events of tenant {}", wanted.tenant),
        "subjects": wanted.subjects,
        "sources": wanted.sources.iter().map(source).collect::<Vec<_>>(),
        "retention": "limits",
        "storage": "file",
        "discard": if wanted.drops_oldest { "old" } else { "new" },
        "max_age": age,
        "max_bytes": wanted.max_bytes,
        "max_msgs_per_subject": if wanted.newest_only { 1 } else { -1 },
        // The broker takes no window that is longer than its messages live.
        "duplicate_window": if age == 0 { window } else { age.min(window) },
        "allow_direct": true,
        "metadata": {
            TENANT: wanted.tenant.as_str(),
            TENANT_LIFE: wanted.life.to_string(),
            NAME: wanted.name.as_str(),
        },
    })
}

fn source(source: &TenantSource) -> Value {
    json!({ "name": source.stream, "filter_subject": source.subject })
}

fn sources(config: &Value) -> Vec<TenantSource> {
    let sources = config["sources"].as_array().into_iter().flatten();
    let source = |source: &Value| {
        let text = |field: &str| source[field].as_str().map(str::to_owned);
        Some(TenantSource {
            stream: text("name")?,
            subject: text("filter_subject").unwrap_or_else(|| ">".to_owned()),
        })
    };
    sources.filter_map(source).collect()
}

/// What a tenant has made; none where no tenant has.
fn facts(info: &Value) -> Option<TenantStreamFacts> {
    let (config, state) = (&info["config"], &info["state"]);
    let says = |key: &str| config["metadata"][key].as_str();
    let subjects = config["subjects"].as_array().into_iter().flatten();
    Some(TenantStreamFacts {
        wanted: TenantStream {
            tenant: Name::new(says(TENANT)?).ok()?,
            life: says(TENANT_LIFE)?.parse().ok()?,
            name: Name::new(says(NAME)?).ok()?,
            subjects: subjects.filter_map(Value::as_str).map(str::to_owned).collect(),
            sources: sources(config),
            max_age: Duration::from_nanos(config["max_age"].as_u64().unwrap_or(0)),
            max_bytes: config["max_bytes"].as_u64().unwrap_or(0),
            drops_oldest: config["discard"] != "new",
            newest_only: config["max_msgs_per_subject"] == 1,
        },
        created: info["created"].as_str().unwrap_or_default().to_owned(),
        messages: state["messages"].as_u64().unwrap_or(0),
        bytes: state["bytes"].as_u64().unwrap_or(0),
        first_sequence: state["first_seq"].as_u64().unwrap_or(0),
        last_sequence: state["last_seq"].as_u64().unwrap_or(0),
    })
}

impl NatsBroker {
    /// What the broker knows of a stream by this name.
    async fn known(&self, name: &str) -> Result<Option<Value>, BrokerError> {
        match self.ask(&format!("STREAM.INFO.{name}"), &Value::Null).await {
            Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => Ok(None),
            info => info.map(Some),
        }
    }

    /// Changes a stream to what is wanted; what an operator has set besides stays.
    async fn update(&self, name: &str, known: &Value, wanted: &TenantStream) -> Result<Value, BrokerError> {
        let mut changed = known["config"].clone();
        let wanted = config(wanted);
        for field in [
            "subjects",
            "sources",
            "discard",
            "max_age",
            "max_bytes",
            "max_msgs_per_subject",
            "duplicate_window",
        ] {
            changed[field] = wanted[field].clone();
        }
        self.ask(&format!("STREAM.UPDATE.{name}"), &changed).await
    }
}

#[async_trait]
impl TenantStreams for NatsBroker {
    async fn put(&self, wanted: &TenantStream) -> Result<TenantStreamFacts, TenantStreamError> {
        let name = subject::tenant_stream_name(&wanted.tenant, &wanted.name);
        let known = self.known(&name).await?;
        let made = match &known {
            Some(info) => {
                let before = facts(info).ok_or(TenantStreamError::Taken)?;
                if before.wanted.tenant != wanted.tenant || before.wanted.life != wanted.life {
                    return Err(TenantStreamError::Taken);
                }
                if before.wanted == *wanted {
                    return Ok(before);
                }
                self.update(&name, info, wanted).await
            }
            None => self.create_stream::<Value>(&name, config(wanted)).await,
        };
        let made = made.map_err(|cause| match cause {
            cause if api::is(&cause, code::SUBJECTS_OVERLAP) => TenantStreamError::Overlaps,
            cause if api::is(&cause, code::NAME_IN_USE) => TenantStreamError::Taken,
            cause => cause.into(),
        })?;
        facts(&made).ok_or(TenantStreamError::Taken)
    }

    async fn of(&self, tenant: &Name, life: Life) -> Result<Vec<TenantStreamFacts>, BrokerError> {
        let mut found = Vec::new();
        let mut offset = 0;
        loop {
            let page: Page = self.ask("STREAM.LIST", &json!({ "offset": offset })).await?;
            let streams = page.streams.unwrap_or_default();
            if streams.is_empty() {
                break;
            }
            offset += streams.len();
            found.extend(
                streams
                    .iter()
                    .filter_map(facts)
                    .filter(|known| known.wanted.tenant == *tenant && known.wanted.life == life),
            );
        }
        found.sort_by(|one, other| {
            let of = |facts: &TenantStreamFacts| (facts.created.clone(), facts.wanted.name.clone());
            of(one).cmp(&of(other))
        });
        Ok(found)
    }

    async fn remove(&self, tenant: &Name, life: Life, name: &Name) -> Result<(), BrokerError> {
        let stream = subject::tenant_stream_name(tenant, name);
        let known = self.known(&stream).await?;
        let is_own = |facts: TenantStreamFacts| facts.wanted.tenant == *tenant && facts.wanted.life == life;
        if !known.as_ref().and_then(facts).is_some_and(is_own) {
            return Ok(());
        }
        match self
            .ask::<Value>(&format!("STREAM.DELETE.{stream}"), &Value::Null)
            .await
        {
            Err(cause) if !api::is(&cause, code::STREAM_NOT_FOUND) => Err(cause),
            _ => Ok(()),
        }
    }
}
