//! The threads of the HTTP API. They are its own, so that a query waits neither for a task that encodes or
//! compresses a commit nor for one that publishes it: those run on the runtime of the engine. What a
//! request asks of that runtime (the broker, the registry) it asks through channels.
//!
//! Invariant: the threads end when the API has let its requests finish, and not with the future that waits
//! for them, so a runtime is never dropped where dropping one is forbidden.

use std::{
    net::{SocketAddr, TcpListener},
    thread,
};

use anyhow::Context as _;
use tailrace_admin::{ApiState, EdgeOptions};
use tokio::{runtime, sync::oneshot};
use tokio_util::sync::CancellationToken;

/// Threads that serve requests. Two, so that one can wait for a disk or a lock while the other answers; a
/// look-up takes microseconds, so more would only take cores from the guests.
const THREADS: usize = 2;

/// An API that serves.
pub struct Api {
    ended: oneshot::Receiver<()>,
}

/// Takes the address; nothing is served yet.
pub fn listen(on: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(on).with_context(|| format!("cannot listen on {on}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Api {
    /// Serves until it is stopped.
    pub fn start(
        listener: TcpListener,
        state: ApiState,
        options: EdgeOptions,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("api")
            .enable_all()
            .build()
            .context("cannot start the threads of the API")?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).context("cannot serve on the API's address")?
        };
        let (end, ended) = oneshot::channel();
        let app = tailrace_admin::router(state);
        let serve = move || {
            runtime.block_on(async {
                // On a worker, for the thread that waits here is none.
                let serving =
                    tailrace_core::tasks::spawn(tailrace_admin::serve(listener, app, options, stop));
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
