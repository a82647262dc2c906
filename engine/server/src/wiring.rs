//! The composition: every port gets its adapter here, and nowhere else. What runs, in the order in
//! which it is started: broker, store, sandbox, guest threads, registry watcher, engine, API.

use std::{
    ffi::OsString, net::SocketAddr, path::PathBuf, sync::Arc, thread::available_parallelism, time::Duration,
};

use anyhow::Context as _;
use tailrace_admin::{ApiOptions, ApiState, ResponseCache};
use tailrace_control::{Commands, Context, Queries, alarms::Alarms};
use tailrace_core::{
    compile_semaphore::CompileSemaphore,
    identity::EngineId,
    membership::{Cluster, Heard, Membership},
    observe::overview::Overview,
    ports::{
        clock::{Clock, Random},
        tracer::{NoTracer, Tracer},
    },
    registry::{Registry, watcher},
    tasks,
    world::World,
};
pub use tailrace_dataplane::membership::claim::IdentityTaken;
use tailrace_dataplane::{
    membership::{claim::Claim, lease_renewer::LeaseRenewer},
    run::engine::Engine,
    schedule::Turns,
};
use tailrace_nats::{NatsAccounts, NatsBroker};
use tailrace_store::{SledStore, StoreOptions};
pub use tailrace_wasm::Compile;
use tailrace_wasm::{CompilerProgram, WasmOptions, WasmRuntime};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, Api},
    config::Config,
    folder::FolderLock,
    identity,
    system::{SystemClock, SystemRandom},
    threads::SystemThreads,
    traces::Traces,
    webhooks::Outlet,
};

/// After so many renewals without an answer of the broker the engine is not ready.
const RENEWALS_OF_SILENCE: u32 = 3;

/// How often replicas are looked at.
const RAISE_EVERY: Duration = Duration::from_mins(1);

/// Longest that an engine which ends waits until its lease is given up.
const GIVE_UP_WITHIN: Duration = Duration::from_secs(2);

/// An engine that runs.
pub struct RunningEngine {
    /// Address that the API listens on.
    pub address: SocketAddr,
    /// What changes something.
    pub commands: Commands,
    /// What answers.
    pub queries: Queries,
    /// Its broker.
    pub broker: Arc<NatsBroker>,
    accounts: Arc<NatsAccounts>,
    stop: CancellationToken,
    stop_leases: CancellationToken,
    engine: JoinHandle<()>,
    api: Api,
    registry_watcher: JoinHandle<()>,
    leases: JoinHandle<()>,
    peers: JoinHandle<()>,
    alarms: JoinHandle<()>,
    traces: Option<Arc<Traces>>,
    amounts: JoinHandle<()>,
    lives: JoinHandle<()>,
    audit: JoinHandle<()>,
    shared: JoinHandle<()>,
    replicas: JoinHandle<()>,
    taken: watch::Receiver<Option<IdentityTaken>>,
    /// Last, so that the folder is given back when nothing of this engine is left.
    _folder: FolderLock,
}

/// How an engine compiles the plugins of strangers: in child processes that run this very program. With this
/// argument alone, the program must call [`tailrace_wasm::compile_as_child`] and end.
pub fn compile_in_children(argument: &str) -> anyhow::Result<Compile> {
    // The file itself, whatever its name leads to by now: a child of another version is of no use.
    let program = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().context("cannot find this program's file")?
    };
    Ok(Compile::InChild(CompilerProgram::new(
        program,
        [OsString::from(argument)],
    )))
}

