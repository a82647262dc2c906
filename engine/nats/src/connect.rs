//! The connection. It is made once and kept for ever: the server may start after the engine, restart,
//! or be away for days, and the client comes back by itself with a growing pause. See `client` for what that is.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, connection::State, jetstream};
use tailrace_core::{name::Name, ports::broker::BrokerError, tasks};
use tokio::{
    sync::{Mutex, Semaphore, watch},
    time::Instant,
};

use crate::{
    bucket::NatsBucket,
    client::{Link, Opened, Opener},
    denials::{self, Denials},
    handle::NatsHandle,
    options::NatsOptions,
    silence::Silence,
};

/// Atomic batches under way at once on a connection. The server takes 50 on a stream and 1,000 in all;
/// several engines and accounts share the latter. What is beyond it is refused and sent again.
const MAX_BATCHES: usize = 40;
/// Bucket of tenants, tokens, plugins and pipelines.
pub(crate) const REGISTRY: &str = "tailrace_registry";

/// The broker, as the engine's ports want it.
pub struct NatsBroker {
    handle: NatsHandle,
    /// Counts lost connections: what was asked on one will not be answered on the next.
    pub(crate) lost: watch::Receiver<u64>,
    link: watch::Receiver<Link>,
    pub(crate) options: NatsOptions,
    pub(crate) batches: Arc<Semaphore>,
    pub(crate) silence: Arc<Silence>,
    pub(crate) denials: Arc<Denials>,
    /// When the server is to be asked next for its limit of messages (see `payload_limit`).
    pub(crate) limit_due: Mutex<Option<Instant>>,
    pub(crate) registry: NatsBucket,
}

impl NatsBroker {
    /// Connects, or begins to try: the server need not be there yet.
    pub async fn connect(options: NatsOptions) -> Result<Self, BrokerError> {
        Self::connect_as(None, options).await
    }

    /// The same in an account that is not the engine's own.
    pub(crate) async fn connect_as(
        account: Option<&Name>,
        options: NatsOptions,
    ) -> Result<Self, BrokerError> {
        let (told, lost) = watch::channel(0);
        let (seen, link) = watch::channel(Link::Opening);
        let denials = Arc::<Denials>::default();
        let opener = Opener {
            account: account.map(Name::to_string),
            options: options.clone(),
            lost: Arc::new(told),
            link: Arc::new(seen),
            denials: Arc::downgrade(&denials),
        };
        let Opened { client, ended } = opener.open().await?;
        let handle = NatsHandle::new(client, options.request_timeout);
        denials::keep_trying(Arc::downgrade(&denials), handle.weak());
        tasks::spawn(opener.replace_for_ever(handle.weak(), ended));
        let registry = NatsBucket::new(handle.clone(), REGISTRY, Duration::ZERO, &options).unmade();
        Ok(Self {
            handle,
            lost,
            link,
            options,
            batches: Arc::new(Semaphore::new(MAX_BATCHES)),
            silence: Arc::default(),
            denials,
            limit_due: Mutex::default(),
            registry,
        })
    }

    /// The client as it is now, for tests and for the demonstration too.
    pub fn client(&self) -> Client {
        self.handle.client()
    }

    pub(crate) fn jetstream(&self) -> jetstream::Context {
        self.handle.jetstream()
    }

    /// What can be kept, and asks the same.
    pub(crate) fn handle(&self) -> NatsHandle {
        self.handle.clone()
    }

    /// Waits for an answer, but no longer than the connection lives on which it was asked for.
    pub(crate) async fn while_connected<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let mut lost = self.lost.clone();
        lost.borrow_and_update();
        tokio::select! {
            answer = answer => Some(answer),
            Ok(()) = lost.changed() => None,
        }
    }

    /// How the connection is now. The client tells of events as long as there is room for them, so what it says
    /// of its state comes first.
    pub(crate) fn link(&self) -> Link {
        if self.connected() {
            return Link::Up;
        }
        self.link.borrow().clone()
    }

    /// Waits until it is known whether there is a connection; says why there is none.
    pub(crate) async fn settled(&self, within: Duration) -> Result<(), String> {
        if !self.connected() {
            let mut link = self.link.clone();
            let settled = link.wait_for(|link| *link != Link::Opening);
            let _ = tokio::time::timeout(within, settled).await;
        }
        match self.link() {
            Link::Up => Ok(()),
            Link::Down(why) => Err(why),
            Link::Opening => Err("the broker does not answer".to_owned()),
        }
    }

    pub(crate) fn connected(&self) -> bool {
        self.client().connection_state() == State::Connected
    }
}
