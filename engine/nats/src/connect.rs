//! The connection. It is made once and kept for ever: the server may start after the engine, restart,
//! or be away for days, and the client comes back by itself with a growing pause.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, Event, connection::State, jetstream};
use tailrace_core::ports::broker::BrokerError;
use tokio::sync::{OnceCell, Semaphore, watch};

use crate::{bucket::NatsBucket, registry::REGISTRY};

/// Atomic batches under way at once. The server takes 50 on a stream and 1,000 in all; several
/// engines share the latter.
const MAX_BATCHES: usize = 40;
/// Longest pause before a further try to connect.
const MAX_RECONNECT_PAUSE: Duration = Duration::from_secs(2);

/// How to reach the broker.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// Address, or several of one cluster parted by commas.
    pub url: String,
    /// A credentials file.
    pub credentials: Option<PathBuf>,
    /// Address of the monitoring port, to learn how the server syncs.
    pub monitor_url: Option<String>,
    /// Longest wait for an answer; beyond it the outcome is unknown.
    pub request_timeout: Duration,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            credentials: None,
            monitor_url: None,
            request_timeout: Duration::from_secs(5),
        }
    }
}

/// The broker, as the engine's ports want it.
pub struct NatsBroker {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    /// Counts lost connections: what was asked on one will not be answered on the next.
    pub(crate) lost: watch::Receiver<u64>,
    pub(crate) options: NatsOptions,
    pub(crate) batches: Arc<Semaphore>,
    pub(crate) registry: NatsBucket,
    pub(crate) plugins: OnceCell<jetstream::object_store::ObjectStore>,
    pub(crate) snapshots: OnceCell<jetstream::object_store::ObjectStore>,
    /// Set once the stream of the audit log is known to be there.
    pub(crate) audit: OnceCell<()>,
}

impl NatsBroker {
    /// Connects, or begins to try: the server need not be there yet.
    pub async fn connect(options: NatsOptions) -> Result<Self, BrokerError> {
        let unusable = |cause: &dyn std::fmt::Display| BrokerError::Unreachable(cause.to_string());
        let (told, lost) = watch::channel(0);
        let mut connect = ConnectOptions::new()
            .name("tailrace")
            .retry_on_initial_connect()
            .request_timeout(Some(options.request_timeout))
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                report(&event, &told);
                std::future::ready(())
            });
        if let Some(file) = &options.credentials {
            let text = std::fs::read_to_string(file)
                .map_err(|cause| unusable(&format!("{}: {cause}", file.display())))?;
            connect = connect.credentials(&text).map_err(|cause| unusable(&cause))?;
        }
        let servers: Vec<&str> = options.url.split(',').map(str::trim).collect();
        let client = connect.connect(servers).await.map_err(|cause| unusable(&cause))?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(options.request_timeout);
        let registry = NatsBucket::new(jetstream.clone(), REGISTRY, Duration::ZERO);
        Ok(Self {
            client,
            jetstream,
            lost,
            options,
            batches: Arc::new(Semaphore::new(MAX_BATCHES)),
            registry,
            plugins: OnceCell::new(),
            snapshots: OnceCell::new(),
            audit: OnceCell::new(),
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

    pub(crate) fn connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}

fn pause(attempts: usize) -> Duration {
    let doubled = Duration::from_millis(20).saturating_mul(1 << attempts.min(10));
    doubled.min(MAX_RECONNECT_PAUSE)
}

fn report(event: &Event, lost: &watch::Sender<u64>) {
    match event {
        Event::Connected => tracing::info!("the broker is connected"),
        Event::Disconnected => {
            lost.send_modify(|count| *count += 1);
            tracing::warn!("the broker is gone; connecting again");
        }
        other => tracing::debug!(event = %other, "the broker's connection"),
    }
}
