//! An engine as a process, and what tests say to it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    access::Broker,
    cluster::{Cluster, eventually},
    files::{self, OtherVersion},
    http::{self, Answer},
    ports, signal,
};

/// The operator's token of all tests.
pub const OPERATOR: &str = "operator-token-of-the-tests";
/// The tenant of most tests.
pub const TENANT: &str = "shop";

/// How an engine is started.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// Address of the broker, or of something between.
    pub nats: String,
    /// Environment besides what every engine gets.
    pub environment: Vec<(String, String)>,
    /// A configuration file.
    pub config: Option<PathBuf>,
    /// Another program than the one under test.
    pub version: Option<OtherVersion>,
}

impl Launch {
    /// On a broker, with nothing special.
    pub fn on(broker: &impl Broker) -> Self {
        Self {
            nats: broker.urls(),
            ..Self::default()
        }
    }

    /// With a configuration file.
    #[must_use]
    pub fn configured_by(mut self, file: &Path) -> Self {
        self.config = Some(file.to_owned());
        self
    }

    /// Of another version.
    #[must_use]
    pub fn of(mut self, version: OtherVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// With a variable more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// An engine that is killed when it is dropped.
pub struct Engine {
    process: Child,
    folder: PathBuf,
    plugins: PathBuf,
    url: String,
    /// Of tenant `shop`.
    pub token: String,
}

impl Engine {
    /// Starts one on a broker, with its local data in `folder`, and waits until it is ready.
    pub async fn start(cluster: &Cluster, folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(&Launch::on(cluster), folder).await
    }

    /// Starts one as told and waits until it is ready.
    pub async fn start_with(launch: &Launch, folder: &Path) -> anyhow::Result<Self> {
        let mut engine = Self::spawn(launch, folder)?;
        let last = Mutex::new("none".to_owned());
        eventually("the engine knows its operator", || async {
            let answer = engine.ask("GET", "/v1/tenants", OPERATOR, "").await;
            let is_known = answer.as_ref().is_ok_and(|answer| answer.status == 200);
            *last.lock().unwrap_or_else(PoisonError::into_inner) = format!("{answer:?}");
            is_known
        })
        .await
        .with_context(|| {
            let last = last.lock().unwrap_or_else(PoisonError::into_inner);
            format!("the last answer: {last}\n{}", engine.log())
        })?;
        engine.token = engine.tenant(TENANT, &["shop.>"]).await?;
        Ok(engine)
    }

    /// Starts its process and waits for nothing.
    fn spawn(launch: &Launch, folder: &Path) -> anyhow::Result<Self> {
        let port = ports::free()?;
        let process = process(launch, folder, port)?;
        let plugins = match &launch.version {
            Some(version) => version.plugins.clone(),
            None => files::plugins()?,
        };
        Ok(Self {
            process,
            plugins,
            folder: folder.to_owned(),
            url: format!("http://127.0.0.1:{port}"),
            token: String::new(),
        })
    }

    /// Kills it if it still runs and starts it again on its folder; waits for nothing. The tenant's
    /// token stays good: the registry is in the broker.
    pub fn restart(&mut self, launch: &Launch) -> anyhow::Result<()> {
        self.kill();
        let port = ports::free()?;
        self.process = process(launch, &self.folder, port)?;
        self.url = format!("http://127.0.0.1:{port}");
        Ok(())
    }

    /// Waits until `/readyz` says so.
    pub async fn ready(&self) -> anyhow::Result<()> {
        eventually("the engine is ready", || async {
            self.ask("GET", "/readyz", "", "")
                .await
                .is_ok_and(|answer| answer.status == 200)
        })
        .await
        .with_context(|| self.log())
    }

    /// The end of its log, for messages of failed tests.
    pub fn log(&self) -> String {
        files::last_lines(&self.folder.join("engine.log"))
    }

    /// Address of its API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder that it rebuilds if it must.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How its process ended, if it has.
    pub fn exited(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Stops its process as it stands (SIGSTOP).
    pub fn pause(&self) -> anyhow::Result<()> {
        signal::send(self.pid(), "STOP")
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) -> anyhow::Result<()> {
        signal::send(self.pid(), "CONT")
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Asks it to end and gives its exit code.
    pub async fn terminate(&mut self) -> anyhow::Result<i32> {
        signal::send(self.pid(), "TERM")?;
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

    /// A request of tenant `shop`, below its path, with a header more, such as `If-Match`.
    pub async fn own_with(
        &self,
        method: &str,
        path: &str,
        header: (&'static str, &str),
        body: impl Into<Vec<u8>>,
    ) -> anyhow::Result<Answer> {
        http::send_with(
            method,
            format!("{}/v1/tenants/{TENANT}/{path}", self.url),
            Some(self.token.clone()),
            &[header],
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
            .ask(
                "POST",
                &format!("/v1/tenants/{name}/tokens"),
                OPERATOR,
                r#"{"scope":"admin","expires-in":null}"#,
            )
            .await?;
        Ok(token.body["token"].as_str().context("no token")?.to_owned())
    }

    /// Uploads a built plugin as version 1.0.0.
    pub async fn upload(&self, name: &str, file: &str) -> anyhow::Result<()> {
        let sent = self
            .own(
                "PUT",
                &format!("plugins/{name}/versions/1.0.0"),
                files::plugin_in(&self.plugins, file)?,
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

fn process(launch: &Launch, folder: &Path, port: u16) -> anyhow::Result<Child> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("engine.log"))?;
    let config = launch.config.iter();
    let config = config.flat_map(|file| [OsStr::new("--config"), file.as_os_str()]);
    let program = match &launch.version {
        Some(version) => version.program.clone(),
        None => files::binary()?,
    };
    Ok(Command::new(program)
        .args(["serve", "--nats", &launch.nats])
        .args(config)
        .args(["--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
        .arg(folder.join("data"))
        .env("TAILRACE_OPERATOR_TOKEN", OPERATOR)
        .env("NO_COLOR", "1")
        .envs(launch.environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?)
}
