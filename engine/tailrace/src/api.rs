//! The threads of the HTTP API. They are its own, so that a query waits neither for a task that encodes or
//! compresses a commit nor for one that publishes it: those run on the runtime of the engine. What a
//! request asks of that runtime (the broker, the registry) it asks through channels.
//!
//! Invariant: the threads end when the API has let its requests finish, and not with the future that waits
//! for them, so a runtime is never dropped where dropping one is forbidden.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use tailrace_admin::{ApiState, EdgeOptions, Tls};
use tailrace_core::tasks;
use tokio::{
    net::TcpSocket,
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

/// Connections that may wait to be accepted: a burst of clients, or those beyond `http.connections`. The standard
/// library's 128 are soon full, and whoever comes then waits for seconds.
const WAITING: u32 = 1_024;
/// How often certificate and key are looked at: those that renew them do it days before they end.
const LOOK_EVERY: Duration = Duration::from_mins(1);

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
        threads: usize,
        options: EdgeOptions,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("api")
            .enable_all()
            .build()
            .context("cannot start the threads of the API")?;
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
