//! What the API lists: that to which everything else belongs.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::Value;

use crate::engine::{Engine, OPERATOR};

/// Everything that is listed.
#[derive(Debug, Default)]
pub(super) struct Owners {
    tenants: BTreeSet<String>,
    /// Public ids.
    tokens: BTreeSet<String>,
    /// `<plugin>.<version>`, below its tenant.
    versions: BTreeSet<(String, String)>,
    components: BTreeSet<String>,
    pipelines: BTreeMap<(String, String), Listed>,
}

/// A pipeline.
#[derive(Debug)]
struct Listed {
    life: Option<String>,
    input: String,
    partitions: u64,
    revisions: BTreeSet<u64>,
}

/// Asks for all of it, as an operator.
pub(super) async fn ask(engine: &Engine) -> anyhow::Result<Owners> {
    let mut owners = Owners::default();
    for token in list(engine, "/v1/operator/tokens").await? {
        owners.tokens.insert(text(&token, "id")?);
    }
    for tenant in list(engine, "/v1/tenants").await? {
        let tenant = text(&tenant, "name")?;
        let below = format!("/v1/tenants/{tenant}");
        for token in list(engine, &format!("{below}/tokens")).await? {
            owners.tokens.insert(text(&token, "id")?);
        }
        for version in list(engine, &format!("{below}/plugins")).await? {
            let plugin = text(&version, "plugin")?.replace('@', ".");
            owners.versions.insert((tenant.clone(), plugin));
            owners.components.insert(text(&version, "digest")?);
        }
        for pipeline in list(engine, &format!("{below}/pipelines")).await? {
            let name = text(&pipeline, "name")?;
            let listed = pipeline_of(engine, &format!("{below}/pipelines/{name}")).await?;
            owners.pipelines.insert((tenant.clone(), name), listed);
        }
        owners.tenants.insert(tenant);
    }
    Ok(owners)
}

async fn pipeline_of(engine: &Engine, path: &str) -> anyhow::Result<Listed> {
    let shown = engine.ask("GET", path, OPERATOR, "").await?;
    anyhow::ensure!(shown.status == 200, "{path}: {shown:?}");
    let revisions = list(engine, &format!("{path}/revisions")).await?;
    let spec = &shown.body["active"]["spec"];
    Ok(Listed {
        life: shown.body["life"].as_str().map(str::to_owned),
        input: text(&spec["input"], "stream")?,
        partitions: spec["partitions"].as_u64().unwrap_or(1),
        revisions: revisions.iter().filter_map(Value::as_u64).collect(),
    })
}

async fn list(engine: &Engine, path: &str) -> anyhow::Result<Vec<Value>> {
    let answer = engine.ask("GET", path, OPERATOR, "").await?;
    anyhow::ensure!(answer.status == 200, "{path}: {answer:?}");
    Ok(answer.body.as_array().cloned().unwrap_or_default())
}

fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    let text = value[field].as_str();
    Ok(text.with_context(|| format!("no {field} in {value}"))?.to_owned())
}

impl Owners {
    pub(super) fn has_tenant(&self, name: &str) -> bool {
        self.tenants.contains(name)
    }

    pub(super) fn has_component(&self, digest: &str) -> bool {
        self.components.contains(digest)
    }

    fn pipeline(&self, tenant: &str, pipeline: &str) -> Option<&Listed> {
        self.pipelines.get(&(tenant.to_owned(), pipeline.to_owned()))
    }

    /// Whether a stream is a listed pipeline's own, of the same life.
    pub(super) fn has_stream(&self, name: &str, life: Option<&str>) -> bool {
        let Some(["TR", tenant, pipeline]) = parts(name) else {
            return false;
        };
        self.pipeline(tenant, pipeline)
            .is_some_and(|listed| listed.life.as_deref() == life)
    }

    /// Whether a consumer belongs to a listed pipeline, and is where that one reads.
    pub(super) fn has_consumer(&self, stream: &str, consumer: &str) -> bool {
        let mut words = consumer.splitn(4, '_');
        let (Some("tr"), Some(tenant), Some(pipeline)) = (words.next(), words.next(), words.next()) else {
            return false;
        };
        self.pipeline(tenant, pipeline)
            .is_some_and(|listed| listed.input == stream || stream == format!("TR_{tenant}_{pipeline}"))
    }

    pub(super) fn has_entry(&self, key: &str, entry: &Value) -> bool {
        match *key.splitn(4, '.').collect::<Vec<_>>() {
            ["tenant", tenant] => self.has_tenant(tenant),
            ["token", _] => entry["id"].as_str().is_some_and(|id| self.tokens.contains(id)),
            ["plugin", tenant, plugin, version] => self
                .versions
                .contains(&(tenant.to_owned(), format!("{plugin}.{version}"))),
            ["pipeline", tenant, pipeline] => self.pipeline(tenant, pipeline).is_some(),
            ["revision", tenant, pipeline, number] => self.pipeline(tenant, pipeline).is_some_and(|listed| {
                number
                    .parse()
                    .is_ok_and(|number| listed.revisions.contains(&number))
            }),
            _ => false,
        }
    }

    /// Whether what alarms remember is a listed pipeline's, or the engines' own.
    pub(super) fn has_alarm(&self, key: &str) -> bool {
        match *key.split('.').collect::<Vec<_>>() {
            ["pipeline", tenant, pipeline] => self.pipeline(tenant, pipeline).is_some(),
            _ => true,
        }
    }

    /// Whether a snapshot is of a listed pipeline's life, and of a partition that it has.
    pub(super) fn has_snapshot(&self, name: &str) -> bool {
        let words: Vec<_> = name.split('/').collect();
        let (tenant, pipeline, partition, life) = match *words {
            [tenant, pipeline, partition, life, _] => (tenant, pipeline, partition, Some(life.to_owned())),
            [tenant, pipeline, partition, _] => (tenant, pipeline, partition, None),
            _ => return false,
        };
        self.pipeline(tenant, pipeline).is_some_and(|listed| {
            listed.life == life
                && partition
                    .parse::<u64>()
                    .is_ok_and(|number| number < listed.partitions)
        })
    }
}

fn parts(name: &str) -> Option<[&str; 3]> {
    let words: Vec<_> = name.split('_').collect();
    words.try_into().ok()
}
