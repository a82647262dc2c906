//! The smallest world that a control plane runs in: a registry in a log, a sandbox that admits what
//! begins like WebAssembly, images with canned entries. It counts what is done to it, so that a test
//! can say that a refused request did nothing.

mod broker;
mod sandbox;
mod store;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
pub use store::Content;
use store::{Gate, Images, Interrupt};
use tailrace_core::{
    audit::Record,
    compilers::Compilers,
    identity::{Digest, EngineId},
    name::Name,
    ports::{
        audit::{AuditLog, Audited, MemoryAudit},
        broker::BrokerError,
        clock::{Clock, Random},
        executor::{Executor, Job},
        peers::{Peers, Questions},
        registry::{Bucket, Entry, RegistryStore, Watch, WriteError},
    },
    world::World,
};
use tokio::sync::watch;

/// What the local store says when it fails; no client may ever read it.
pub const HOST_PATH: &str = "/var/lib/tailrace/state/shop";
/// The only dead letter there is.
pub const LETTER: u64 = 7;

/// All ports in one.
pub struct Fake {
    log: Arc<Mutex<Vec<Entry>>>,
    grown: watch::Sender<usize>,
    plugins: Mutex<BTreeMap<Digest, Bytes>>,
    /// What was written to the audit log.
    pub audit: Arc<Audit>,
    acts: AtomicU64,
    random: AtomicU64,
    /// Whether the broker answers.
    pub connected: AtomicBool,
    /// Whether the broker does not remove the streams of pipelines.
    pub refuses_removal: AtomicBool,
    myself: Weak<Self>,
    versions: AtomicU64,
    images: Images,
    interrupt: Interrupt,
    gate: Gate,
}

impl Fake {
    pub fn new() -> Arc<Self> {
        Arc::new_cyclic(|myself| Self {
            log: Arc::default(),
            grown: watch::Sender::new(0),
            plugins: Mutex::default(),
            audit: Arc::default(),
            acts: AtomicU64::new(0),
            random: AtomicU64::new(1),
            connected: AtomicBool::new(true),
            refuses_removal: AtomicBool::new(false),
            myself: myself.clone(),
            versions: AtomicU64::new(0),
            images: Images::default(),
            interrupt: Interrupt::default(),
            gate: Gate::default(),
        })
    }

    pub fn world(self: &Arc<Self>) -> World {
        World {
            streams: self.clone(),
            input: self.clone(),
            commits: self.clone(),
            dead_letters: self.clone(),
            snapshots: self.clone(),
            accounts: Arc::new(tailrace_core::ports::accounts::NoAccounts),
            registry: self.clone(),
            audit: self.audit.clone(),
            compilers: Compilers::default(),
            leases: self.clone(),
            alarms: self.clone(),
            notices: Arc::new(tailrace_core::ports::notices::NoNotices),
            peers: self.clone(),
            store: self.clone(),
            plugins: self.clone(),
            turns: self.clone(),
            tracer: Arc::new(tailrace_core::ports::tracer::NoTracer),
            clock: self.clone(),
            random: self.clone(),
        }
    }

    /// How often anything was written, deleted, compiled or sent again.
    pub fn acts(&self) -> u64 {
        self.acts.load(Ordering::Relaxed)
    }

    /// How many entries were ever written to the registry.
    pub fn written(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn act(&self) {
        self.acts.fetch_add(1, Ordering::Relaxed);
    }

    fn append(&self, key: &str, value: Option<Bytes>) -> u64 {
        self.act();
        let mut log = self.log.lock().unwrap();
        let revision = log.len() as u64 + 1;
        log.push(Entry {
            key: key.to_owned(),
            value,
            revision,
        });
        self.grown.send_replace(log.len());
        revision
    }
}

/// The audit log in memory, which may be out of order.
#[derive(Default)]
pub struct Audit {
    kept: MemoryAudit,
    pub is_broken: AtomicBool,
}

#[async_trait]
impl AuditLog for Audit {
    async fn write(&self, record: &Record) -> Result<(), BrokerError> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(BrokerError::Unreachable(
                "nats://10.0.0.9:4222 has no room".to_owned(),
            ));
        }
        self.kept.write(record).await
    }
    async fn before(
        &self,
        tenant: Option<&Name>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, BrokerError> {
        self.kept.before(tenant, before, limit).await
    }
}

#[async_trait]
impl Peers for Fake {
    async fn ask(&self, _: &EngineId, _: Bytes) -> Result<Bytes, BrokerError> {
        Err(BrokerError::Unreachable("nobody is there".to_owned()))
    }
    async fn listen(&self, _: &EngineId) -> Result<Box<dyn Questions>, BrokerError> {
        Err(BrokerError::Unreachable("nobody is there".to_owned()))
    }
}

#[async_trait]
impl Bucket for Fake {
    async fn get(&self, key: &str) -> Result<Option<Entry>, BrokerError> {
        Ok(self
            .log
            .lock()
            .unwrap()
            .iter()
            .rfind(|entry| entry.key == key)
            .cloned())
    }
    async fn put(&self, key: &str, value: Bytes, expected: u64) -> Result<u64, WriteError> {
        let known = self.get(key).await?.map_or(0, |entry| entry.revision);
        if known != expected {
            return Err(WriteError::Conflict(key.to_owned()));
        }
        Ok(self.append(key, Some(value)))
    }
    async fn delete(&self, key: &str) -> Result<(), BrokerError> {
        self.append(key, None);
        Ok(())
    }
    async fn watch(&self) -> Result<Box<dyn Watch>, BrokerError> {
        let (log, grown) = (self.log.clone(), self.grown.subscribe());
        let whole = Some(log.lock().unwrap().len());
        Ok(Box::new(Follow {
            log,
            grown,
            next: 0,
            whole,
        }))
    }
}

#[async_trait]
impl RegistryStore for Fake {
    async fn put_plugin(&self, digest: Digest, component: Bytes) -> Result<(), BrokerError> {
        self.act();
        self.plugins.lock().unwrap().insert(digest, component);
        Ok(())
    }
    async fn plugin(&self, digest: Digest) -> Result<Option<Bytes>, BrokerError> {
        Ok(self.plugins.lock().unwrap().get(&digest).cloned())
    }
}

struct Follow {
    log: Arc<Mutex<Vec<Entry>>>,
    grown: watch::Receiver<usize>,
    next: usize,
    whole: Option<usize>,
}

#[async_trait]
impl Watch for Follow {
    async fn next(&mut self) -> Result<Option<Entry>, BrokerError> {
        if self.whole.is_some_and(|whole| self.next >= whole) {
            self.whole = None;
            return Ok(None);
        }
        let next = self.next;
        let _ = self.grown.wait_for(|length| *length > next).await;
        self.next += 1;
        Ok(self.log.lock().unwrap().get(next).cloned())
    }
}

impl Executor for Fake {
    fn submit(&self, _: &Name, job: Job) {
        job();
    }
}

impl Clock for Fake {
    fn unix_ms(&self) -> u64 {
        1_000
    }
    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

impl Random for Fake {
    fn next_u64(&self) -> u64 {
        self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}
