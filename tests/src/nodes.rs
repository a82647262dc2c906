//! A cluster of nats-servers of the test's own, on loopback: free ports, folders of their own, killed when it is
//! dropped. Each node can be killed, stopped for a while, emptied and started again. Of a cluster that was made to
//! be split, the last node can be cut off from the others ([`split`]).

mod member;
mod split;

use std::{ops::Deref, time::Duration};

use anyhow::Context as _;
use serde_json::{Value, json};
use tailrace_nats::async_nats;
use tempfile::TempDir;

pub use self::split::Cut;
use self::{
    member::{Member, SYSTEM},
    split::Routes,
};
use crate::{
    access::{Access, Broker},
    cluster::{PATIENCE, eventually},
    http,
};

/// A question to a server that does not answer within this is asked of another.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A cluster.
pub struct Nodes {
    members: Vec<Member>,
    /// Removed after the nodes have ended.
    _folder: TempDir,
    routes: Routes,
    /// It goes on with another node when its own dies.
    access: Access,
}

impl Nodes {
    /// Starts so many nodes, and waits until a stream can have as many replicas.
    pub async fn start(count: usize) -> anyhow::Result<Self> {
        Self::start_on(count, Routes::direct(count)?).await
    }

    /// The same, and the last node can be cut off. The harness itself, and engines that are given [`Broker::urls`],
    /// connect to the others only.
    pub async fn start_to_split(count: usize) -> anyhow::Result<Self> {
        Self::start_on(count, Routes::through_proxies(count)?).await
    }

    async fn start_on(count: usize, routes: Routes) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let members = (0..count)
            .map(|index| Member::start(folder.path(), index, &routes.of(index)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let near = routes.near(count);
        let urls: Vec<String> = members[..near].iter().map(Member::url).collect();
        let client = async_nats::ConnectOptions::new()
            .retry_on_initial_connect()
            .reconnect_delay_callback(|_| Duration::from_millis(50))
            .ping_interval(Duration::from_secs(1))
            .connect(urls)
            .await?;
        let cluster = Self {
            members,
            _folder: folder,
            routes,
            access: Access::on(client, ANSWERS_WITHIN, count),
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
        Ok(tokio::time::timeout(ANSWERS_WITHIN, answer).await??)
    }

    /// Address of one node.
    pub fn url_of(&self, node: usize) -> String {
        self.members[node].url()
    }

    /// The node that leads a stream, once it has a leader.
    pub async fn leader_of(&self, stream: &str) -> anyhow::Result<usize> {
        self.led(&format!("stream {stream}"), || async {
            let info = self.ask(&format!("STREAM.INFO.{stream}"), &Value::Null).await;
            info.ok()
                .and_then(|info| Some(info["cluster"]["leader"].as_str()?.to_owned()))
        })
        .await
    }

    /// The node that leads the meta group, which places streams, once it has a leader.
    pub async fn leader_of_meta(&self) -> anyhow::Result<usize> {
        self.led("the meta group", || async {
            for member in self.members.iter().filter(|member| member.runs()) {
                let answer = http::send("GET", member.monitor("jsz"), None, Vec::new());
                let Ok(Ok(answer)) = tokio::time::timeout(ANSWERS_WITHIN, answer).await else {
                    continue;
                };
                if let Some(leader) = answer.body["meta_cluster"]["leader"].as_str() {
                    return Some(leader.to_owned());
                }
            }
            None
        })
        .await
    }

    async fn led<F: Future<Output = Option<String>>>(
        &self,
        what: &str,
        ask: impl Fn() -> F,
    ) -> anyhow::Result<usize> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let leader = ask().await;
            let found = leader.and_then(|leader| self.members.iter().position(|node| node.name == leader));
            if let Some(found) = found {
                return Ok(found);
            }
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "{what} has no leader");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Lets a node lead a stream.
    pub async fn let_lead(&self, node: usize, stream: &str) -> anyhow::Result<()> {
        let request = self.preferred(node);
        eventually("the stream is led by that node", || async {
            let leads = self.leader_of(stream).await.is_ok_and(|leader| leader == node);
            if !leads {
                let _ = self
                    .ask(&format!("STREAM.LEADER.STEPDOWN.{stream}"), &request)
                    .await;
            }
            leads
        })
        .await
        .with_context(|| stream.to_owned())
    }

    /// Lets a node lead the meta group.
    pub async fn let_lead_meta(&self, node: usize) -> anyhow::Result<()> {
        let (user, password) = SYSTEM;
        let system = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
            .connect(self.members[0].url())
            .await?;
        let request = self.preferred(node).to_string();
        eventually("the meta group is led by that node", || async {
            let leads = self.leader_of_meta().await.is_ok_and(|leader| leader == node);
            if !leads {
                let asked = system.request("$JS.API.META.LEADER.STEPDOWN", request.clone().into());
                let _ = tokio::time::timeout(ANSWERS_WITHIN, asked).await;
            }
            leads
        })
        .await
    }

    fn preferred(&self, node: usize) -> Value {
        json!({ "placement": { "preferred": self.members[node].name } })
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

    /// Waits until these streams have so many copies.
    pub async fn have_replicas(&self, streams: &[&str], wanted: u64) -> anyhow::Result<()> {
        for stream in streams {
            eventually("it has its copies", || async {
                self.replicas_of(stream)
                    .await
                    .is_ok_and(|replicas| replicas == wanted)
            })
            .await
            .with_context(|| (*stream).to_owned())?;
        }
        Ok(())
    }

    /// Kills a node.
    pub fn kill(&mut self, node: usize) {
        self.members[node].kill();
    }

    /// Starts a node again, on its data or without it.
    pub fn restart(&mut self, node: usize, emptied: bool) -> anyhow::Result<()> {
        self.members[node].restart(emptied)
    }

    /// Stops a node, or lets it go on.
    pub fn freeze(&self, node: usize, is_frozen: bool) -> anyhow::Result<()> {
        self.members[node].freeze(is_frozen)
    }

    /// The last node of a cluster that can be split: the one that is cut off.
    pub fn far(&self) -> usize {
        self.members.len() - 1
    }

    /// Cuts the last node off from the others.
    pub fn cut_off(&self, how: Cut) {
        self.routes.cut(self.far(), how);
    }

    /// Lets it find the others again.
    pub fn heal(&self, how: Cut) {
        self.routes.heal(self.far(), how);
    }
}

impl Deref for Nodes {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

impl Broker for Nodes {
    fn urls(&self) -> String {
        let near = self.routes.near(self.members.len());
        let urls: Vec<String> = self.members[..near].iter().map(Member::url).collect();
        urls.join(",")
    }

    fn pids(&self) -> anyhow::Result<Vec<u32>> {
        self.members.iter().map(Member::pid).collect()
    }
}
