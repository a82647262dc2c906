//! Many clients who mean no good, at once: slow ones, endless ones, those who try tokens. Each is closed in
//! time, there are never more connections than allowed, and an honest client is served meanwhile. Tests wait
//! for the end of each connection; only the limits are short.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, routing::post};
use rustix::process::{Resource, getrlimit, setrlimit};
use tailrace_admin::{ApiOptions, ApiState, EdgeCounts, EdgeOptions, router};
use tailrace_core::tasks;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::{
    edge::{SHORT, Server, in_time, plain, rest},
    stage::{OPERATOR, Stage},
};

const SLOW_CLIENTS: usize = 2_000;
/// Connections that may wait to be accepted; the tests' listener has room for twice as many and the honest ones.
const WAITING: u64 = 500;
/// Who attacks, and who does not; loopback is a whole network.
const ATTACKER: [u8; 4] = [127, 0, 0, 2];
const HONEST: [u8; 4] = [127, 0, 0, 1];
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

async fn connect(from: impl Into<IpAddr>, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.into(), 0))?;
    socket.connect(to).await
}

/// What a slow client does.
async fn be_slow(number: usize, mut connection: TcpStream) {
    let (beginning, drip): (&[u8], &[u8]) = match number % 3 {
        0 => (b"", b""),
        1 => (b"GET / HTTP/1.1\r\nx: ", b"a"),
        _ => (
            b"POST /body HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
            b"1\r\na\r\n",
        ),
    };
    let (mut read, mut write) = connection.split();
    let slow = async {
        let _ = write.write_all(beginning).await;
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if write.write_all(drip).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        // Its end, in order or not.
        _ = read.read_to_end(&mut answer) => {}
        () = slow => {}
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains(" 200 "), "it was served: {answer}");
}

fn app() -> Router {
    let take = |body: Result<Bytes, axum::extract::rejection::BytesRejection>| async move {
        body.map_or(axum::http::StatusCode::REQUEST_TIMEOUT, |_| {
            axum::http::StatusCode::OK
        })
    };
    plain().route("/body", post(take))
}

/// Enough descriptors for both ends of all connections.
fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let most = limit.maximum.unwrap_or(u64::MAX);
    assert!(
        most > 2 * SLOW_CLIENTS as u64 + 200,
        "this test needs more descriptors than {most}"
    );
}

/// Slow clients against a server with these bounds; gives what it counted when the last was gone.
async fn attack(options: EdgeOptions, from: [u8; 4]) -> EdgeCounts {
    raise_descriptors();
    let counts = options.counts.clone();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((HONEST, 0))).unwrap();
    let server = Server::on(socket.listen(2 * WAITING as u32).unwrap(), app(), options);
    let address = server.address;
    let (seen, honest) = (counts.clone(), Arc::new(AtomicU64::new(0)));
    let honest_ones = honest.clone();
    let gone = tasks::spawn(async move {
        let mut slow = JoinSet::new();
        for number in 0..SLOW_CLIENTS {
            // More than the listener's queue holds would be connections that only their clients know of.
            let come = || seen.accepted() + seen.refused() + WAITING;
            while number as u64 + honest_ones.load(Ordering::Relaxed) > come() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            slow.spawn(async move {
                // A connection that is refused is closed, which is what is wanted.
                if let Ok(connection) = connect(from, address).await {
                    be_slow(number, connection).await;
                }
            });
        }
        while let Some(ended) = slow.join_next().await {
            ended.unwrap();
        }
    });
    while honest.fetch_add(1, Ordering::Relaxed) == 0 || !gone.is_finished() {
        let mut connection = in_time(connect(HONEST, address)).await.unwrap();
        in_time(connection.write_all(REQUEST)).await.unwrap();
        assert!(
            rest(&mut connection).await.ends_with("hello"),
            "an honest client is served"
        );
    }
    in_time(gone).await.unwrap();
    counts
}

fn short() -> EdgeOptions {
    EdgeOptions {
        idle: Duration::from_millis(500),
        exchange: Duration::from_secs(5),
        body_grace: Duration::from_millis(500),
        ..EdgeOptions::default()
    }
}

