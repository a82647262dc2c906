//! The accept loop. `axum::serve` has no time-out before a request's headers are whole, so a thousand
//! silent connections would stay for ever; this loop closes them, takes no more than it can serve, and
//! lets running requests finish at the end.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tailrace_core::tasks;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

/// Bounds of the accept loop.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Longest time from the connection, or from the request before, until a request's headers are whole.
    pub header_deadline: Duration,
    /// Connections served at once; further ones wait in the listener's queue.
    pub connections: usize,
    /// Longest time that running requests get at the end.
    pub drain: Duration,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            header_deadline: Duration::from_secs(10),
            connections: 1_024,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves until it is stopped.
pub async fn serve(listener: TcpListener, app: Router, options: EdgeOptions, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(options.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            break;
        };
        let connection = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match connection {
            Ok((connection, _)) => {
                let serving = graceful.watch(converse(connection, app.clone(), &options));
                tasks::spawn(async move {
                    // A client that breaks off is no event.
                    let _ = serving.await;
                    drop(place);
                });
            }
            Err(cause) => {
                // Mostly: no file descriptors left. Some will be free soon.
                tracing::warn!(%cause, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(options.drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were cut off at the end");
    }
}

fn converse(
    connection: TcpStream,
    app: Router,
    options: &EdgeOptions,
) -> http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
    let _ = connection.set_nodelay(true);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_deadline)
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(app))
}
