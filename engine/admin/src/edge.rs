//! The accept loop. `axum::serve` has no time-out before a request's headers are whole, so a thousand
//! silent connections would stay for ever; this loop closes them, takes no more than it can serve,
//! does not wait for ever for a client to read its answer, and lets running requests finish at the end.

use std::{pin::Pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

/// Largest head of a request, and what a connection buffers: the longest state key, percent-encoded,
/// is within it, and all connections together stay below 64 MiB.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Bounds of the accept loop.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Longest time from the connection, or from the request before, until a request's headers are whole.
    pub header_deadline: Duration,
    /// Longest time that a client may refuse to take more of an answer.
    pub write_deadline: Duration,
    /// Connections served at once; further ones wait in the listener's queue.
    pub connections: usize,
    /// Longest time that running requests get at the end.
    pub drain: Duration,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            header_deadline: Duration::from_secs(10),
            write_deadline: Duration::from_secs(30),
            connections: 1_024,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves until it is stopped.
pub async fn serve(listener: TcpListener, app: Router, options: EdgeOptions, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(options.connections));
    let graceful = GracefulShutdown::new();
    // Bounded by the places. Dropped at the end, which cuts off what is still there.
    let mut connections = JoinSet::new();
    while let Some((connection, place)) = next(&listener, &places, &stop).await {
        while connections.try_join_next().is_some() {}
        let serving = graceful.watch(converse(connection, app.clone(), &options));
        connections.spawn(async move {
            // A client that breaks off is no event.
            let _ = serving.await;
            drop(place);
        });
    }
    drop(listener);
    let drained = tokio::time::timeout(options.drain, graceful.shutdown()).await;
    if drained.is_err() {
        tracing::warn!("some requests were cut off at the end");
    }
}

/// The next connection, and the place that it takes; none when the server is stopped.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    loop {
        let accept = async {
            // The place first: without one, connections wait in the listener's queue.
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = accept => accepted,
        };
        match accepted {
            Ok((connection, _)) => return Some((connection, place.ok()?)),
            Err(cause) => {
                // Mostly: no file descriptors left. Some will be free soon.
                tracing::warn!(%cause, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

type Timed = Pin<Box<TimeoutStream<TcpStream>>>;

fn converse(
    connection: TcpStream,
    app: Router,
    options: &EdgeOptions,
) -> http1::Connection<TokioIo<Timed>, TowerToHyperService<Router>> {
    let _ = connection.set_nodelay(true);
    // Hyper bounds the time to read a request's headers, but not the time to write an answer: a client
    // that asks and never reads would keep its place for ever.
    let mut connection = TimeoutStream::new(connection);
    connection.set_write_timeout(Some(options.write_deadline));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_deadline)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(connection)), TowerToHyperService::new(app))
}
