//! The connection. It is made once and kept for ever: the server may start after the engine, restart,
//! or be away for days, and the client comes back by itself with a growing pause.

use std::{sync::Arc, time::Duration};

use async_nats::{AuthError, Client, ConnectOptions, Event, ServerError, connection::State, jetstream};
use tailrace_core::{name::Name, ports::broker::BrokerError};
use tokio::{
    sync::{Mutex, Semaphore, watch},
    time::Instant,
};

use crate::{
    address::Addresses,
    attempts::Attempts,
    bucket::NatsBucket,
    denials::{self, Denials},
    login::Login,
    options::{NatsOptions, TlsOptions},
    silence::Silence,
};

/// Atomic batches under way at once on a connection. The server takes 50 on a stream and 1,000 in all;
/// several engines and accounts share the latter. What is beyond it is refused and sent again.
const MAX_BATCHES: usize = 40;
/// Bucket of tenants, tokens, plugins and pipelines.
pub(crate) const REGISTRY: &str = "tailrace_registry";
/// How often the server is asked for a sign of life. Two without an answer end the connection, and another node is
/// tried: one that stands still closes none by itself.
const PING_EVERY: Duration = Duration::from_secs(2);
/// Longest pause before a further try to connect.
const MAX_RECONNECT_PAUSE: Duration = Duration::from_secs(2);

/// The broker, as the engine's ports want it.
pub struct NatsBroker {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
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

/// How a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not known yet.
    Opening,
    /// It is there.
    Up,
    /// It is not, and why; says nothing of the host.
    Down(String),
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
        let unusable = |cause: &dyn std::fmt::Display| BrokerError::Unreachable(cause.to_string());
        let (told, lost) = watch::channel(0);
        let (seen, link) = watch::channel(Link::Opening);
        let name = account.map(Name::to_string);
        let mut connect = ConnectOptions::new();
        // What cannot be used now is no use later: a wrong configuration is to be heard of at once.
        options.login.auth(&[]).map_err(|cause| unusable(&cause))?;
        let Addresses { servers, login } = Addresses::read(&options.url).map_err(|cause| unusable(&cause))?;
        match (&options.login, login) {
            (Login::Plain, None) => {}
            (Login::Plain, Some(login)) => {
                tracing::warn!(
                    account = name,
                    "the address of the broker holds a password or a token, and other users of this machine can see the arguments of a process; name a file instead, with nats.user and nats.password-file or with nats.token-file"
                );
                connect = ConnectOptions::with_auth_callback(move |_| std::future::ready(Ok(login.auth())));
            }
            (_, Some(_)) => {
                let twice = "the address names a user, and the configuration says otherwise how to log in; leave one of them out";
                return Err(unusable(&twice));
            }
            (login, None) => {
                let login = login.clone();
                connect = ConnectOptions::with_auth_callback(move |nonce| {
                    let auth = login.auth(&nonce).map_err(AuthError::from);
                    std::future::ready(auth)
                });
            }
        }
        let attempts = Arc::new(Attempts::of(name.clone()));
        let (looked, noted) = (attempts.clone(), attempts);
        let denials = Arc::<Denials>::default();
        let denied = Arc::downgrade(&denials);
        let TlsOptions { ca, client } = &options.tls;
        if let Some(ca) = ca {
            connect = connect.add_root_certificates(ca.clone()).require_tls(true);
        }
        if let Some((certificate, key)) = client {
            connect = connect
                .add_client_certificate(certificate.clone(), key.clone())
                .require_tls(true);
        }
        let connect = connect
            .name("tailrace")
            .retry_on_initial_connect()
            .request_timeout(Some(options.request_timeout))
            .ping_interval(PING_EVERY)
            .reconnect_delay_callback(pause)
            // It chooses no server; it is shown what became of the last tries.
            .reconnect_to_server_callback(move |servers, _| {
                looked.look(&servers);
                std::future::ready(None)
            })
            .event_callback(move |event| {
                match &event {
                    Event::Connected => {
                        noted.note(None);
                        if let Some(denials) = denied.upgrade() {
                            denials.connected();
                        }
                    }
                    Event::ClientError(cause) => noted.note(Some(cause.to_string())),
                    Event::ServerError(ServerError::Other(said)) => {
                        let new = denied.upgrade().and_then(|denials| denials.note(said));
                        if let Some(denied) = new {
                            tracing::error!(account = name, "{denied}");
                        }
                    }
                    _ => {}
                }
                report(&event, name.as_deref(), &told, &seen);
                std::future::ready(())
            });
        let client = Box::pin(connect.connect(servers))
            .await
            .map_err(|cause| unusable(&cause))?;
        denials::keep_trying(Arc::downgrade(&denials), client.clone());
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(options.request_timeout);
        let registry = NatsBucket::new(jetstream.clone(), REGISTRY, Duration::ZERO, &options).unmade();
        Ok(Self {
            client,
            jetstream,
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

    /// The connection itself, for tests and for the demonstration.
    pub fn client(&self) -> &Client {
        &self.client
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
        self.client.connection_state() == State::Connected
    }
}

fn pause(attempts: usize) -> Duration {
    let doubled = Duration::from_millis(20).saturating_mul(1 << attempts.min(10));
    doubled.min(MAX_RECONNECT_PAUSE)
}

fn report(event: &Event, account: Option<&str>, lost: &watch::Sender<u64>, link: &watch::Sender<Link>) {
    match event {
        Event::Connected => {
            link.send_replace(Link::Up);
            tracing::info!(account, "the broker is connected");
        }
        Event::Disconnected => {
            lost.send_modify(|count| *count += 1);
            link.send_replace(Link::Down("the connection was lost".to_owned()));
            tracing::warn!(account, "the broker is gone; connecting again");
        }
        // Told of each try that fails; `attempts` logs where it went and why.
        Event::ClientError(cause) => {
            let why = Link::Down(in_words(&cause.to_string()));
            link.send_if_modified(|now| {
                *now != Link::Up && *now != why && {
                    *now = why;
                    true
                }
            });
        }
        other => tracing::debug!(account, event = %other, "the broker's connection"),
    }
}

/// A reason, as somebody may read it who knows neither the client nor the host.
fn in_words(cause: &str) -> String {
    let known = [
        ("authorization violation", "the broker refuses its credentials"),
        ("authentication", "its credentials cannot be read"),
    ];
    let found = known.iter().find(|(sign, _)| cause.contains(sign));
    found
        .map_or("the broker cannot be reached", |(_, words)| words)
        .to_owned()
}
