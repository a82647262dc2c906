//! Streams that tenants make for their events. The broker is the record of them: a stream bears whose it is, so that
//! nobody finds another's, and one that was made under the name of an earlier tenant is none of the present one's.

use std::time::Duration;

use async_trait::async_trait;

use crate::{life::Life, name::Name, ports::broker::BrokerError};

/// A stream that a tenant wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStream {
    /// Whose.
    pub tenant: Name,
    /// In which life of the tenant.
    pub life: Life,
    /// What the tenant calls it.
    pub name: Name,
    /// The subjects that it holds.
    pub subjects: Vec<String>,
    /// What it takes in of other streams.
    pub sources: Vec<TenantSource>,
    /// How long it keeps an event; zero for ever.
    pub max_age: Duration,
    /// How many bytes it may hold.
    pub max_bytes: u64,
    /// Whether the oldest events make room for new ones; otherwise new ones are refused.
    pub drops_oldest: bool,
    /// Whether it keeps the newest message of each subject only.
    pub newest_only: bool,
}

/// What a stream takes in of another: all messages of one pattern, from the first that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TenantSource {
    /// The other stream, as the broker names it.
    pub stream: String,
    /// The pattern.
    pub subject: String,
}

/// A stream that a tenant has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStreamFacts {
    /// How it was wanted.
    pub wanted: TenantStream,
    /// When it was made, as the broker writes it.
    pub created: String,
    /// Events that it holds.
    pub messages: u64,
    /// Bytes that it holds.
    pub bytes: u64,
    /// First sequence that it still holds.
    pub first_sequence: u64,
    /// Last sequence that it ever gave.
    pub last_sequence: u64,
}

/// Why a tenant's stream was not made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TenantStreamError {
    /// Another stream holds some of its subjects.
    #[error("another stream holds some of these subjects")]
    Overlaps,
    /// The name is another's: an operator's stream, or one of an ended tenant.
    #[error("the name is taken by a stream that this tenant did not make")]
    Taken,
    /// The broker failed, or refuses it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Streams of tenants.
#[async_trait]
pub trait TenantStreams: Send + Sync {
    /// Makes a stream, or changes it to be like this.
    async fn put(&self, wanted: &TenantStream) -> Result<TenantStreamFacts, TenantStreamError>;
    /// The streams of a tenant, in the order of their creation.
    async fn of(&self, tenant: &Name, life: Life) -> Result<Vec<TenantStreamFacts>, BrokerError>;
    /// Deletes a stream of a tenant with its events; fine if there is none.
    async fn remove(&self, tenant: &Name, life: Life, name: &Name) -> Result<(), BrokerError>;
}
