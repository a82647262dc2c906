//! One connection, from its first byte to its last: TLS where it is configured, then HTTP/1 or 2, whichever the
//! client speaks. It goes when its client does, when it must (see `exchanges`), or when the engine ends; in the
//! last two cases what runs is let finish.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response, StatusCode, header},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    EdgeOptions,
    body::{Held, Pace, Paced},
    exchanges::{Exchange, Exchanges, Reason},
};

/// Largest head of a request, and what a connection buffers: the longest state key, percent-encoded,
/// is within it, and all connections together stay below 64 MiB.
const MAX_HEAD_BYTES: u32 = 64 * 1024;
/// Requests that one HTTP/2 connection may have under way; a console has a dozen.
const MAX_STREAMS: u32 = 64;
/// What a client may send of a body before somebody reads it: as much as a head, so that the buffers of a
/// connection stay of one size whatever its client sends.
const WINDOW_BYTES: u32 = 64 * 1024;
/// Of all bodies of a connection together.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// Of an answer that the client does not take.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Streams that were reset before they were looked at; then the connection is closed (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
/// Streams that broke the protocol.
const MAX_ERRORS: usize = 64;
/// How long a connection that must go may still take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// What all conversations share.
pub(super) struct Conversations {
    http: auto::Builder<TokioExecutor>,
    app: Router,
    options: EdgeOptions,
    stop: CancellationToken,
}

impl Conversations {
    pub(super) fn new(app: Router, options: EdgeOptions, stop: CancellationToken) -> Arc<Self> {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(options.idle)
            .max_buf_size(MAX_HEAD_BYTES as usize);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_BYTES)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_ERRORS);
        Arc::new(Self {
            http,
            app,
            options,
            stop,
        })
    }

    /// Serves a connection until it ends.
    pub(super) async fn serve(&self, connection: TcpStream, peer: SocketAddr) {
        let _ = connection.set_nodelay(true);
        // Hyper bounds the time to read a request's headers, but not the time to write an answer: a client
        // that asks and never reads would keep its permit for ever.
        let mut connection = TimeoutStream::new(connection);
        connection.set_write_timeout(Some(self.options.write_deadline));
        let connection = Box::pin(connection);
        let Some(tls) = &self.options.tls else {
            return self.talk(connection, peer).await;
        };
        let shaken = tokio::time::timeout(self.options.idle, tls.accept(connection)).await;
        match shaken {
            Ok(Ok(connection)) => self.talk(connection, peer).await,
            // A client that breaks off or speaks no TLS is no event.
            Ok(Err(cause)) => tracing::debug!(%cause, %peer, "a TLS handshake failed"),
            Err(_) => self.options.counts.close(),
        }
    }

    async fn talk(&self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr) {
        let exchanges = Exchanges::new(self.options.idle, self.options.exchange);
        let service = service_fn(|request: Request<Incoming>| {
            let exchange = exchanges.begin();
            self.answer(request, peer, exchange)
        });
        let mut talk = pin!(self.http.serve_connection(TokioIo::new(io), service));
        let reason = tokio::select! {
            // A client that breaks off is no event.
            _ = talk.as_mut() => return,
            () = self.stop.cancelled() => None,
            reason = exchanges.over() => Some(reason),
        };
        if let Some(reason) = reason {
            self.options.counts.close();
            tracing::debug!(?reason, %peer, "a connection is closed");
        }
        talk.as_mut().graceful_shutdown();
        match reason {
            // Whoever stops the edge bounds the time that this takes.
            None => drop(talk.await),
            Some(Reason::Overdue) => {}
            Some(_) => drop(tokio::time::timeout(GOODBYE, talk).await),
        }
    }

    /// An answer, which holds its exchange open until it is sent.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        exchange: Exchange,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static + use<> {
        let pace = Pace {
            grace: self.options.body_grace,
            bytes_a_second: self.options.body_bytes_a_second,
        };
        let mut request = request.map(|body| Body::new(Paced::new(body, pace)));
        request.extensions_mut().insert(ConnectInfo(peer));
        let app = self.app.clone();
        async move {
            let Ok(answer) = app.oneshot(request).await;
            if answer.status() == StatusCode::UNAUTHORIZED {
                exchange.is_unauthorized();
            }
            if is_stream_of_events(&answer) {
                exchange.is_stream();
            }
            Ok(answer.map(|body| Body::new(Held::new(body, exchange))))
        }
    }
}

fn is_stream_of_events(answer: &Response<Body>) -> bool {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}
