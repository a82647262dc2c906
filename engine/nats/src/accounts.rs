//! Tenants' NATS accounts: one connection each, opened when a tenant's pipeline or a request first needs it,
//! kept from then on as the engine's own is, and ended with the last who holds it.
//!
//! - Which accounts there are says the operator's configuration, or a folder of credentials files, which
//!   may grow while the engine runs. An account that neither names is refused, never replaced by another.
//! - A connection that does not come about says why, in words that a tenant may read; what only the operator
//!   may read, such as a file's name, goes to the log.
//!
//! Why: docs/decisions/0041-a-nats-account-is-a-world.md

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tailrace_core::{
    name::Name,
    ports::{
        accounts::{AccountError, AccountPorts, AccountState, Accounts},
        broker::BrokerError,
    },
};
use tokio::sync::OnceCell;

use crate::{client::Link, connect::NatsBroker, login::Login, options::NatsOptions};

/// Connections of tenants' accounts: each is a socket, three tasks and the buffers of a client, and has its
/// share of the server's 1,000 atomic batches.
const MAX_OPEN: usize = 256;
/// Longest that one waits for a connection which is being opened: a server that is there answers in
/// milliseconds, and behind a request somebody waits.
const OPEN_WITHIN: Duration = Duration::from_secs(3);

/// Where accounts and their credentials are named.
#[derive(Debug, Clone, Default)]
pub struct AccountOptions {
    /// Accounts by name.
    pub named: BTreeMap<Name, NatsOptions>,
    /// A folder of credentials files, `<account>.creds`.
    pub folder: Option<PathBuf>,
    /// What an account of the folder has besides its credentials.
    pub like: NatsOptions,
}

/// The accounts.
pub struct NatsAccounts {
    own: Arc<NatsBroker>,
    options: AccountOptions,
    open: Mutex<BTreeMap<Name, Slot>>,
}

/// Where a connection is, or comes to be.
#[derive(Clone, Default)]
struct Slot {
    broker: Arc<OnceCell<Arc<NatsBroker>>>,
}

impl Slot {
    /// Whether nobody would miss it.
    fn is_idle(&self) -> bool {
        // The map holds one reference; a task that is about to open it holds another.
        let held = self
            .broker
            .get()
            .is_some_and(|broker| Arc::strong_count(broker) > 1);
        Arc::strong_count(&self.broker) == 1 && !held
    }
}

impl NatsAccounts {
    /// Without the engine's own.
    pub fn new(own: Arc<NatsBroker>, options: AccountOptions) -> Self {
        Self {
            own,
            options,
            open: Mutex::default(),
        }
    }

    /// Publishes a notice in an account, the engine's own where none is named.
    pub async fn publish_notice(
        &self,
        account: Option<&Name>,
        subject: &str,
        body: Bytes,
    ) -> Result<(), String> {
        let broker = match account {
            None => self.own.clone(),
            Some(account) => self.broker(account).await.map_err(|cause| cause.to_string())?,
        };
        let sent = broker.publish_notice(subject, body).await;
        sent.map_err(|cause: BrokerError| cause.to_string())
    }

    /// Forgets all connections; who still holds one ends it when letting go.
    pub fn close(&self) {
        self.slots().clear();
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Name, Slot>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How to reach an account; none where nobody has named it.
    fn named(&self, account: &Name) -> Option<NatsOptions> {
        if let Some(options) = self.options.named.get(account) {
            return Some(options.clone());
        }
        // A name has neither dots nor slashes, so it stays in the folder.
        let file = self.options.folder.as_ref()?.join(format!("{account}.creds"));
        file.is_file().then(|| NatsOptions {
            login: Login::Credentials(file),
            ..self.options.like.clone()
        })
    }

    /// The slot of a connection. If all are taken, the idle ones are given up.
    fn slot(&self, account: &Name) -> Result<Slot, AccountError> {
        let mut slots = self.slots();
        if let Some(slot) = slots.get(account) {
            return Ok(slot.clone());
        }
        if slots.len() >= MAX_OPEN {
            slots.retain(|_, slot| !slot.is_idle());
        }
        if slots.len() >= MAX_OPEN {
            return Err(AccountError::TooMany {
                account: account.to_string(),
                most: MAX_OPEN,
            });
        }
        Ok(slots.entry(account.clone()).or_default().clone())
    }

    /// A connection that is up.
    async fn broker(&self, account: &Name) -> Result<Arc<NatsBroker>, AccountError> {
        let name = account.to_string();
        let options = self.named(account);
        let options = options.ok_or_else(|| AccountError::Unknown {
            account: name.clone(),
        })?;
        let slot = self.slot(account)?;
        let opened = slot.broker.get_or_try_init(|| async {
            let broker = NatsBroker::connect_as(Some(account), options).await;
            broker.map(Arc::new)
        });
        let unusable = |why: String| AccountError::Unusable {
            account: name.clone(),
            why,
        };
        let broker = opened.await.map_err(|cause| {
            tracing::error!(%account, %cause, "a NATS account cannot be opened");
            unusable("it cannot be opened, and the engine's log says why".to_owned())
        })?;
        broker.settled(OPEN_WITHIN).await.map_err(unusable)?;
        Ok(broker.clone())
    }
}

#[async_trait]
impl Accounts for NatsAccounts {
    fn knows(&self, account: &Name) -> bool {
        self.named(account).is_some()
    }

