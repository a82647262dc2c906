//! The accept loop, and what stands between it and the API. `axum::serve` waits for ever for a request's first
//! byte, for its headers, its body, and for a client to take its answer, so a thousand silent connections would
//! stay for ever. Here each of them has an end:
//!
//! - `permits`: how many connections there may be, in all and of one address;
//! - `tls`: certificate and key, which change while it runs;
//! - `conversation`: one connection, HTTP/1 or 2;
//! - `exchanges`: its requests, and when the connection must go;
//! - `body`: the pace of bodies;
//! - `options`, `counts`: what is allowed, and what was counted.
//!
//! Why: docs/decisions/0051-one-rule-ends-a-connection.md

mod body;
mod conversation;
mod counts;
mod exchanges;
mod options;
mod permits;
mod tls;

use std::{net::SocketAddr, time::Duration};

use axum::Router;
pub(crate) use body::TooSlow;
use conversation::Conversations;
pub use counts::EdgeCounts;
pub use options::EdgeOptions;
use permits::ConnectionPermits;
pub use tls::{Tls, TlsError};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::OwnedSemaphorePermit,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is stopped; then lets running requests finish, within the options' time.
pub async fn serve(listener: TcpListener, app: Router, options: EdgeOptions, stop: CancellationToken) {
    let permits = ConnectionPermits::new(
        options.connections,
        options.connections_per_address,
        options.counts.clone(),
    );
    let drain = options.drain;
    let conversations = Conversations::new(app, options, stop.clone());
    // Bounded by the permits. Dropped at the end, which cuts off what is still there.
    let mut connections = JoinSet::new();
    while let Some((connection, peer, permit)) = next(&listener, &permits, &stop).await {
        while connections.try_join_next().is_some() {}
        let Some(permit) = permits.take(permit, peer.ip()) else {
            continue;
        };
        let conversations = conversations.clone();
        connections.spawn(async move {
            conversations.serve(connection, peer).await;
            drop(permit);
        });
    }
    drop(listener);
    let drained = tokio::time::timeout(drain, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
        tracing::warn!("some requests were cut off at the end");
    }
}

/// The next connection, and the permission to serve it; none when the server is stopped.
async fn next(
    listener: &TcpListener,
    permits: &ConnectionPermits,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    loop {
        let accept = async {
            // The permit first: without one, connections wait in the listener's queue.
            let permit = permits.free().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = accept => accepted,
        };
        match accepted {
            Ok((connection, peer)) => return Some((connection, peer, permit?)),
            Err(cause) => {
                // Mostly: no file descriptors left. Some will be free soon.
                tracing::warn!(%cause, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
