//! Streams: facts of any, and the one of a pipeline's own. Its messages never age as a stream, for the
//! commit records must stay; outputs bear their own time to live instead.
//!
//! Why: docs/decisions/0018-age-of-outputs-per-message.md

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{
    altered::SharedStream,
    identity::PipelineId,
    life::Life,
    ports::broker::{
        BrokerError, Denied, OwnError, OwnStream, StreamFacts, StreamPage, Streams, check_own,
        has_lost_its_life,
    },
    subject, tasks,
};
use tokio::time::Instant;

use crate::{
    api::{self, code},
    connect::{NatsBroker, REGISTRY},
    consumers::{consumer_prefix, list_consumers, remove_consumer},
    error::unreachable,
    own_config,
    stream_info::{DESCRIPTION, LIFE, StreamInfo, copied, facts},
    sync::SyncPolicy,
};

/// Window in which the identifiers of at-least-once outputs are remembered.
const DUPLICATE_WINDOW_NS: u64 = 120_000_000_000;

/// The shortest window that JetStream takes.
const LEAST_WINDOW_NS: u64 = 200_000_000;

/// A look that is older than this is no ground to delete anything: it is looked again.
const FRESH: Duration = Duration::from_secs(1);

/// A consumer that only counts goes by itself after so long, should it not be deleted.
const COUNTER_LIVES_NS: u64 = 5_000_000_000;

#[derive(Deserialize)]
struct Counter {
    name: String,
    num_pending: u64,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    streams: Option<Vec<StreamInfo>>,
    #[serde(default)]
    total: u64,
}

#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    streams: Option<Vec<String>>,
}

fn description(own: &OwnStream) -> String {
    format!(
        "{DESCRIPTION} outputs, dead letters and commits of {}",
        own.pipeline
    )
}

fn config(own: &OwnStream) -> Value {
    let subjects = own.subjects();
    let mut config = json!({
        "name": subject::stream_name(&own.pipeline),
        "subjects": subjects,
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "duplicate_window": DUPLICATE_WINDOW_NS,
        "allow_direct": true,
        "allow_atomic": true,
        "allow_msg_ttl": true,
        "description": description(own),
    });
    if let Some(replicas) = own.replicas {
        config["num_replicas"] = json!(replicas);
    }
    if !own.life.is_unnamed() {
        config["metadata"] = json!({ LIFE: own.life });
        config["first_seq"] = json!(own.life.first_sequence());
    }
    config
}

#[async_trait]
impl Streams for NatsBroker {
    async fn stream(&self, name: &str) -> Result<StreamFacts, BrokerError> {
        match self
            .ask::<StreamInfo>(&format!("STREAM.INFO.{name}"), &Value::Null)
            .await
        {
            Ok(info) => Ok(facts(&info)),
            Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => {
                Err(BrokerError::NoStream(name.to_owned()))
            }
            Err(cause) => Err(cause),
        }
    }

    async fn streams_with(&self, pattern: &str) -> Result<Vec<String>, BrokerError> {
        let names: Names = self.ask("STREAM.NAMES", &json!({ "subject": pattern })).await?;
        Ok(names.streams.unwrap_or_default())
    }

    async fn derived_with(&self, pattern: &str) -> Result<Vec<String>, BrokerError> {
        let mut found = Vec::new();
        let mut offset = 0;
        loop {
            let page: Page = self.ask("STREAM.LIST", &json!({ "offset": offset })).await?;
            let streams = page.streams.unwrap_or_default();
            if streams.is_empty() {
                return Ok(found);
            }
            offset += streams.len();
            for derived in streams.iter().filter(|info| info.config.is_derived()) {
                let request = json!({ "subjects_filter": pattern });
                let name = &derived.config.name;
                let info: StreamInfo = self.ask(&format!("STREAM.INFO.{name}"), &request).await?;
                if info.state.subjects.is_some_and(|subjects| !subjects.is_empty()) {
                    found.push(name.clone());
                }
            }
        }
    }

