//! What lies between an engine and the broker: delays, failed requests, outages of single services, and
//! the death of the engine in the midst of a request.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use tailrace_core::ports::broker::BrokerError;
use tokio::sync::watch;

use crate::{faults::Faults, sync::lock};

/// The address that errors name. An answer to a client must never hold it.
pub const ADDRESS: &str = "nats://10.0.0.9:4222";

/// What a broker can fail to serve while it serves the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Facts of streams and of snapshots, and the making of streams.
    Streams,
    /// Removal of streams.
    Removal,
    /// Subscriptions.
    Input,
    /// Commits and their records.
    Commits,
    /// Dead letters.
    DeadLetters,
    /// Snapshots of partitions.
    Snapshots,
    /// Tenants, plugins and pipelines.
    Registry,
}

#[derive(Default)]
struct Outages {
    is_disconnected: bool,
    services: BTreeSet<Service>,
}

impl Outages {
    fn has(&self, service: Service) -> bool {
        self.is_disconnected || self.services.contains(&service)
    }
}

/// The link. Its copies are one.
#[derive(Clone)]
pub struct Link {
    faults: Option<Arc<Faults>>,
    outages: Arc<Mutex<Outages>>,
    mended: Arc<watch::Sender<()>>,
    crash: Arc<watch::Sender<bool>>,
}

impl Link {
    /// A link with these faults; without any, requests succeed at once.
    pub fn new(faults: Option<Arc<Faults>>) -> Self {
        Self {
            faults,
            outages: Arc::default(),
            mended: Arc::new(watch::Sender::new(())),
            crash: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Set when an engine is to die here and now: nothing that it asks for happens any more.
    pub fn crash(&self) -> &watch::Sender<bool> {
        &self.crash
    }

    /// Connects or disconnects the broker as a whole.
    pub fn set_connected(&self, connected: bool) {
        lock(&self.outages).is_disconnected = !connected;
        self.mended.send_replace(());
    }

    /// Whether the broker is connected.
    pub fn is_connected(&self) -> bool {
        !lock(&self.outages).is_disconnected
    }

    /// This service fails from now on.
    pub fn cut(&self, service: Service) {
        lock(&self.outages).services.insert(service);
    }

    /// This service works again.
    pub fn mend(&self, service: Service) {
        lock(&self.outages).services.remove(&service);
        self.mended.send_replace(());
    }

    /// Fails during an outage of the service. Chance has no say here.
    pub fn reach(&self, service: Service) -> Result<(), BrokerError> {
        if lock(&self.outages).has(service) {
            return Err(BrokerError::Unreachable(format!(
                "{ADDRESS} refused the connection"
            )));
        }
        Ok(())
    }

    /// Waits until no outage of the service is left.
    pub(crate) async fn reached(&self, service: Service) {
        let mut mended = self.mended.subscribe();
        while self.reach(service).is_err() {
            // The link itself holds the sender, so this ends with a change only.
            let _ = mended.changed().await;
        }
    }

    /// A request takes a while, may find no broker, and may be the last thing that the engine does.
    pub(crate) async fn request(&self, service: Service) -> Result<(), BrokerError> {
        self.reach(service)?;
        self.pause(20).await;
        if self.strikes("crash at a request", 1) {
            self.die().await;
        }
        if self.strikes("no connection", 8) {
            return Err(BrokerError::Unreachable("simulated".to_owned()));
        }
        Ok(())
    }

    /// Takes up to so long, by chance; a dead engine never gets past it.
    pub(crate) async fn pause(&self, most_ms: u64) {
        if let Some(faults) = &self.faults {
            tokio::time::sleep(Duration::from_millis(faults.below(most_ms + 1))).await;
        }
        if *self.crash.borrow() {
            std::future::pending::<()>().await;
        }
    }

    /// The engine dies here: what it was doing never goes on.
    pub(crate) async fn die(&self) {
        self.crash.send_replace(true);
        std::future::pending::<()>().await;
    }

    /// Whether this fault happens now; see [`Faults::strikes`].
    pub(crate) fn strikes(&self, what: &'static str, percent: u32) -> bool {
        let faults = self.faults.as_ref();
        faults.is_some_and(|faults| faults.strikes(what, percent))
    }

    /// The faults, where there are any.
    pub(crate) fn faults(&self) -> Option<&Faults> {
        self.faults.as_deref()
    }
}