/// Starts everything. The broker need not be there yet.
pub async fn start(config: &Config, compile: Compile) -> anyhow::Result<RunningEngine> {
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("cannot make the data folder {}", config.data_dir.display()))?;
    let folder = FolderLock::take(&config.data_dir)?;
    let edge = config.http.edge(config.tls.load()?)?;
    let listener = api::listen(config.listen)?;
    let address = listener.local_addr()?;
    let broker = Arc::new(connect(config).await?);
    let traces = Traces::start(&config.traces)?;
    let engine_alarms = config.engine_alarms()?;
    let accounts = NatsAccounts::new(broker.clone(), config.nats.account_options()?);
    let accounts = Arc::new(accounts);
    let world = world(config, &broker, &accounts, compile, traces.clone())?;
    for target in engine_alarms.iter().flat_map(|alarm| &alarm.targets) {
        let allowed = world.notices.check(target);
        allowed.map_err(|why| anyhow::anyhow!("an alarm of the configuration: {why}"))?;
    }
    let (sender, registry) = watch::channel::<Option<Arc<Registry>>>(None);
    let registry_watcher = tasks::spawn(watcher::keep(world.clone(), sender));
    let (stop, stop_leases) = (CancellationToken::new(), CancellationToken::new());
    let (members_sender, members) = watch::channel(None);
    let heard = Arc::new(Heard::default());
    let cluster = Cluster {
        members: members.clone(),
        heard: heard.clone(),
        patience: config.engines.renew_every.0 * RENEWALS_OF_SILENCE,
    };
    let me = identity::engine_id(&config.data_dir, &*world.random)?;
    let leases = LeaseRenewer {
        claim: Claim {
            leases: world.leases.clone(),
            me: me.clone(),
            process: world.random.next_u64(),
            folder: folder.name(&*world.random)?,
            renew_every: config.engines.renew_every.0,
            registry: registry.clone(),
            clock: world.clock.clone(),
            heard: heard.clone(),
        },
        stop: stop_leases.clone(),
        members: members_sender,
    };
    let (taken_sender, taken) = watch::channel(None);
    let leases = tasks::spawn(keep_identity(leases, stop.clone(), taken_sender));
    let overview = Overview::default();
    let context = Context::new(world.clone(), registry.clone(), overview.clone(), cluster);
    let (commands, queries) = (Commands::new(context.clone()), Queries::new(context.clone()));
    let peers = tasks::spawn(answer_peers(queries.clone(), me.clone(), members.clone()));
    let alarms = Alarms::new(queries.clone(), me, engine_alarms);
    let alarms = tasks::spawn(alarms.run(stop.clone()));
    let amounts = tasks::spawn(context.clone().keep_amounts(stop.clone()));
    let lives = tasks::spawn(commands.go_on(stop.clone()));
    let shared = tasks::spawn(context.clone().keep_shared(stop.clone()));
    let audit = tasks::spawn(context.keep_audit(stop.clone()));
    let replicas = tasks::spawn(keep_replicas(world.clone(), stop.clone()));
    let engine = Engine {
        world,
        registry,
        overview,
        members,
        settings: config.settings(),
        stop: stop.clone(),
    };
    let engine = tasks::spawn(engine.run());
    let options = ApiOptions {
        metrics_public: config.metrics_public,
        request_deadline: config.http.request_time.0,
        edge: edge.counts.clone(),
        response_cache: ResponseCache::new(config.http.cache.as_u64()),
        stop: stop.clone(),
        rates: config.requests.rates()?,
    };
    let state = ApiState {
        commands: commands.clone(),
        queries: queries.clone(),
        options,
    };
    let api = Api::start(listener, state, config.http.threads(), edge, stop.clone())?;
    Ok(RunningEngine {
        address,
        commands,
        queries,
        broker,
        accounts,
        stop,
        stop_leases,
        engine,
        api,
        registry_watcher,
        leases,
        peers,
        alarms,
        traces,
        amounts,
        lives,
        audit,
        shared,
        replicas,
        taken,
        _folder: folder,
    })
}

/// Keeps the engine's lease. Where another process has it, everything ends that this engine does.
async fn keep_identity(
    leases: LeaseRenewer,
    stop: CancellationToken,
    tell: watch::Sender<Option<IdentityTaken>>,
) {
    if let Err(taken) = leases.run().await {
        tracing::error!(cause = %taken, "this engine ends");
        stop.cancel();
        tell.send_replace(Some(taken));
    }
}

/// Answers other engines once the identity that they ask for is this process's.
async fn answer_peers(queries: Queries, me: EngineId, mut members: watch::Receiver<Option<Arc<Membership>>>) {
    if members.wait_for(Option::is_some).await.is_ok() {
        queries.answer_peers(me).await;
    }
}