    async fn create_own(&self, own: &OwnStream) -> Result<StreamFacts, OwnError> {
        let name = subject::stream_name(&own.pipeline);
        match self.stream(&name).await {
            Ok(known) => {
                check_own(&known, own)?;
                return self.bring_own(own, false).await;
            }
            Err(BrokerError::NoStream(_)) => {}
            Err(cause) => return Err(cause.into()),
        }
        let mut config = config(own);
        let made: StreamInfo = loop {
            match self.create_stream(&name, config.clone()).await {
                // A server may allow less. Within it, identifiers of at-least-once outputs are remembered.
                Err(BrokerError::Refused { description, .. })
                    if description.contains("duplicate")
                        && config["duplicate_window"].as_u64() > Some(LEAST_WINDOW_NS) =>
                {
                    config["duplicate_window"] =
                        json!(config["duplicate_window"].as_u64().map(|window| window / 2));
                }
                Err(BrokerError::Refused { code, description }) => {
                    return Err(self.name_holder(own, code, description).await.into());
                }
                made => break made?,
            }
        };
        // Where two engines were at it at once, the broker gives both the one that there is.
        let made = facts(&made);
        check_own(&made, own)?;
        Ok(made)
    }

    async fn bring_own(&self, own: &OwnStream, keeps: bool) -> Result<StreamFacts, OwnError> {
        let name = subject::stream_name(&own.pipeline);
        let known = match self.stream(&name).await {
            Err(BrokerError::NoStream(name)) => return Err(OwnError::Gone(name)),
            known => known?,
        };
        check_own(&known, own)?;
        let mut wanted = own.subjects();
        if keeps {
            wanted = subject::widest(wanted.into_iter().chain(known.subjects.iter().cloned()));
        }
        let has_subjects = wanted.iter().all(|subject| known.subjects.contains(subject));
        let has_replicas = own.replicas.is_none_or(|wanted| known.replicas >= wanted);
        let lacks_its_life = has_lost_its_life(&known, own);
        let lacks_words = lacks_its_life || !known.is_described;
        if has_subjects && has_replicas && wanted.len() == known.subjects.len() && !lacks_words {
            return Ok(known);
        }
        // As it is, but for its subjects, its life and its description: an operator may have given it more replicas, or another place.
        let info: Value = self.ask(&format!("STREAM.INFO.{name}"), &Value::Null).await?;
        let mut config = info["config"].clone();
        config["subjects"] = json!(wanted);
        if lacks_its_life {
            tracing::warn!(
                stream = name,
                "the pipeline's own stream lacks its life; it is given back"
            );
            config["metadata"][LIFE] = json!(own.life);
        }
        if !known.is_described {
            config["description"] = json!(description(own));
        }
        let has = config["num_replicas"].as_u64().unwrap_or(1);
        config["num_replicas"] = json!(own.replicas.map_or(has, |wanted| wanted.max(has)));
        match self
            .ask::<StreamInfo>(&format!("STREAM.UPDATE.{name}"), &config)
            .await
        {
            Ok(info) => Ok(facts(&info)),
            Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => Err(OwnError::Gone(name)),
            Err(BrokerError::Refused { code, description }) => {
                Err(self.name_holder(own, code, description).await.into())
            }
            Err(cause) => Err(cause.into()),
        }
    }

    async fn mend_own(&self, pipeline: &PipelineId) -> Result<(), BrokerError> {
        let name = subject::stream_name(pipeline);
        let info: Value = self.ask(&format!("STREAM.INFO.{name}"), &Value::Null).await?;
        let config = own_config::mended(info["config"].clone());
        self.ask::<Value>(&format!("STREAM.UPDATE.{name}"), &config)
            .await
            .map(drop)
    }

    async fn altered_shared(&self) -> Result<Vec<SharedStream>, BrokerError> {
        self.look_at_shared().await
    }

    async fn mend_shared(&self, name: &str) -> Result<(), BrokerError> {
        self.give_back_shared(name).await
    }

    fn denied(&self) -> Vec<Denied> {
        self.denials.now()
    }

