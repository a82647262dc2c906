//! HTTP/2, frame by frame (RFC 9113), so that a client can do what no library would: open streams and reset
//! them at once, never end a head, never take an answer.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, routing::get};
use tailrace_admin::EdgeOptions;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::edge::{SHORT, Server, held, in_time, plain, rest, short_headers};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `GET http / x` by HPACK's static table, and a literal authority.
const GET: &[u8] = b"\x82\x86\x84\x41\x01x";
/// The error of a stream that was not looked at.
const REFUSED_STREAM: u32 = 7;

#[derive(Debug)]
struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, GET)
}

/// A connection whose settings are said.
async fn hello(server: &Server, settings: &[u8]) -> (OwnedReadHalf, OwnedWriteHalf) {
    let connection: TcpStream = server.connect().await;
    let (read, mut write) = connection.into_split();
    let opening = [PREFACE, &frame(SETTINGS, 0, 0, settings)].concat();
    write.write_all(&opening).await.unwrap();
    (read, write)
}

/// The next frame; none when the connection is closed.
async fn next(read: &mut OwnedReadHalf) -> Option<Frame> {
    let mut head = [0; 9];
    in_time(read.read_exact(&mut head)).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    in_time(read.read_exact(&mut payload)).await.ok()?;
    Some(Frame {
        kind: head[3],
        stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
        payload,
    })
}

/// All frames until the connection is closed.
async fn frames(mut read: OwnedReadHalf) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(frame) = next(&mut read).await {
        frames.push(frame);
    }
    frames
}

/// Says the same on and on, until the connection is closed.
async fn flood(mut write: OwnedWriteHalf, mut say: impl FnMut(u32) -> Vec<u8>) {
    let on = async {
        for stream in (1..).step_by(2) {
            if write.write_all(&say(stream)).await.is_err() {
                break;
            }
        }
    };
    in_time(on).await;
}

#[tokio::test]
async fn a_request_is_answered() {
    let server = Server::start(plain(), EdgeOptions::default()).await;
    let (mut read, mut write) = hello(&server, &[]).await;
    write.write_all(&request(1)).await.unwrap();
    let data = loop {
        let frame = next(&mut read).await.expect("the connection was closed");
        if frame.kind == DATA && !frame.payload.is_empty() {
            break frame;
        }
    };
    assert_eq!((data.stream, data.payload.as_slice()), (1, b"hello".as_slice()));
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_closed() {
    let server = Server::start(plain(), short_headers()).await;
    let (read, _write) = hello(&server, &[]).await;
    let said = frames(read).await;
    assert!(said.iter().any(|frame| frame.kind == GOAWAY), "{said:?}");
}

#[tokio::test]
async fn a_preface_that_drips_in_is_cut_off() {
    let server = Server::start(plain(), short_headers()).await;
    let mut connection = server.connect().await;
    connection.write_all(&PREFACE[..5]).await.unwrap();
    assert_eq!(rest(&mut connection).await, "");
}

#[tokio::test]
async fn a_connection_has_so_many_requests_at_once_and_no_more() {
    let (app, _, go) = held();
    let server = Server::start(app, EdgeOptions::default()).await;
    let (mut read, mut write) = hello(&server, &[]).await;
    let all = (0..100)
        .flat_map(|number| request(number * 2 + 1))
        .collect::<Vec<_>>();
    write.write_all(&all).await.unwrap();
    let mut refused = 0;
    while refused < 36 {
        let frame = next(&mut read).await.expect("the connection was closed");
        if frame.kind == RST_STREAM {
            assert_eq!(
                frame.payload,
                REFUSED_STREAM.to_be_bytes(),
                "stream {}",
                frame.stream
            );
            refused += 1;
        }
    }
    // The others wait for their answers.
    go.notify_one();
    let answered = loop {
        let frame = next(&mut read).await.expect("the connection was closed");
        assert_ne!(frame.kind, RST_STREAM, "64 may be under way");
        if frame.kind == HEADERS {
            break frame.stream;
        }
    };
    assert!(answered < 2 * 64, "{answered}");
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_at_once_end_the_connection() {
    let reached = Arc::new(AtomicUsize::new(0));
    let tell = reached.clone();
    let handler = move || {
        tell.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<String>()
    };
    let app = Router::new().route("/", get(handler));
    let server = Server::start(app, EdgeOptions::default()).await;
    let (read, write) = hello(&server, &[]).await;
    let reset = |stream| {
        [
            request(stream),
            frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
        ]
        .concat()
    };
    let (said, ()) = tokio::join!(frames(read), flood(write, reset));
    // How many came through until then depends on what was read at once; it is bounded by our count of
    // requests that were broken off, and by what one read may hold.
    let reached = reached.load(Ordering::Relaxed);
    assert!(reached < 2_000, "{reached} requests began; {} frames", said.len());
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let server = Server::start(plain(), EdgeOptions::default()).await;
    let (read, write) = hello(&server, &[]).await;
    // A literal header of 1,000 bytes, on and on.
    let header = [b"\x00\x01y\x7f\xe9\x06".as_slice(), &[b'z'; 1_000]].concat();
    let mut begun = false;
    let endless = move |_| {
        let kind = if begun { CONTINUATION } else { HEADERS };
        begun = true;
        frame(kind, 0, 1, &header)
    };
    let (said, ()) = tokio::join!(frames(read), flood(write, endless));
    assert!(!said.iter().any(|frame| frame.kind == DATA), "{said:?}");
}

#[tokio::test]
async fn empty_continuations_without_end_are_cut_off() {
    let server = Server::start(plain(), EdgeOptions::default()).await;
    let (read, write) = hello(&server, &[]).await;
    let mut begun = false;
    let endless = move |_| {
        let kind = if begun { CONTINUATION } else { HEADERS };
        begun = true;
        frame(kind, 0, 1, b"")
    };
    tokio::join!(frames(read), flood(write, endless));
}

#[tokio::test]
async fn who_never_takes_an_answer_loses_its_connection() {
    let large = "x".repeat(1 << 20);
    let app = Router::new().route("/", get(move || std::future::ready(large.clone())));
    let options = EdgeOptions {
        exchange: SHORT,
        // How often it is looked at.
        idle: SHORT * 10,
        ..EdgeOptions::default()
    };
    let counts = options.counts.clone();
    let server = Server::start(app, options).await;
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    let (read, mut write) = hello(&server, &[0, 4, 0, 0, 0, 0]).await;
    write.write_all(&request(1)).await.unwrap();
    let said = frames(read).await;
    assert!(
        said.iter()
            .all(|frame| frame.kind != DATA || frame.payload.is_empty()),
        "{said:?}"
    );
    assert_eq!(counts.closed(), 1);
}

#[tokio::test]
async fn the_end_lets_a_running_request_finish() {
    let (app, reached, go) = held();
    let server = Server::start(app, EdgeOptions::default()).await;
    let (read, mut write) = hello(&server, &[]).await;
    write.write_all(&request(1)).await.unwrap();
    in_time(reached.notified()).await;
    server.stop.cancel();
    go.notify_one();
    let said = frames(read).await;
    assert!(
        said.iter()
            .any(|frame| frame.kind == DATA && frame.payload == b"done"),
        "{said:?}"
    );
    server.over().await;
}