    async fn open(&self, account: &Name) -> Result<AccountPorts, AccountError> {
        let broker = self.broker(account).await?;
        Ok(AccountPorts {
            streams: broker.clone(),
            input: broker.clone(),
            commits: broker.clone(),
            dead_letters: broker.clone(),
            snapshots: broker.clone(),
            messages: broker.clone(),
            tenant_streams: broker,
        })
    }

    fn state(&self, account: &Name) -> AccountState {
        let open = self
            .slots()
            .get(account)
            .and_then(|slot| slot.broker.get().cloned());
        let (connected, trouble) = match open.map(|broker| broker.link()) {
            Some(Link::Up) => (true, None),
            Some(Link::Down(why)) => (false, Some(why)),
            _ if !self.knows(account) => (false, Some("this engine has no credentials for it".to_owned())),
            Some(Link::Opening) | None => (false, None),
        };
        AccountState {
            name: account.clone(),
            connected,
            trouble,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a broker that is not there.
    async fn accounts(options: AccountOptions) -> NatsAccounts {
        let nowhere = NatsOptions {
            url: "127.0.0.1:1".to_owned(),
            ..NatsOptions::default()
        };
        let own = NatsBroker::connect(nowhere).await.unwrap();
        NatsAccounts::new(Arc::new(own), options)
    }

    fn name(number: usize) -> Name {
        Name::new(&format!("a{number}")).unwrap()
    }

    #[tokio::test]
    async fn places_that_nobody_uses_are_given_up_and_those_in_use_are_not() {
        let accounts = accounts(AccountOptions::default()).await;
        let mut held: Vec<_> = (0..MAX_OPEN)
            .map(|it| accounts.slot(&name(it)).unwrap())
            .collect();
        let refused = accounts.slot(&name(MAX_OPEN)).err();
        assert!(
            matches!(refused, Some(AccountError::TooMany { .. })),
            "{refused:?}"
        );
        held.truncate(3);
        accounts.slot(&name(MAX_OPEN)).unwrap();
        let left: Vec<_> = accounts.slots().keys().cloned().collect();
        assert_eq!(
            left,
            [name(0), name(1), name(2), name(MAX_OPEN)].as_slice().to_vec()
        );
    }

    #[tokio::test]
    async fn an_account_is_what_the_configuration_or_a_file_of_the_folder_names() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = AccountOptions {
            folder: Some(folder.path().to_owned()),
            ..AccountOptions::default()
        };
        options.named.insert(name(1), NatsOptions::default());
        let accounts = accounts(options).await;
        assert!(accounts.knows(&name(1)) && !accounts.knows(&name(2)));
        let state = accounts.state(&name(2));
        assert!(state.trouble.is_some_and(|why| why.contains("no credentials")));
        let unknown = accounts.open(&name(2)).await.err();
        assert_eq!(
            unknown,
            Some(AccountError::Unknown {
                account: "a2".to_owned()
            })
        );

        // Added while it runs, and not what it should be: the tenant learns no more than that.
        std::fs::write(folder.path().join("a2.creds"), "secret").unwrap();
        assert!(accounts.knows(&name(2)));
        let why = accounts.open(&name(2)).await.err().unwrap().to_string();
        assert!(
            why.contains("cannot be opened") && !why.contains("secret"),
            "{why}"
        );
        assert!(!why.contains(&folder.path().display().to_string()), "{why}");
    }
}
