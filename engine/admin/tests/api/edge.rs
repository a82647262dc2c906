//! How long a client may take, over real connections. Each test waits for the end of a connection or
//! of the server, so none depends on how fast the machine is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::get};
use tailrace_admin::{ApiOptions, ApiState, EdgeOptions, router, serve};
use tailrace_core::tasks;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::stage::{OPERATOR, Stage};

/// Time that no test should need; it only turns a hang into a failure.
const FOREVER: Duration = Duration::from_mins(1);
pub const SHORT: Duration = Duration::from_millis(50);

pub struct Server {
    pub address: std::net::SocketAddr,
    pub stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl Server {
    pub async fn start(app: Router, options: EdgeOptions) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), app, options)
    }

    pub fn on(listener: TcpListener, app: Router, options: EdgeOptions) -> Self {
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let ended = tasks::spawn(serve(listener, app, options, stop.clone()));
        Self { address, stop, ended }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub async fn over(self) {
        in_time(self.ended).await.unwrap();
    }
}

pub async fn in_time<T>(act: impl Future<Output = T>) -> T {
    tokio::time::timeout(FOREVER, act).await.expect("it hangs")
}

/// All that comes until the server closes the connection; a reset closes it too.
pub async fn rest(connection: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = in_time(connection.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

pub fn plain() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

pub fn short_headers() -> EdgeOptions {
    EdgeOptions {
        idle: SHORT,
        ..EdgeOptions::default()
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let server = Server::start(plain(), short_headers()).await;
    assert_eq!(rest(&mut server.connect().await).await, "");
}

#[tokio::test]
async fn headers_that_drip_in_are_cut_off() {
    let server = Server::start(plain(), short_headers()).await;
    let (mut read, mut write) = server.connect().await.into_split();
    let drip = tasks::spawn(async move {
        let _ = write.write_all(b"GET / HTTP/1.1\r\nx: ").await;
        while write.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(!rest(&mut read).await.contains("hello"));
    in_time(drip).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_kept_alive_for_nothing_is_closed() {
    // The request lies there before the server accepts, so that it is in time on any machine.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    connection
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let _server = Server::on(listener, plain(), short_headers());
    assert!(rest(&mut connection).await.ends_with("hello"));
}

#[tokio::test]
async fn headers_beyond_the_bound_are_refused() {
    let server = Server::start(plain(), EdgeOptions::default()).await;
    let mut connection = server.connect().await;
    let header = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(1 << 20));
    let _ = connection.write_all(header.as_bytes()).await;
    assert!(!rest(&mut connection).await.contains("hello"));
}

#[tokio::test]
async fn a_body_that_drips_in_is_cut_off_with_a_problem() {
    let options = ApiOptions {
        request_deadline: SHORT,
        ..ApiOptions::default()
    };
    let Stage {
        commands, queries, ..
    } = Stage::set().await;
    let state = ApiState {
        commands,
        queries,
        options,
    };
    let server = Server::start(router(state), EdgeOptions::default()).await;
    let mut connection = server.connect().await;
    let request = format!(
        "PUT /v1/tenants/new HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR}\r\ncontent-length: 100\r\n\r\n{{"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let answer = rest(&mut connection).await;
    assert!(
        answer.starts_with("HTTP/1.1 408") && answer.contains("application/problem+json"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_without_a_token_is_not_waited_for() {
    let stage = Stage::set().await;
    let server = Server::start(stage.app, EdgeOptions::default()).await;
    let mut connection = server.connect().await;
    let request = b"PUT /v1/tenants/shop/plugins/p/versions/1.0.0 HTTP/1.1\r\nhost: x\r\ncontent-length: 33554432\r\n\r\n";
    connection.write_all(request).await.unwrap();
    assert!(rest(&mut connection).await.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn a_client_that_never_reads_its_answers_loses_its_connection() {
    let large = "x".repeat(1 << 20);
    let app = Router::new().route("/", get(move || std::future::ready(large.clone())));
    let server = Server::start(
        app,
        EdgeOptions {
            write_deadline: SHORT,
            ..EdgeOptions::default()
        },
    )
    .await;
    let mut connection = server.connect().await;
    // Asks on and on, and reads nothing: the answers fill the buffers and stay there.
    let ask = async {
        while connection
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .is_ok()
        {}
    };
    in_time(ask).await;
}

#[tokio::test]
async fn beyond_the_cap_a_connection_waits_and_is_then_served() {
    let options = EdgeOptions {
        connections: 1,
        ..short_headers()
    };
    let server = Server::start(plain(), options).await;
    let mut silent = server.connect().await;
    let mut second = server.connect().await;
    second
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(
        rest(&mut second).await.ends_with("hello"),
        "the silent one had to go"
    );
    assert_eq!(rest(&mut silent).await, "");
}

/// A handler that says when it was reached, and waits to be let go.
pub fn held() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (reached, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (reached.clone(), go.clone());
    let handler = move || async move {
        tell.notify_one();
        wait.notified().await;
        "done"
    };
    (Router::new().route("/", get(handler)), reached, go)
}

#[tokio::test]
async fn a_running_request_is_finished_and_nobody_else_is_let_in() {
    let (app, reached, go) = held();
    let server = Server::start(
        app,
        EdgeOptions {
            drain: FOREVER,
            ..EdgeOptions::default()
        },
    )
    .await;
    let mut connection = server.connect().await;
    connection
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    in_time(reached.notified()).await;
    server.stop.cancel();
    let address = server.address;
    in_time(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    go.notify_one();
    assert!(rest(&mut connection).await.ends_with("done"));
    server.over().await;
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_the_end_up() {
    let (app, reached, _go) = held();
    let server = Server::start(
        app,
        EdgeOptions {
            drain: SHORT,
            ..EdgeOptions::default()
        },
    )
    .await;
    let mut connection = server.connect().await;
    connection
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    in_time(reached.notified()).await;
    server.stop.cancel();
    server.over().await;
    assert_eq!(rest(&mut connection).await, "", "it was cut off");
}

#[tokio::test]
async fn the_end_is_heard_even_when_every_place_is_taken() {
    let (app, reached, _go) = held();
    let options = EdgeOptions {
        connections: 1,
        drain: SHORT,
        ..EdgeOptions::default()
    };
    let server = Server::start(app, options).await;
    let mut connection = server.connect().await;
    connection
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    in_time(reached.notified()).await;
    server.stop.cancel();
    server.over().await;
}

#[tokio::test]
async fn a_handler_that_panics_takes_nobody_with_it() {
    let panicked = Arc::new(AtomicBool::new(false));
    let tell = panicked.clone();
    let handler = move || async move {
        assert!(tell.swap(true, Ordering::Relaxed), "on purpose");
        "alive"
    };
    let options = EdgeOptions {
        connections: 1,
        ..EdgeOptions::default()
    };
    let server = Server::start(Router::new().route("/", get(handler)), options).await;
    for expected in ["", "alive"] {
        let mut connection = server.connect().await;
        let _ = connection
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await;
        assert!(rest(&mut connection).await.ends_with(expected));
    }
    assert!(panicked.load(Ordering::Relaxed));
}