impl RunningEngine {
    /// Waits until the engine ends by itself, and says why: another process has its identity. Its partitions end
    /// then, and it does nothing more; [`RunningEngine::stop`] waits until they have.
    pub async fn failed(&self) -> IdentityTaken {
        let mut taken = self.taken.clone();
        if let Ok(taken) = taken.wait_for(Option::is_some).await
            && let Some(taken) = taken.clone()
        {
            return taken;
        }
        // It was stopped, and does not fail any more.
        std::future::pending().await
    }

    /// Ends it: partitions finish their batch and commit it, requests are answered.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.alarms.await;
        let _ = self.engine.await;
        self.api.ended().await;
        self.accounts.close();
        // Only now, so that nobody takes a partition over that is still being drained.
        self.stop_leases.cancel();
        let _ = tokio::time::timeout(GIVE_UP_WITHIN, self.leases).await;
        self.registry_watcher.abort();
        self.peers.abort();
        if let Some(traces) = self.traces {
            // Its last request blocks.
            let _ = tokio::task::spawn_blocking(move || traces.stop()).await;
        }
        self.amounts.abort();
        self.lives.abort();
        self.audit.abort();
        self.shared.abort();
        self.replicas.abort();
    }
}

/// Gives what was made with fewer replicas as many as are wanted: at the start, and now and then, for a broker may
/// become a cluster, and buckets are made when they are first needed. Says where one node holds it all.
async fn keep_replicas(world: World, stop: CancellationToken) {
    let mut told = false;
    let mut tick = tokio::time::interval(RAISE_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if world.streams.wanted_replicas() == Some(1) && !std::mem::replace(&mut told, true) {
            tracing::warn!(
                "the broker is a cluster, and nats.replicas is 1: the death of one node stops the pipelines whose streams lie on it; set nats.replicas to auto"
            );
        }
        if let Err(cause) = world.streams.raise_replicas().await {
            tracing::debug!(%cause, "replicas are looked at again later");
        }
    }
}

async fn connect(config: &Config) -> anyhow::Result<NatsBroker> {
    NatsBroker::connect(config.nats.options()?)
        .await
        .context("cannot use the broker")
}

fn world(
    config: &Config,
    broker: &Arc<NatsBroker>,
    accounts: &Arc<NatsAccounts>,
    compile: Compile,
    traces: Option<Arc<Traces>>,
) -> anyhow::Result<World> {
    let tracer: Arc<dyn Tracer> = match traces {
        Some(traces) => traces,
        None => Arc::new(NoTracer),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let store_options = StoreOptions {
        cache_bytes: config.store.cache_mib << 20,
        ..StoreOptions::default()
    };
    let store = SledStore::open(config.data_dir.join("state"), store_options)
        .context("cannot open the local store")?;
    let wasm = WasmOptions {
        artefacts: config.data_dir.join("artefacts"),
        compile,
    };
    let plugins = WasmRuntime::new(wasm).context("cannot start the sandbox")?;
    let cores = available_parallelism().map_or(2, usize::from);
    let threads = if config.guest_threads == 0 {
        cores
    } else {
        config.guest_threads
    };
    let turns = Turns::start(threads, clock.clone(), Arc::new(SystemThreads))
        .context("cannot start the guest threads")?;
    Ok(World {
        streams: broker.clone(),
        input: broker.clone(),
        commits: broker.clone(),
        dead_letters: broker.clone(),
        snapshots: broker.clone(),
        messages: broker.clone(),
        tenant_streams: broker.clone(),
        accounts: accounts.clone(),
        registry: broker.clone(),
        compilers: CompileSemaphore::default(),
        audit: broker.clone(),
        leases: Arc::new(broker.leases()),
        alarms: Arc::new(broker.alarms()),
        notices: Arc::new(Outlet::new(accounts.clone(), &config.webhooks)?),
        peers: broker.clone(),
        store: Arc::new(store),
        plugins: Arc::new(plugins),
        turns: Arc::new(turns),
        tracer,
        clock,
        random,
    })
}
