//! NATS accounts of tenants. A tenant's record names the account that it lives in; what opens it is the
//! operator's, and lies in no registry. [`World::of`](crate::world::World::of) gives the world as a tenant's
//! pipelines see it: the same engine, and the broker as that account shows it. What is the engine's own
//! (registry, audit log, leases, questions between engines) stays where it is.
//!
//! - Subjects and streams of two accounts are different ones, whatever they are called.
//! - An account that cannot be used is its tenants' trouble and the operator's to mend; there is no other
//!   that is taken in its place.
//!
//! Why: docs/decisions/0041-a-nats-account-is-a-world.md

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::{
    name::Name,
    ports::{broker, messages::Messages, tenant_streams::TenantStreams},
};

/// The broker, as one account shows it.
#[derive(Clone)]
pub struct AccountPorts {
    /// Its streams.
    pub streams: Arc<dyn broker::Streams>,
    /// Input streams.
    pub input: Arc<dyn broker::Input>,
    /// Commits.
    pub commits: Arc<dyn broker::CommitLog>,
    /// Dead letters.
    pub dead_letters: Arc<dyn broker::DeadLetters>,
    /// Snapshots of partitions.
    pub snapshots: Arc<dyn broker::Snapshots>,
    /// Messages, sent and read by hand.
    pub messages: Arc<dyn Messages>,
    /// Streams that tenants make.
    pub tenant_streams: Arc<dyn TenantStreams>,
}

/// An account cannot be used. The operator's fault, or the broker's; never the tenant's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The configuration does not name it.
    #[error(
        "this engine has no credentials for NATS account {account:?}; its operator adds them under [nats.accounts.{account}], or as {account}.creds in nats.accounts-dir"
    )]
    Unknown {
        /// Which.
        account: String,
    },
    /// It is named, and there is no connection. Says nothing of the host: tenants read it.
    #[error(
        "NATS account {account:?} cannot be used: {why}; its operator looks at the account's credentials and at the broker"
    )]
    Unusable {
        /// Which.
        account: String,
        /// Why.
        why: String,
    },
    /// There is no permit for a further connection.
    #[error(
        "NATS account {account:?} is not opened: this engine is connected to {most} accounts, the most there can be; its operator moves tenants to fewer accounts"
    )]
    TooMany {
        /// Which.
        account: String,
        /// How many there can be.
        most: usize,
    },
}

/// How an account is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct AccountState {
    /// Which.
    pub name: Name,
    /// Whether this engine is connected to it.
    pub connected: bool,
    /// Why not, where it was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The accounts that the operator has named.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Whether the operator has named it.
    fn knows(&self, account: &Name) -> bool;
    /// The broker as it shows it; connects where that has not happened yet, for seconds at most.
    async fn open(&self, account: &Name) -> Result<AccountPorts, AccountError>;
    /// How it is; opens nothing.
    fn state(&self, account: &Name) -> AccountState;
}

/// None is named.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAccounts;

#[async_trait]
impl Accounts for NoAccounts {
    fn knows(&self, _: &Name) -> bool {
        false
    }
    async fn open(&self, account: &Name) -> Result<AccountPorts, AccountError> {
        let account = account.to_string();
        Err(AccountError::Unknown { account })
    }
    fn state(&self, account: &Name) -> AccountState {
        AccountState {
            name: account.clone(),
            connected: false,
            trouble: None,
        }
    }
}