#[tokio::test]
async fn two_thousand_slow_clients_of_one_address_get_its_share_and_no_more() {
    let options = EdgeOptions {
        connections_per_address: 100,
        ..short()
    };
    let counts = attack(options, ATTACKER).await;
    // Those of the honest client too, of which the server may not have seen the end yet.
    assert!(counts.most() <= 110, "{} at once", counts.most());
    assert!(counts.refused() > 0 && counts.closed() > 0, "{counts:?}");
}

#[tokio::test]
async fn two_thousand_slow_clients_that_take_every_place_lose_them_in_time() {
    let options = EdgeOptions {
        connections: 500,
        connections_per_address: SLOW_CLIENTS,
        ..short()
    };
    let counts = attack(options, HONEST).await;
    assert!(counts.most() <= 500, "{} at once", counts.most());
    assert_eq!(counts.refused(), 0, "they waited for their turn");
    assert!(counts.closed() > 0, "{counts:?}");
}

#[tokio::test]
async fn a_body_without_end_is_refused_at_its_bound() {
    let stage = Stage::set().await;
    let server = Server::start(stage.app, EdgeOptions::default()).await;
    let (mut read, mut write) = server.connect().await.into_split();
    let head = format!(
        "PUT /v1/tenants/new HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    write.write_all(head.as_bytes()).await.unwrap();
    let endless = tasks::spawn(async move {
        let chunk = [b"4000\r\n".as_slice(), &[b' '; 0x4000], b"\r\n"].concat();
        while write.write_all(&chunk).await.is_ok() {}
    });
    let mut begun = [0; 12];
    in_time(read.read_exact(&mut begun)).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 413");
    rest(&mut read).await;
    in_time(endless).await.unwrap();
}

#[tokio::test]
async fn a_body_that_drips_is_told_so() {
    let Stage {
        commands, queries, ..
    } = Stage::set().await;
    let options = EdgeOptions {
        body_grace: SHORT,
        ..EdgeOptions::default()
    };
    let options_of_api = ApiOptions::default();
    let app = router(ApiState {
        commands,
        queries,
        options: options_of_api,
    });
    let server = Server::start(app, options).await;
    for kind in ["application/json", "multipart/form-data; boundary=x"] {
        let mut connection = server.connect().await;
        let route = if kind.starts_with("multi") {
            "tenants/shop/plugins/p/versions/1.0.0"
        } else {
            "tenants/new"
        };
        let head = format!(
            "PUT /v1/{route} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR}\r\ncontent-type: {kind}\r\ncontent-length: 100\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(&mut connection).await;
        assert!(
            answer.starts_with("HTTP/1.1 408") && answer.contains("too slowly"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn who_tries_tokens_has_to_connect_again_and_again() {
    let stage = Stage::set().await;
    let server = Server::start(stage.app, EdgeOptions::default()).await;
    let (mut read, mut write) = server.connect().await.into_split();
    let guess = tasks::spawn(async move {
        for number in 0_u64.. {
            let request = format!(
                "GET /v1/tenants HTTP/1.1\r\nhost: x\r\nauthorization: Bearer tr_{number:064x}\r\n\r\n"
            );
            if write.write_all(request.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let answers = rest(&mut read).await;
    in_time(guess).await.unwrap();
    let tried = answers.matches("HTTP/1.1 401").count();
    assert!(
        (1..200).contains(&tried),
        "{tried} tokens were tried on one connection"
    );
    assert!(!answers.contains("HTTP/1.1 200"));
}

#[tokio::test]
async fn ten_thousand_levels_are_refused_and_the_next_request_is_served() {
    let stage = Stage::set().await;
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    let bodies = [
        deep("[", "]"),
        deep(r#"{"a":"#, "}"),
        format!("name: clicks\ninput: {}", deep("[", "]")),
        format!("name: clicks\ninput: {}", deep("{a: ", "}")),
        // Levels by indentation; the body ends before the ten-thousandth.
        (0..1_000).fold(String::new(), |text, level| text + &" ".repeat(level) + "a:\n"),
        "- ".repeat(10_000),
    ];
    for body in bodies {
        for path in ["/v1/tenants/shop/pipelines/clicks", "/v1/tenants/new"] {
            let shown: String = body.chars().take(30).collect();
            let answer = stage.ask("PUT", path, &[OPERATOR], body.clone()).await;
            assert!(answer.status.is_client_error(), "{path} {shown}: {answer:?}");
            answer.problem();
        }
    }
    stage.ok("GET", "/v1/tenants/shop/pipelines/clicks", "").await;
}
