//! A nats-server of the test's own: a free port, a folder of its own, killed when it is dropped.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use tailrace_nats::async_nats;
use tempfile::TempDir;

use crate::{
    access::{Access, Broker},
    files, ports, signal,
};

/// Longest that anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// Most that JetStream may store, in bytes. Left to itself a server takes three quarters of what the disk has free, and
/// streams reserve their size: on a small disk the sixth is refused.
pub(crate) const FILE_STORE_BYTES: u64 = 1 << 40;

/// How a broker is started.
#[derive(Debug, Clone, Default)]
pub struct BrokerOptions {
    /// Where JetStream keeps its data; left out, a folder of its own.
    pub store_dir: Option<PathBuf>,
    /// Most that JetStream may store, in bytes; left out, more than any test reserves.
    pub max_file_store_bytes: Option<u64>,
    /// Further lines of its configuration.
    pub more: String,
    /// Text of the credentials file with which the harness itself logs in, where the server wants one.
    pub credentials: Option<String>,
}

/// A broker.
pub struct Cluster {
    folder: TempDir,
    process: Option<Child>,
    port: u16,
    /// It survives restarts.
    access: Access,
}

impl Cluster {
    /// Starts one.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&BrokerOptions::default()).await
    }

    /// Starts one with options.
    pub async fn start_with(options: &BrokerOptions) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // The server takes it a moment later, and restarts on the same.
        let port = ports::free()?;
        configure(folder.path(), port, options)?;
        let process = spawn(folder.path())?;
        let login = match &options.credentials {
            Some(text) => async_nats::ConnectOptions::with_credentials(text)?,
            None => async_nats::ConnectOptions::new(),
        };
        let client = login
            .retry_on_initial_connect()
            .reconnect_delay_callback(|_| Duration::from_millis(50))
            .connect(format!("127.0.0.1:{port}"))
            .await?;
        let cluster = Self {
            folder,
            process: Some(process),
            port,
            access: Access::on(client, PATIENCE, 1),
        };
        cluster.answers().await?;
        Ok(cluster)
    }

    /// Waits until it answers. A question that went to a dead server's connection gets no answer at all,
    /// so each has a short while only.
    async fn answers(&self) -> anyhow::Result<()> {
        eventually("the broker answers", || async {
            let answer = self.jetstream.query_account();
            matches!(
                tokio::time::timeout(Duration::from_secs(1), answer).await,
                Ok(Ok(_))
            )
        })
        .await
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it as a power failure of the process would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again on its data, and waits until it answers: what is published before the client has seen
    /// that the old connection is dead is lost.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        self.process = Some(spawn(self.folder.path())?);
        self.answers().await
    }

    /// Writes one word of its configuration anew, and lets it read that while it runs (SIGHUP).
    pub fn reconfigure(&self, word: &str, other: &str) -> anyhow::Result<()> {
        let file = self.folder.path().join("nats-server.conf");
        let text = std::fs::read_to_string(&file)?;
        anyhow::ensure!(text.contains(word), "{word:?} is not in its configuration");
        std::fs::write(&file, text.replace(word, other))?;
        self.signal("HUP")
    }

    /// Stops its process as it stands (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal("STOP")
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("the broker does not run")?;
        signal::send(process.id(), name)
    }

    /// Its process.
    pub fn pid(&self) -> anyhow::Result<u32> {
        Ok(self.process.as_ref().context("the broker does not run")?.id())
    }

    /// Address that it listens on.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The end of its log, for messages of failed tests.
    pub fn log(&self) -> String {
        files::last_lines(&self.folder.path().join("nats-server.log"))
    }
}

impl Deref for Cluster {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

impl Broker for Cluster {
    fn urls(&self) -> String {
        self.url()
    }

    fn pids(&self) -> anyhow::Result<Vec<u32>> {
        Ok(vec![self.pid()?])
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

fn configure(folder: &Path, port: u16, options: &BrokerOptions) -> anyhow::Result<()> {
    let store_dir = options.store_dir.clone().unwrap_or(folder.join("jetstream"));
    let limit = options.max_file_store_bytes.unwrap_or(FILE_STORE_BYTES);
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\nlog_file: \"{}\"\njetstream {{\n  store_dir: \"{}\"\n  max_file_store: {limit}\n}}\n{}\n",
        folder.join("nats-server.log").display(),
        store_dir.display(),
        options.more,
    );
    Ok(std::fs::write(folder.join("nats-server.conf"), text)?)
}

fn spawn(folder: &Path) -> anyhow::Result<Child> {
    let program = files::nats_server()?;
    Command::new(&program)
        .arg("--config")
        .arg(folder.join("nats-server.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

/// Waits until something is so; a generous bound instead of a guessed pause.
pub async fn eventually<F: Future<Output = bool>>(
    what: &str,
    mut is_so: impl FnMut() -> F,
) -> anyhow::Result<()> {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .with_context(|| format!("never came true: {what}"))
}
