//! A cluster of nats-servers of the test's own, on loopback: free ports, folders of their own, killed when it is
//! dropped. Each node can be killed, stopped for a while, emptied and started again.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use serde_json::{Value, json};
use tailrace_nats::async_nats::{self, Client, jetstream};
use tempfile::TempDir;

use crate::{
    cluster::{PATIENCE, eventually},
    files, ports, signal,
};

/// A node.
struct Node {
    name: String,
    port: u16,
    folder: PathBuf,
    process: Option<Child>,
}

/// A cluster.
pub struct Nodes {
    _folder: TempDir,
    members: Vec<Node>,
    /// A connection that goes on with another node when its own dies.
    pub client: Client,
    /// JetStream on it.
    pub jetstream: jetstream::Context,
}

impl Nodes {
    /// Starts so many nodes, and waits until a stream can have as many replicas.
    pub async fn start(count: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let ports = (0..count)
            .map(|_| Ok((ports::free()?, ports::free()?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let routes: Vec<String> = ports
            .iter()
            .map(|(_, route)| format!("\"nats://127.0.0.1:{route}\""))
            .collect();
        let mut nodes = Vec::new();
        for (index, (port, route)) in ports.iter().enumerate() {
            let own = folder.path().join(format!("n{index}"));
            std::fs::create_dir(&own)?;
            let text = format!(
                "server_name: n{index}\nlisten: \"127.0.0.1:{port}\"\nlog_file: \"{log}\"\njetstream {{ store_dir: \"{store}\" }}\ncluster {{ name: nodes, listen: \"127.0.0.1:{route}\", routes: [{routes}] }}\n",
                log = own.join("nats-server.log").display(),
                store = own.join("jetstream").display(),
                routes = routes.join(", "),
            );
            std::fs::write(own.join("nats-server.conf"), text)?;
            nodes.push(Node {
                name: format!("n{index}"),
                port: *port,
                process: Some(spawn(&own)?),
                folder: own,
            });
        }
        let urls: Vec<String> = nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        let client = async_nats::ConnectOptions::new()
            .retry_on_initial_connect()
            .reconnect_delay_callback(|_| Duration::from_millis(50))
            .ping_interval(Duration::from_secs(1))
            .connect(urls)
            .await?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(Duration::from_secs(5));
        let cluster = Self {
            _folder: folder,
            members: nodes,
            client,
            jetstream,
        };
        cluster.settled(count).await?;
        Ok(cluster)
    }

    /// Waits until a stream of so many replicas can be made.
    async fn settled(&self, replicas: usize) -> anyhow::Result<()> {
        eventually("the cluster has a leader", || async {
            let config = json!({ "name": "SETTLED", "subjects": ["settled"], "num_replicas": replicas });
            let made = self.ask("STREAM.CREATE.SETTLED", &config).await;
            made.is_ok_and(|made| made.get("error").is_none())
        })
        .await?;
        self.jetstream.delete_stream("SETTLED").await?;
        Ok(())
    }

    /// Asks JetStream.
    pub async fn ask(&self, subject: &str, request: &Value) -> anyhow::Result<Value> {
        let answer = self.jetstream.request(subject.to_owned(), request);
        Ok(tokio::time::timeout(Duration::from_secs(5), answer).await??)
    }

    /// Addresses of all nodes.
    pub fn urls(&self) -> String {
        let urls = self
            .members
            .iter()
            .map(|node| format!("nats://127.0.0.1:{}", node.port));
        urls.collect::<Vec<_>>().join(",")
    }

    /// The node that leads a stream, once it has a leader.
    pub async fn leader_of(&self, stream: &str) -> anyhow::Result<usize> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let info = self.ask(&format!("STREAM.INFO.{stream}"), &Value::Null).await;
            let leader = info
                .ok()
                .and_then(|info| info["cluster"]["leader"].as_str().map(str::to_owned));
            let found = leader.and_then(|leader| self.members.iter().position(|node| node.name == leader));
            if let Some(found) = found {
                return Ok(found);
            }
            anyhow::ensure!(
                tokio::time::Instant::now() < deadline,
                "stream {stream} has no leader"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until every copy of these streams is there and up to date.
    pub async fn healthy(&self, streams: &[&str]) -> anyhow::Result<()> {
        for stream in streams {
            eventually("every copy is up to date", || async {
                let info = self.ask(&format!("STREAM.INFO.{stream}"), &Value::Null).await;
                info.is_ok_and(|info| {
                    let copies = info["cluster"]["replicas"].as_array();
                    copies.is_some_and(|copies| {
                        copies
                            .iter()
                            .all(|copy| copy["current"] == true && copy["offline"] != true)
                    })
                })
            })
            .await
            .with_context(|| (*stream).to_owned())?;
        }
        Ok(())
    }

    /// Replicas of a stream.
    pub async fn replicas_of(&self, stream: &str) -> anyhow::Result<u64> {
        let info = self.ask(&format!("STREAM.INFO.{stream}"), &Value::Null).await?;
        info["config"]["num_replicas"]
            .as_u64()
            .with_context(|| info.to_string())
    }

    /// Kills a node.
    pub fn kill(&mut self, node: usize) {
        if let Some(mut process) = self.members[node].process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts a node again, on its data or without it.
    pub fn restart(&mut self, node: usize, emptied: bool) -> anyhow::Result<()> {
        self.kill(node);
        let node = &mut self.members[node];
        if emptied {
            std::fs::remove_dir_all(node.folder.join("jetstream"))?;
        }
        node.process = Some(spawn(&node.folder)?);
        Ok(())
    }

    /// Stops a node, or lets it go on.
    pub fn freeze(&self, node: usize, is_frozen: bool) -> anyhow::Result<()> {
        let process = self.members[node]
            .process
            .as_ref()
            .context("the node does not run")?;
        signal::send(process.id(), if is_frozen { "STOP" } else { "CONT" })
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for node in 0..self.members.len() {
            let _ = self.freeze(node, false);
            self.kill(node);
        }
    }
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
