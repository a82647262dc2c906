//! An engine as a process, and what tests say to it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, eventually},
    files,
    http::{self, Answer},
};

/// The operator's token of all tests.
pub const OPERATOR: &str = "operator-token-of-the-tests";
/// The tenant of most tests.
pub const TENANT: &str = "shop";

/// An engine that is killed when it is dropped.
pub struct Engine {
    process: Child,
    folder: PathBuf,
    url: String,
    /// Of tenant `shop`.
    pub token: String,
}

impl Engine {
    /// Starts one on a broker, with its local data in `folder`, and waits until it is ready.
    pub async fn start(cluster: &Cluster, folder: &Path) -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("engine.log"))?;
        let process = Command::new(files::binary()?)
            .args([
                "serve",
                "--nats",
                &cluster.url(),
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--data-dir",
            ])
            .arg(folder.join("data"))
            .env("TAILRACE_OPERATOR_TOKEN", OPERATOR)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut engine = Self {
            process,
            folder: folder.to_owned(),
            url: format!("http://127.0.0.1:{port}"),
            token: String::new(),
        };
        eventually("the engine knows its operator", || async {
            engine
                .ask("GET", "/v1/tenants", OPERATOR, "")
                .await
                .is_ok_and(|answer| answer.status == 200)
        })
        .await
        .with_context(|| engine.log())?;
        engine.token = engine.tenant(TENANT, &["shop.>"]).await?;
        Ok(engine)
    }

    /// The end of its log, for messages of failed tests.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("engine.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(30).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Asks it to end and gives its exit code.
    pub async fn terminate(&mut self) -> anyhow::Result<i32> {
        Command::new("kill")
            .args(["-TERM", &self.process.id().to_string()])
            .status()?;
        let mut code = None;
        let process = std::sync::Mutex::new(&mut self.process);
        eventually("the engine ends", || async {
            let ended = process.lock().map(|mut process| process.try_wait());
            matches!(ended, Ok(Ok(Some(_))))
        })
        .await?;
        if let Some(status) = self.process.try_wait()? {
            code = status.code();
        }
        code.context("the engine was ended by a signal")
    }

    /// A request with a token.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: impl Into<Vec<u8>>,
    ) -> anyhow::Result<Answer> {
        http::send(
            method,
            format!("{}{path}", self.url),
            Some(token.to_owned()),
            body.into(),
        )
        .await
    }

    /// A request of tenant `shop`, below its path.
    pub async fn own(&self, method: &str, path: &str, body: impl Into<Vec<u8>>) -> anyhow::Result<Answer> {
        self.ask(method, &format!("/v1/tenants/{TENANT}/{path}"), &self.token, body)
            .await
    }

    /// Makes a tenant that reads and writes these subjects; gives a token of it.
    pub async fn tenant(&self, name: &str, subjects: &[&str]) -> anyhow::Result<String> {
        let grants = json!({ "read": subjects, "write": subjects }).to_string();
        let made = self
            .ask("PUT", &format!("/v1/tenants/{name}"), OPERATOR, grants)
            .await?;
        anyhow::ensure!(made.status == 200, "{made:?}");
        let token = self
            .ask("POST", &format!("/v1/tenants/{name}/tokens"), OPERATOR, "")
            .await?;
        Ok(token.body["token"].as_str().context("no token")?.to_owned())
    }

    /// Uploads a built plugin as version 1.0.0.
    pub async fn upload(&self, name: &str, file: &str) -> anyhow::Result<()> {
        let sent = self
            .own(
                "PUT",
                &format!("plugins/{name}/versions/1.0.0"),
                files::plugin(file)?,
            )
            .await?;
        anyhow::ensure!(matches!(sent.status, 200 | 201), "{sent:?}");
        Ok(())
    }

    /// Applies a pipeline, which must be accepted.
    pub async fn apply(&self, name: &str, spec: &str) -> anyhow::Result<u64> {
        let applied = self.own("PUT", &format!("pipelines/{name}"), spec).await?;
        anyhow::ensure!(applied.status == 200, "{applied:?}");
        applied.body["revision"].as_u64().context("no revision")
    }

    /// A pipeline's status.
    pub async fn status(&self, pipeline: &str) -> anyhow::Result<Value> {
        Ok(self
            .own("GET", &format!("pipelines/{pipeline}/status"), "")
            .await?
            .body)
    }

    /// Waits until every partition together has come to this sequence of the input.
    pub async fn caught_up(&self, pipeline: &str, last: u64) -> anyhow::Result<()> {
        let result = eventually("the pipeline has caught up", || async {
            let Ok(status) = self.status(pipeline).await else {
                return false;
            };
            let positions = status["partitions"].as_array().into_iter().flatten();
            positions
                .filter_map(|partition| partition["position"].as_u64())
                .max()
                == Some(last)
        })
        .await;
        let status = self.status(pipeline).await.unwrap_or_default();
        result.with_context(|| format!("{status:#}\n{}", self.log()))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}
