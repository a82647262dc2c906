//! A tenant, and what it says to an engine, whichever engine that is.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    cluster::{PATIENCE, eventually},
    engine::{Engine, OPERATOR, TENANT},
    files,
    http::Answer,
};

/// A tenant with a token of its own.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// Its token.
    pub token: String,
}

impl Tenant {
    /// Makes one that reads and writes what begins with its name.
    pub async fn make(engine: &Engine, name: &str) -> anyhow::Result<Self> {
        let subjects = format!("{name}.>");
        Ok(Self {
            name: name.to_owned(),
            token: engine.tenant(name, &[&subjects]).await?,
        })
    }

    /// The one that every engine of the tests has.
    pub fn shop(engine: &Engine) -> Self {
        Self {
            name: TENANT.to_owned(),
            token: engine.token.clone(),
        }
    }

    /// The path of one of its things.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/tenants/{}/{rest}", self.name)
    }

    /// A request below its path.
    pub async fn ask(
        &self,
        engine: &Engine,
        (method, path): (&str, &str),
        body: impl Into<Vec<u8>>,
    ) -> anyhow::Result<Answer> {
        engine.ask(method, &self.path(path), &self.token, body).await
    }

    /// The same again and again, until the answer is one of these: others may be at it at the same moment, and the
    /// broker may be away.
    pub async fn ask_until(
        &self,
        engine: &Engine,
        (method, path): (&str, &str),
        body: &str,
        wanted: &[u16],
    ) -> anyhow::Result<Answer> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(engine, (method, path), body).await;
            let is_over = tokio::time::Instant::now() > deadline;
            match answer {
                Ok(answer) if wanted.contains(&answer.status) => return Ok(answer),
                answer if is_over => anyhow::bail!("{method} {path}: {answer:?}\n{}", engine.log()),
                _ => tokio::time::sleep(Duration::from_millis(25)).await,
            }
        }
    }

    /// Uploads a built plugin as version 1.0.0.
    pub async fn upload(&self, engine: &Engine, name: &str, file: &str) -> anyhow::Result<()> {
        let path = format!("plugins/{name}/versions/1.0.0");
        let sent = self.ask(engine, ("PUT", &path), files::plugin(file)?).await?;
        anyhow::ensure!(matches!(sent.status, 200 | 201), "{sent:?}");
        Ok(())
    }

    /// Applies a pipeline, which must be accepted; gives its revision.
    pub async fn apply(&self, engine: &Engine, name: &str, spec: &str) -> anyhow::Result<u64> {
        let path = format!("pipelines/{name}");
        let applied = self.ask(engine, ("PUT", &path), spec).await?;
        anyhow::ensure!(applied.status == 200, "{applied:?}");
        applied.body["revision"].as_u64().context("no revision")
    }

    /// Deletes a pipeline.
    pub async fn delete(&self, engine: &Engine, name: &str) -> anyhow::Result<()> {
        let gone = self
            .ask(engine, ("DELETE", &format!("pipelines/{name}")), "")
            .await?;
        anyhow::ensure!(gone.status == 204, "{gone:?}");
        Ok(())
    }

    /// A pipeline's status; nothing where there is none.
    pub async fn status(&self, engine: &Engine, pipeline: &str) -> Value {
        let path = format!("pipelines/{pipeline}/status");
        let answer = self.ask(engine, ("GET", &path), "").await;
        let answer = answer.ok().filter(|answer| answer.status == 200);
        answer.map(|answer| answer.body).unwrap_or_default()
    }

    /// Waits until a pipeline is in this state; gives its status.
    pub async fn comes_to(&self, engine: &Engine, pipeline: &str, state: &str) -> anyhow::Result<Value> {
        let what = format!("pipeline {pipeline} of tenant {} is {state}", self.name);
        // The one that was seen: an engine that has just started looks again at what is parked, and again.
        let seen = Mutex::new(Value::Null);
        let arrived = eventually(&what, || async {
            let status = self.status(engine, pipeline).await;
            let is_there = status["state"] == state;
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = status;
            is_there
        });
        let arrived = arrived.await;
        let status = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        arrived.with_context(|| format!("{status:#}\n{}", engine.log()))?;
        Ok(status)
    }

    /// Waits until no pipeline of this name is there.
    pub async fn is_without(&self, engine: &Engine, pipeline: &str) -> anyhow::Result<()> {
        let what = format!("pipeline {pipeline} of tenant {} is gone", self.name);
        let path = format!("pipelines/{pipeline}");
        let gone = eventually(&what, || async {
            let known = self.ask(engine, ("GET", &path), "").await;
            known.is_ok_and(|known| known.status == 404)
        });
        gone.await.with_context(|| engine.log())
    }

    /// What a step of a pipeline holds, as keys and numbers in the order of the keys.
    pub async fn counts(&self, engine: &Engine, pipeline: &str) -> anyhow::Result<Vec<(String, u64)>> {
        let path = format!("pipelines/{pipeline}/steps/probe/state?limit=1000");
        let answer = self.ask(engine, ("GET", &path), "").await?;
        anyhow::ensure!(answer.status == 200, "{answer:?}");
        let entries = answer.body.as_array().cloned().unwrap_or_default();
        let read = entries.into_iter().map(|entry| {
            let key = entry["key"].as_str().context("no key")?.to_owned();
            Ok((key, entry["value"].as_u64().context("no number")?))
        });
        read.collect()
    }

    /// Asks an operator to give it other grants.
    pub async fn grant(&self, engine: &Engine, read: &[&str], write: &[&str]) -> anyhow::Result<()> {
        self.change(engine, json!({ "read": read, "write": write })).await
    }

    /// Asks an operator to change it.
    pub async fn change(&self, engine: &Engine, wish: Value) -> anyhow::Result<()> {
        let path = format!("/v1/tenants/{}", self.name);
        let changed = engine.ask("PUT", &path, OPERATOR, wish.to_string()).await?;
        anyhow::ensure!(changed.status == 200, "{changed:?}");
        Ok(())
    }
}
