//! The threads of the HTTP API. They are its own, so that a query waits neither for a task that encodes or
//! compresses a commit nor for one that publishes it: those run on the runtime of the engine. What a
//! request asks of that runtime (the broker, the registry) it asks through channels.
//!
//! Invariant: the threads end when the API has let its requests finish, and not with the future that waits
//! for them, so a runtime is never dropped where dropping one is forbidden.
//!
//! Why: docs/decisions/0050-the-api-has-its-own-threads.md

use std::{
    net::{SocketAddr, TcpListener},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use tailrace_admin::{ApiState, EdgeOptions, Tls};
use tailrace_core::tasks;
use tokio::{
    net::TcpSocket,
    runtime::{self, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

use crate::threads;

/// Connections that may wait to be accepted: a burst of clients, or those beyond `http.connections`. The standard
/// library's 128 are soon full, and whoever comes then waits for seconds.
const WAITING: u32 = 1_024;
/// How often certificate and key are looked at: those that renew them do it days before they end.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// How often it is looked whether they have started.
const LOOK_AT_START_EVERY: Duration = Duration::from_millis(1);

/// The threads that answer requests.
#[derive(Debug, Clone, Copy)]
pub struct ApiThreads {
    /// How many.
    pub count: usize,
    /// Whether they come before all other threads of the machine.
    pub real_time: bool,
}

impl ApiThreads {
    fn start(self) -> anyhow::Result<Runtime> {
        let rank = if self.real_time {
            // Asked for before anything is served, on a thread that ends with the question.
            let granted = thread::spawn(threads::raise_this).join();
            granted.map_err(|_| anyhow::anyhow!("asking for real time panicked"))??;
            threads::raise_this
        } else {
            threads::hasten_this
        };
        let mut builder = runtime::Builder::new_multi_thread();
        builder.worker_threads(self.count).thread_name("api").enable_all();
        self.rank_first(&mut builder, rank);
        let runtime = builder.build().context("cannot start the threads of the API")?;
        let metrics = runtime.metrics();
        // Nothing is served before each has waited for work once. Until then a thread for blocking work that starts
        // meanwhile could take the place of one that answers.
        while (0..self.count).any(|thread| metrics.worker_park_count(thread) == 0) {
            thread::sleep(LOOK_AT_START_EVERY);
        }
        Ok(runtime)
    }

    /// Gives those that answer their rank. tokio starts them with the runtime, and later those for blocking work such
    /// as an upload's trial, alike; so the first to come are those that answer.
    ///
    /// No task tells the two apart for sure: one that holds its thread until all have come may keep the next in its
    /// own thread's queue, and then they wait for each other for ever.
    fn rank_first(self, builder: &mut runtime::Builder, rank: fn() -> anyhow::Result<()>) {
        let started = AtomicUsize::new(0);
        builder.on_thread_start(move || {
            if started.fetch_add(1, Ordering::Relaxed) >= self.count {
                return;
            }
            if let Err(cause) = rank() {
                tracing::warn!("a thread of the API keeps its rank: {cause:#}");
            }
        });
    }
}

/// An API that serves.
pub struct Api {
    ended: oneshot::Receiver<()>,
}

/// Takes the address; nothing is served yet. Called on a runtime.
pub fn listen(on: SocketAddr) -> anyhow::Result<TcpListener> {
    let take = || {
        let socket = if on.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // As the standard library does: an engine that starts again takes its address at once.
        socket.set_reuseaddr(true)?;
        socket.bind(on)?;
        socket.listen(WAITING)?.into_std()
    };
    take().with_context(|| format!("cannot listen on {on}"))
}

impl Api {
    /// Serves until it is stopped.
    pub fn start(
        listener: TcpListener,
        state: ApiState,
        threads: ApiThreads,
        options: EdgeOptions,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let runtime = threads.start()?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).context("cannot serve on the API's address")?
        };
        if let Some(tls) = options.tls.clone() {
            let _entered = runtime.enter();
            let told = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
            // Ends with the runtime.
            tasks::spawn(renew(tls, told));
        }
        let (end, ended) = oneshot::channel();
        let app = tailrace_admin::router(state);
        let serve = move || {
            runtime.block_on(async {
                // On a worker, for the thread that waits here is none.
                let serving = tasks::spawn(tailrace_admin::serve(listener, app, options, stop));
                let _ = serving.await;
            });
            drop(runtime);
            let _ = end.send(());
        };
        thread::Builder::new()
            .name("api-main".to_owned())
            .spawn(serve)
            .context("cannot start the API's thread")?;
        Ok(Self { ended })
    }

    /// Waits until its last request is answered or cut off.
    pub async fn ended(self) {
        let _ = self.ended.await;
    }
}

/// Reads certificate and key again, for ever.
async fn renew(tls: Tls, mut told: Signal) {
    loop {
        tokio::select! {
            _ = told.recv() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        match tls.reload() {
            Ok(true) => tracing::info!("the API has a new certificate"),
            Ok(false) => {}
            Err(cause) => tracing::error!(%cause, "the API keeps its old certificate; mend the file"),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// What is asked on a thread that answers, and on one for blocking work.
    fn on_both<T: Send + 'static>(runtime: &Runtime, ask: fn() -> T) -> (T, T) {
        runtime.block_on(async {
            let answering = tasks::spawn(async move { ask() });
            let blocking = tasks::spawn_blocking(ask);
            (answering.await.unwrap(), blocking.await.unwrap())
        })
    }

    #[test]
    fn only_the_threads_that_answer_are_hastened() {
        let api = ApiThreads {
            count: 2,
            real_time: false,
        };
        let here = threads::slice();
        let (answering, blocking) = on_both(&api.start().unwrap(), threads::slice);
        // Before Linux 6.12 no slice can be asked for, and each reads as none.
        assert_eq!((answering, blocking), (here.min(threads::SLICE), here));
    }

    #[test]
    fn only_the_threads_that_answer_are_in_real_time() {
        let api = ApiThreads {
            count: 2,
            real_time: true,
        };
        let runtime = match api.start() {
            Ok(runtime) => runtime,
            Err(refused) => {
                // Where nobody may have it, the engine says so before it serves anything.
                assert!(format!("{refused:#}").contains("CAP_SYS_NICE"), "{refused:#}");
                return;
            }
        };
        assert_eq!(on_both(&runtime, threads::is_first), (true, false));
    }
    /// They come however the machine's other work delays each of them.
    #[test]
    fn the_threads_come_every_time() {
        let api = ApiThreads {
            count: 2,
            real_time: false,
        };
        let start = || (0..500).for_each(|_| api.start().unwrap().shutdown_background());
        thread::scope(|scope| (0..40).for_each(|_| drop(scope.spawn(start))));
    }
}