    async fn remove_own(&self, pipeline: &PipelineId, life: Life) -> Result<(), BrokerError> {
        let name = subject::stream_name(pipeline);
        loop {
            // The broker deletes by name alone, so the look must be of just now. One process that is stopped
            // between the two would delete what was made since.
            let looked = Instant::now();
            match self.stream(&name).await {
                Err(BrokerError::NoStream(_)) => return Ok(()),
                Err(cause) => return Err(cause),
                Ok(known) if known.life != life || !known.is_engines => return Ok(()),
                Ok(_) => {}
            }
            if looked.elapsed() < FRESH {
                break;
            }
        }
        ignore(
            self.ask::<Value>(&format!("STREAM.DELETE.{name}"), &Value::Null)
                .await,
            code::STREAM_NOT_FOUND,
        )
    }

    async fn remove_consumers(&self, pipeline: &PipelineId, input: &str) -> Result<(), BrokerError> {
        let prefix = consumer_prefix(pipeline);
        let consumers = match list_consumers(&self.handle(), input).await {
            Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => Vec::new(),
            other => other?,
        };
        for name in consumers.iter().filter(|name| name.starts_with(&prefix)) {
            remove_consumer(&self.handle(), input, name).await?;
        }
        Ok(())
    }

    async fn engine_consumers(&self) -> Result<Vec<(String, String)>, BrokerError> {
        let mut found = Vec::new();
        let mut offset = 0;
        loop {
            let page: Names = self.ask("STREAM.NAMES", &json!({ "offset": offset })).await?;
            let streams = page.streams.unwrap_or_default();
            if streams.is_empty() {
                return Ok(found);
            }
            offset += streams.len();
            for stream in streams {
                let consumers = match list_consumers(&self.handle(), &stream).await {
                    Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => continue,
                    consumers => consumers?,
                };
                let own = consumers.into_iter().filter(|name| name.starts_with("tr_"));
                found.extend(own.map(|consumer| (stream.clone(), consumer)));
            }
        }
    }

    async fn remove_consumer(&self, stream: &str, consumer: &str) -> Result<(), BrokerError> {
        match remove_consumer(&self.handle(), stream, consumer).await {
            Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => Ok(()),
            gone => gone,
        }
    }

    fn wanted_replicas(&self) -> Option<u64> {
        self.is_clustered().then(|| self.options.replicas.wanted())
    }

    async fn raise_replicas(&self) -> Result<(), BrokerError> {
        self.raise_all().await
    }

    async fn time_ms(&self) -> Result<Option<u64>, BrokerError> {
        let registry = format!("STREAM.INFO.KV_{REGISTRY}");
        let answer: Value = self.ask(&registry, &Value::Null).await?;
        let time = answer["ts"].as_str().and_then(|time| {
            let time = humantime::parse_rfc3339(time).ok()?;
            u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
        });
        Ok(time)
    }

    async fn own_streams(&self) -> Result<Vec<StreamFacts>, BrokerError> {
        let mut found = Vec::new();
        let mut offset = 0;
        loop {
            let page: Page = self.ask("STREAM.LIST", &json!({ "offset": offset })).await?;
            let streams = page.streams.unwrap_or_default();
            if streams.is_empty() {
                return Ok(found);
            }
            offset += streams.len();
            found.extend(streams.iter().map(facts).filter(|facts| facts.is_engines));
        }
    }

    async fn page_of_streams(&self, offset: u64) -> Result<StreamPage, BrokerError> {
        let page: Page = self.ask("STREAM.LIST", &json!({ "offset": offset })).await?;
        Ok(StreamPage {
            streams: page.streams.into_iter().flatten().map(copied).collect(),
            total: page.total,
        })
    }

