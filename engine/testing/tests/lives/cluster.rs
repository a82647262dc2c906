//! What the engines share (one broker, one registry, one audit log), and the engines themselves: each with a link
//! and a disk of its own, a registry watcher, a lease, a data plane and a control plane.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tailrace_control::{Commands, Context, Queries, alarms::Alarms};
use tailrace_core::{
    audit::Actor,
    identity::{EngineId, PipelineId},
    life::Life,
    membership::{Cluster as Members, Heard},
    name::Name,
    observe::overview::Overview,
    ports::clock::Random as _,
    registry::watcher,
    subject, tasks,
    world::World,
};
use tailrace_dataplane::{
    membership::{claim::Claim, lease_renewer::LeaseRenewer},
    run::{engine::Engine, settings::Settings},
};
use tailrace_testing::{
    audit::SharedAudit,
    broker::{MemoryBroker, Options},
    clock::TokioClock,
    faults::Faults,
    link::Link,
    peers::MemoryPeers,
    registry::{MemoryRegistry, bucket::MemoryBucket},
    schedule::Group,
    store::MemoryStore,
    world::world,
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::plugins::SimRuntime;

/// The stream that all pipelines read.
pub const INPUT: &str = "IN";
/// How often a lease is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// In virtual time: an engine that needs longer to end hangs.
const ENDS_WITHIN: Duration = Duration::from_mins(2);

pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the engines share, and the engines.
pub struct Cluster {
    pub faults: Arc<Faults>,
    pub broker: MemoryBroker,
    pub registry: MemoryRegistry,
    pub alarms: MemoryBucket,
    leases: MemoryBucket,
    pub audit: SharedAudit,
    peers: MemoryPeers,
    clock: Arc<TokioClock>,
    /// Lives whose stream somebody has deleted by hand.
    pub lost: Mutex<BTreeSet<Life>>,
    /// Whether this run has alarms.
    pub has_alarms: bool,
    engines: Mutex<BTreeMap<EngineId, Machine>>,
    /// Links of all lives of engines, for what takes effect late.
    links: Mutex<Vec<Link>>,
}

/// A machine: it has a disk, and an engine or none.
struct Machine {
    disk: MemoryStore,
    engine: Option<Arc<Running>>,
}

/// An engine that runs.
pub struct Running {
    pub name: EngineId,
    pub link: Link,
    pub group: Group,
    pub commands: Commands,
    pub queries: Queries,
    faults: Arc<Faults>,
    stop: CancellationToken,
    stop_leases: CancellationToken,
    dataplane: Mutex<Option<JoinHandle<()>>>,
}

/// An engine, as a client sees it.
pub struct Session {
    pub commands: Commands,
    pub queries: Queries,
}

impl Running {
    /// Asks in the name of a token of this id.
    pub fn session(&self, token: String) -> Session {
        let actor = Actor {
            token: Some(token),
            ..Actor::engine()
        };
        Session {
            commands: self.commands.on_behalf_of(actor),
            queries: self.queries.clone(),
        }
    }

    /// Waits until it dies.
    pub async fn died(&self) {
        let mut crash = self.link.crash().subscribe();
        let _ = crash.wait_for(|crashed| *crashed).await;
    }

    /// It dies here and now.
    pub fn kill(&self) {
        self.link.crash().send_replace(true);
        self.group.end();
    }

    /// Whether it is on its way to its end.
    pub fn is_ending(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// It ends as an operator ends it: pipelines finish their batches, then the lease is given up.
    pub async fn end(&self) {
        self.stop.cancel();
        let dataplane = lock(&self.dataplane).take();
        if let Some(dataplane) = dataplane {
            tokio::select! {
                biased;
                () = self.died() => {}
                _ = dataplane => {}
                () = tokio::time::sleep(ENDS_WITHIN) => self.faults.note("engine does not end"),
            }
        }
        self.stop_leases.cancel();
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.kill();
    }
}

impl Cluster {
    pub fn new(faults: &Arc<Faults>, engines: u64) -> Arc<Self> {
        // Faults strike between an engine and the broker; what a test asks for itself never fails.
        let broker = MemoryBroker::new(Options::default());
        broker.declare(INPUT, &["in.>"]);
        let link = || broker.link().clone();
        let machine = |number| {
            let disk = MemoryStore::with_faults(faults.clone());
            (name(&format!("e{number}")), Machine { disk, engine: None })
        };
        Arc::new(Self {
            faults: faults.clone(),
            registry: MemoryRegistry::new(link()),
            alarms: MemoryBucket::behind(link()),
            leases: MemoryBucket::behind(link()),
            audit: SharedAudit::behind(link()),
            peers: MemoryPeers::behind(link()),
            clock: Arc::new(TokioClock::start()),
            lost: Mutex::default(),
            has_alarms: faults.below(3) == 0,
            engines: Mutex::new((1..=engines).map(machine).collect()),
            links: Mutex::default(),
            broker,
        })
    }

    /// The world as it is seen through a link.
    pub fn world(&self, link: &Link, disk: MemoryStore) -> World {
        let broker = self.broker.through(link.clone());
        let registry = self.registry.through(link.clone());
        let plugins = Arc::new(SimRuntime {
            faults: self.faults.clone(),
        });
        World {
            audit: Arc::new(self.audit.through(link.clone())),
            leases: Arc::new(self.leases.through(link.clone())),
            alarms: Arc::new(self.alarms.through(link.clone())),
            peers: Arc::new(self.peers.through(link.clone())),
            clock: self.clock.clone(),
            random: self.faults.clone(),
            ..world(&broker, &registry, Arc::new(disk), plugins)
        }
    }

    pub fn names(&self) -> Vec<EngineId> {
        lock(&self.engines).keys().cloned().collect()
    }

    /// The engines that run.
    pub fn running(&self) -> Vec<Arc<Running>> {
        let engines = lock(&self.engines);
        engines
            .values()
            .filter_map(|machine| machine.engine.clone())
            .collect()
    }

    /// The disks of machines whose engine runs.
    pub fn disks(&self) -> Vec<(EngineId, MemoryStore)> {
        let engines = lock(&self.engines);
        let running = engines.iter().filter(|(_, machine)| machine.engine.is_some());
        running
            .map(|(name, machine)| (name.clone(), machine.disk.clone()))
            .collect()
    }

    /// Starts the engine of a machine, unless it runs.
    pub fn start(self: &Arc<Self>, me: &EngineId) {
        let mut engines = lock(&self.engines);
        let Some(machine) = engines.get_mut(me).filter(|machine| machine.engine.is_none()) else {
            return;
        };
        if self.faults.strikes("disk lost", 30) {
            machine.disk.lose();
        }
        self.faults.note("engine started");
        let link = Link::new(Some(self.faults.clone()));
        lock(&self.links).push(link.clone());
        let world = self.world(&link, machine.disk.clone());
        let group = Group::default();
        let running = Arc::new(group.within(|| self.set_up(me, link, group.clone(), world)));
        machine.engine = Some(running.clone());
        drop(engines);
        // It may die at any of its requests.
        let cluster = self.clone();
        tasks::spawn(async move {
            running.died().await;
            running.group.end();
            cluster.is_gone(&running);
        });
    }

    fn is_gone(&self, running: &Arc<Running>) {
        if let Some(machine) = lock(&self.engines).get_mut(&running.name) {
            machine.engine.take_if(|engine| Arc::ptr_eq(engine, running));
        }
    }

    fn set_up(&self, me: &EngineId, link: Link, group: Group, world: World) -> Running {
        let (sender, registry) = watch::channel(None);
        tasks::spawn(watcher::keep(world.clone(), sender));
        let (members_sender, members) = watch::channel(None);
        let heard = Arc::new(Heard::default());
        let (stop, stop_leases) = (CancellationToken::new(), CancellationToken::new());
        let leases = LeaseRenewer {
            claim: Claim {
                leases: world.leases.clone(),
                me: me.clone(),
                process: self.faults.next_u64(),
                folder: format!("/var/lib/{me}"),
                renew_every: RENEW_EVERY,
                registry: registry.clone(),
                clock: world.clock.clone(),
                heard: heard.clone(),
            },
            stop: stop_leases.clone(),
            members: members_sender,
        };
        let (faults, crash) = (self.faults.clone(), link.crash().clone());
        tasks::spawn(async move {
            if leases.run().await.is_err() {
                // Its machine starts it again.
                faults.note("identity taken");
                crash.send_replace(true);
            }
        });
        let overview = Overview::default();
        let cluster = Members {
            members: members.clone(),
            heard,
            patience: RENEW_EVERY * 3,
        };
        let context = Context::new(world.clone(), registry.clone(), overview.clone(), cluster);
        let (commands, queries) = (Commands::new(context.clone()), Queries::new(context));
        tasks::spawn(queries.clone().answer_peers(me.clone()));
        tasks::spawn(commands.go_on(stop.clone()));
        if self.has_alarms {
            let alarms = Alarms::new(queries.clone(), me.clone(), Vec::new());
            tasks::spawn(alarms.run(stop.clone()));
        }
        let engine = Engine {
            world,
            registry,
            overview,
            members,
            settings: Settings {
                // A thread that blocks is outside of the simulated time.
                reclaim_every: None,
                snapshot_after_commits: 2,
                ..Settings::default()
            },
            stop: stop.clone(),
        };
        Running {
            name: me.clone(),
            link,
            group,
            commands,
            queries,
            faults: self.faults.clone(),
            stop,
            stop_leases,
            dataplane: Mutex::new(Some(tasks::spawn(engine.run()))),
        }
    }

    /// Somebody deletes a pipeline's own stream by hand.
    pub fn lose_stream(&self, id: &PipelineId) {
        let name = subject::stream_name(id);
        let (held, _) = self.broker.own();
        if let Some(own) = held.into_iter().find(|own| own.name == name) {
            self.faults.note("stream deleted by hand");
            lock(&self.lost).insert(own.life);
            self.broker.lose_stream(&name);
        }
    }

    /// The broker does, some time later, what nobody waits for any more.
    pub fn catch_up(&self) {
        for link in lock(&self.links).iter() {
            link.take_late_effect();
        }
        self.broker.store_late_batches();
    }

    /// No fault strikes any more.
    pub fn calm_down(&self) {
        self.faults.calm_down();
        for link in lock(&self.links).iter() {
            link.die_with(None);
            link.set_connected(true);
        }
        self.catch_up();
    }
}

pub fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}
