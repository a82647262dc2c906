//! The streams of a NATS account with their copies, for operators.

use serde::Serialize;
use tailrace_core::{name::Name, ports::broker::CopiedStream, subject};

use crate::{
    error::{ControlError, ControlResult},
    query::Queries,
};

/// Streams of an account.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct BrokerStreamPage {
    /// They themselves, in the order of their names.
    pub streams: Vec<BrokerStream>,
    /// How many there are in all.
    pub total: u64,
    /// Where to go on, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// How many copies the engine's configuration wants; none where the broker is one server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_replicas: Option<u64>,
    /// The NATS accounts of tenants, which have streams of their own.
    pub accounts: Vec<Name>,
}

/// A stream of the broker.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct BrokerStream {
    /// Its name.
    pub stream: String,
    /// The pipeline whose own it is, as `tenant/pipeline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// How many copies it is to have.
    pub replicas: u64,
    /// The node that answers for it; none where the broker is one server, or no node does at present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// Its other copies, as the leader sees them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<StreamReplica>,
    /// Bytes that it holds.
    pub bytes: u64,
    /// First sequence that it still holds.
    pub first_sequence: u64,
    /// Last sequence that it ever gave.
    pub last_sequence: u64,
}

/// A copy of a stream that follows its leader.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct StreamReplica {
    /// The node that it lies on.
    pub node: String,
    /// Whether it holds all that the leader does.
    pub current: bool,
    /// Whether the node is away.
    pub offline: bool,
    /// Operations that it is behind.
    pub lag: u64,
}

impl Queries {
    /// Streams of an account, the engine's own where none is named; after so many.
    pub async fn broker_streams(
        &self,
        account: Option<&Name>,
        after: u64,
    ) -> ControlResult<BrokerStreamPage> {
        let known = self.context.registry()?.accounts();
        if let Some(name) = account
            && !known.contains(&Some(name.clone()))
        {
            return Err(ControlError::not_found("NATS account", name));
        }
        let world = self.context.world.of(account).await?;
        let page = world.streams.page_of_streams(after).await?;
        let until = after.saturating_add(page.streams.len() as u64);
        Ok(BrokerStreamPage {
            next: Some(until).filter(|until| !page.streams.is_empty() && *until < page.total),
            total: page.total,
            streams: page.streams.into_iter().map(shown).collect(),
            wanted_replicas: world.streams.wanted_replicas(),
            accounts: known.into_iter().flatten().collect(),
        })
    }
}

fn shown(stream: CopiedStream) -> BrokerStream {
    let followers = stream.followers.into_iter().map(|follower| StreamReplica {
        node: follower.node,
        current: follower.is_current,
        offline: follower.is_offline,
        lag: follower.lag,
    });
    let facts = stream.facts;
    BrokerStream {
        pipeline: subject::owner_of_stream(&facts.name)
            .filter(|_| facts.is_engines)
            .map(|id| id.to_string()),
        stream: facts.name,
        replicas: facts.replicas,
        leader: stream.leader,
        followers: followers.collect(),
        bytes: facts.bytes,
        first_sequence: facts.first_sequence,
        last_sequence: facts.last_sequence,
    }
}
