//! What lies between an engine and the broker: delays, failed requests, outages of single services, and
//! the death of the engine in the midst of a request.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use tailrace_core::ports::broker::{BrokerError, Denied};
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
    /// Tenants, plugins and pipelines; the leases of engines, what alarms remember, the audit log.
    Registry,
    /// Other engines.
    Peers,
}

/// What a request does.
type Act = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Outages {
    is_disconnected: bool,
    services: BTreeSet<Service>,
    denied: Vec<Denied>,
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
    fate: Arc<Mutex<Fate>>,
    late: Arc<Mutex<Vec<Act>>>,
}

/// At which of its requests the engine dies.
#[derive(Default)]
enum Fate {
    #[default]
    Open,
    /// With so many more.
    Dies(u64),
    /// As soon as one has changed something.
    DiesAfter,
}

impl Link {
    /// A link with these faults; without any, requests succeed at once.
    pub fn new(faults: Option<Arc<Faults>>) -> Self {
        Self {
            faults,
            outages: Arc::default(),
            mended: Arc::new(watch::Sender::new(())),
            crash: Arc::new(watch::Sender::new(false)),
            fate: Arc::default(),
            late: Arc::default(),
        }
    }

    /// Lets the engine die with so many more requests, before one of them or after it; never for none.
    pub fn die_with(&self, requests: Option<u64>) {
        *lock(&self.fate) = requests.map_or(Fate::Open, Fate::Dies);
    }

    /// Whether the engine dies before the request that it makes now.
    fn dies_now(&self) -> bool {
        let mut fate = lock(&self.fate);
        let Fate::Dies(left) = &mut *fate else {
            return false;
        };
        *left = left.saturating_sub(1);
        if *left > 0 {
            return false;
        }
        let is_before = self.faults.as_ref().is_some_and(|faults| faults.below(2) == 0);
        *fate = if is_before { Fate::Open } else { Fate::DiesAfter };
        is_before
    }

    fn note(&self, what: &'static str) {
        if let Some(faults) = &self.faults {
            faults.note(what);
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

    /// The broker's permissions deny this from now on.
    pub fn deny(&self, denied: &[Denied]) {
        lock(&self.outages).denied = denied.to_vec();
    }

    /// What they deny.
    pub fn denied(&self) -> Vec<Denied> {
        lock(&self.outages).denied.clone()
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
        if self.dies_now() {
            self.note("crash at a request");
            self.die().await;
        }
        if self.strikes("crash at a request", 1) {
            self.die().await;
        }
        if self.strikes("no connection", 8) {
            return Err(BrokerError::Unreachable("simulated".to_owned()));
        }
        Ok(())
    }

    /// A request that changes something. What it asks for may happen and the answer be lost, or happen when nobody
    /// waits for it any more, or be the last thing that the engine has done.
    pub(crate) async fn change<T>(
        &self,
        service: Service,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BrokerError> {
        self.request(service).await?;
        if self.strikes("request takes effect late", 2) {
            lock(&self.late).push(Box::new(move || drop(act())));
            self.pause(100).await;
            return Err(BrokerError::Unreachable("simulated: too late".to_owned()));
        }
        let done = act();
        self.answer().await?;
        Ok(done)
    }

    /// What may become of the answer to a request that took effect.
    pub(crate) async fn answer(&self) -> Result<(), BrokerError> {
        if matches!(*lock(&self.fate), Fate::DiesAfter) {
            self.note("crash after a request");
            self.die().await;
        }
        if self.strikes("crash after a request", 1) {
            self.die().await;
        }
        if self.strikes("answer to a request lost", 3) {
            return Err(BrokerError::Unreachable("simulated: answer lost".to_owned()));
        }
        Ok(())
    }

    /// What requests asked for that were given up takes effect now.
    pub fn take_late_effect(&self) {
        let late = std::mem::take(&mut *lock(&self.late));
        for act in late {
            act();
        }
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
