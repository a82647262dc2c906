//! The client: how it is opened, and how it is replaced. It comes back by itself when the broker was away. But its task
//! may break down: the client of this version panics over a message whose header value holds a carriage return
//! (<https://github.com/nats-io/nats.rs/pull/1612>), and anybody who may publish to an input may send one. Then another
//! client is opened, and whoever was cut off begins anew, as after a lost connection.
//!
//! Why: docs/decisions/0216-a-client-that-breaks-down-is-replaced.md

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use async_nats::{AuthError, Client, ConnectOptions, Event, ServerError};
use tailrace_core::ports::broker::BrokerError;
use tokio::sync::{oneshot, watch};

use crate::{
    address::Addresses,
    attempts::Attempts,
    denials::Denials,
    handle::WeakHandle,
    login::Login,
    options::{NatsOptions, TlsOptions},
};

/// How often the server is asked for a sign of life. Two without an answer end the connection, and another node is
/// tried: one that stands still closes none by itself.
const PING_EVERY: Duration = Duration::from_secs(2);
/// Longest pause before a further try to connect.
const MAX_RECONNECT_PAUSE: Duration = Duration::from_secs(2);
/// Pause before another client is opened, so that what breaks one after the other costs little.
const PAUSE_BEFORE_ANOTHER: Duration = Duration::from_millis(200);

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

/// Opens clients of one account.
pub(crate) struct Opener {
    /// None for the engine's own.
    pub(crate) account: Option<String>,
    pub(crate) options: NatsOptions,
    /// Counts lost connections.
    pub(crate) lost: Arc<watch::Sender<u64>>,
    pub(crate) link: Arc<watch::Sender<Link>>,
    pub(crate) denials: Weak<Denials>,
}

/// A client, and what tells that its task has ended.
pub(crate) struct Opened {
    pub(crate) client: Client,
    pub(crate) ended: oneshot::Receiver<()>,
}

impl Opener {
    /// Connects, or begins to try.
    pub(crate) async fn open(&self) -> Result<Opened, BrokerError> {
        let unusable = |cause: &dyn std::fmt::Display| BrokerError::Unreachable(cause.to_string());
        let (connect, servers) = self.login().map_err(|cause| unusable(&cause))?;
        let attempts = Arc::new(Attempts::of(self.account.clone()));
        let (looked, noted) = (attempts.clone(), attempts);
        let (lost, link, account) = (self.lost.clone(), self.link.clone(), self.account.clone());
        let denials = self.denials.clone();
        // The client drops what it calls when its task ends, and this with it.
        let (is_there, ended) = oneshot::channel();
        let connect = self
            .secured(connect)
            .name("tailrace")
            .retry_on_initial_connect()
            .request_timeout(Some(self.options.request_timeout))
            .ping_interval(PING_EVERY)
            .reconnect_delay_callback(pause)
            // It chooses no server; it is shown what became of the last tries.
            .reconnect_to_server_callback(move |servers, _| {
                looked.look(&servers);
                std::future::ready(None)
            })
            .event_callback(move |event| {
                let _: &oneshot::Sender<()> = &is_there;
                match &event {
                    Event::Connected => {
                        noted.note(None);
                        if let Some(denials) = denials.upgrade() {
                            denials.connected();
                        }
                    }
                    Event::ClientError(cause) => noted.note(Some(cause.to_string())),
                    Event::ServerError(ServerError::Other(said)) => {
                        let new = denials.upgrade().and_then(|denials| denials.note(said));
                        if let Some(denied) = new {
                            tracing::error!(account, "{denied}");
                        }
                    }
                    _ => {}
                }
                report(&event, account.as_deref(), &lost, &link);
                std::future::ready(())
            });
        let client = Box::pin(connect.connect(servers)).await;
        let client = client.map_err(|cause| unusable(&cause))?;
        Ok(Opened { client, ended })
    }

    /// How it logs in, and where.
    fn login(&self) -> Result<(ConnectOptions, Vec<async_nats::ServerAddr>), String> {
        // What cannot be used now is no use later: a wrong configuration is to be heard of at once.
        self.options.login.auth(&[]).map_err(|cause| cause.to_string())?;
        let Addresses { servers, login } = Addresses::read(&self.options.url)?;
        let connect = match (&self.options.login, login) {
            (Login::Plain, None) => ConnectOptions::new(),
            (Login::Plain, Some(login)) => {
                tracing::warn!(
                    account = self.account,
                    "the address of the broker holds a password or a token, and other users of this machine can see the arguments of a process; name a file instead, with nats.user and nats.password-file or with nats.token-file"
                );
                ConnectOptions::with_auth_callback(move |_| std::future::ready(Ok(login.auth())))
            }
            (_, Some(_)) => {
                return Err("the address names a user, and the configuration says otherwise how to log in; leave one of them out".to_owned());
            }
            (login, None) => {
                let login = login.clone();
                ConnectOptions::with_auth_callback(move |nonce| {
                    let auth = login.auth(&nonce).map_err(AuthError::from);
                    std::future::ready(auth)
                })
            }
        };
        Ok((connect, servers))
    }

    fn secured(&self, mut connect: ConnectOptions) -> ConnectOptions {
        let TlsOptions { ca, client } = &self.options.tls;
        if let Some(ca) = ca {
            connect = connect.add_root_certificates(ca.clone()).require_tls(true);
        }
        if let Some((certificate, key)) = client {
            connect = connect
                .add_client_certificate(certificate.clone(), key.clone())
                .require_tls(true);
        }
        connect
    }

    /// Opens another client each time that one has broken down, as long as the handle is wanted.
    pub(crate) async fn replace_for_ever(self, handle: WeakHandle, mut ended: oneshot::Receiver<()>) {
        loop {
            let _ = ended.await;
            if !handle.is_wanted() {
                return;
            }
            tracing::error!(
                account = self.account,
                "the client of the broker broke down; another one takes its place, and what was under way begins anew"
            );
            let why = "the client broke down, and another one connects".to_owned();
            self.link.send_replace(Link::Down(why));
            self.lost.send_modify(|count| *count += 1);
            ended = loop {
                tokio::time::sleep(PAUSE_BEFORE_ANOTHER).await;
                match self.open().await {
                    Ok(another) => {
                        handle.replace(another.client, self.options.request_timeout);
                        break another.ended;
                    }
                    Err(cause) => {
                        tracing::error!(account = self.account, %cause, "no other client can be opened yet");
                    }
                }
                if !handle.is_wanted() {
                    return;
                }
            };
        }
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