    async fn trim_outputs(&self, own: &OwnStream) -> Result<(), BrokerError> {
        let (Some(pattern), Some(keep)) = (&own.output_pattern, own.keep_bytes) else {
            return Ok(());
        };
        let name = subject::stream_name(&own.pipeline);
        let facts = self.stream(&name).await?;
        if facts.bytes <= keep {
            return Ok(());
        }
        // Messages are about equally large, so the surplus share of the sequences is the surplus of
        // bytes; what is purged too little now goes the next time.
        let surplus = (facts.bytes - keep) as f64 / facts.bytes as f64;
        let span = facts.last_sequence.saturating_sub(facts.first_sequence) as f64;
        let until = facts.first_sequence + (span * surplus) as u64 + 1;
        let request = json!({ "filter": pattern, "seq": until });
        self.ask::<Value>(&format!("STREAM.PURGE.{name}"), &request)
            .await
            .map(drop)
    }

    async fn count(
        &self,
        stream: &str,
        subjects: &[String],
        from: u64,
        to: u64,
    ) -> Result<Option<u64>, BrokerError> {
        let facts = self.stream(stream).await?;
        // Where messages go when they are acknowledged, what was read is no longer there.
        if !facts.keeps_to_limits || facts.first_sequence > from {
            return Ok(None);
        }
        // In this order, messages that come in between make the count smaller, never larger.
        let all = self.pending(stream, subjects, from).await?;
        let later = self.pending(stream, subjects, to + 1).await?;
        Ok(Some(all.saturating_sub(later)))
    }

    async fn syncs_always(&self) -> Option<bool> {
        match self.sync_policy().await {
            SyncPolicy::Always => Some(true),
            SyncPolicy::Lazy => Some(false),
            SyncPolicy::Unknown => None,
        }
    }

    fn max_payload(&self) -> usize {
        self.known_limit()
    }

    async fn asked_max_payload(&self) -> usize {
        self.asked_limit().await
    }

    fn is_connected(&self) -> bool {
        self.connected()
    }
}

impl NatsBroker {
    /// Messages from a sequence on, as a consumer that nobody pulls from would have them pending.
    async fn pending(&self, stream: &str, subjects: &[String], from: u64) -> Result<u64, BrokerError> {
        let config = json!({
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": from.max(1),
            "filter_subjects": subjects,
            "mem_storage": true,
            "num_replicas": 1,
            "inactive_threshold": COUNTER_LIVES_NS,
        });
        let request = json!({ "stream_name": stream, "config": config });
        // In a task of its own: the consumer is deleted even if nobody waits for the count any more.
        let (broker, stream) = (self.handle(), stream.to_owned());
        let counted = tasks::spawn(async move {
            let made: Counter = broker.ask(&format!("CONSUMER.CREATE.{stream}"), &request).await?;
            remove_consumer(&broker, &stream, &made.name).await?;
            Ok(made.num_pending)
        });
        counted.await.map_err(|cause| unreachable(&cause))?
    }

    /// Says which stream holds the subjects, where that is why ours was refused.
    async fn name_holder(&self, own: &OwnStream, code: u64, description: String) -> BrokerError {
        if code != code::SUBJECTS_OVERLAP {
            return BrokerError::Refused { code, description };
        }
        for pattern in own.subjects() {
            let holders = self.streams_with(&pattern).await.unwrap_or_default();
            let (own, tenant) = (subject::stream_name(&own.pipeline), &own.pipeline.tenant);
            if let Some(holder) = holders.into_iter().find(|name| *name != own) {
                if subject::is_anothers(&holder, tenant) {
                    // That it exists is not this tenant's business.
                    let description = format!("{pattern:?} is held by another stream already: {description}");
                    return BrokerError::Refused { code, description };
                }
                let description = format!(
                    "{pattern:?} is held by stream {holder:?} already: {description}; take it from that stream (nats stream edit {holder}), or delete it (nats stream rm {holder})"
                );
                return BrokerError::Refused { code, description };
            }
        }
        BrokerError::Refused { code, description }
    }
}

fn ignore(answer: Result<Value, BrokerError>, harmless: u64) -> Result<(), BrokerError> {
    match answer {
        Err(cause) if !api::is(&cause, harmless) => Err(cause),
        _ => Ok(()),
    }
}
