//! What a tenant watches: streams that are bounded in number, outlive the deadline of a request, and end
//! with the client, the limit, the pipeline or the engine.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use tailrace_admin::{ApiOptions, EdgeOptions};
use tailrace_core::{
    event::Event,
    identity::PipelineId,
    name::Name,
    observe::{
        logs::Line,
        status::PipelineStatus,
        tap::{Excerpt, Sample},
        watch_permits::OF_PIPELINE,
    },
    ports::plugins::LogLevel,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{
    edge::{Server, in_time},
    stage::{OPERATOR, Stage},
};

const TAP: &str = "/v1/tenants/shop/pipelines/clicks/tap";
const LOGS: &str = "/v1/tenants/shop/pipelines/clicks/logs";

async fn running(options: ApiOptions) -> (Stage, Arc<PipelineStatus>) {
    let mut stage = Stage::with(options).await;
    stage.start_engine();
    let id = PipelineId {
        tenant: Name::new("shop").unwrap(),
        pipeline: Name::new("clicks").unwrap(),
    };
    let status = in_time(async {
        loop {
            if let Some(status) = stage.queries.context().overview().pipeline(&id) {
                break status;
            }
            tokio::task::yield_now().await;
        }
    });
    let status = status.await;
    (stage, status)
}

/// A stream's body, once its beginning is there; so it is watched.
async fn open(stage: &Stage, path: &str) -> Result<Body, StatusCode> {
    let request = Request::get(path).header("authorization", format!("Bearer {OPERATOR}"));
    let request = request.body(Body::empty()).unwrap();
    let response = in_time(stage.app.clone().oneshot(request)).await.unwrap();
    if response.status() == StatusCode::OK {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(response.into_body())
    } else {
        Err(response.status())
    }
}

/// All events until the end of the stream.
async fn events(body: Body) -> Vec<(String, Value)> {
    let bytes = in_time(to_bytes(body, 1 << 20)).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let event = |block: &str| {
        let (name, data) = block.split_once('\n').unwrap();
        let name = name.strip_prefix("event: ").unwrap().to_owned();
        (
            name,
            serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap(),
        )
    };
    text.split_terminator("\n\n").map(event).collect()
}

fn sample(sequence: u64) -> Sample {
    let event = Event {
        sequence,
        time_ms: 5,
        subject: "shop.clicks".to_owned(),
        key: "383".to_owned(),
        headers: Vec::new(),
        payload: "{\"a\":\n1}\u{1b}".into(),
    };
    Sample {
        time_ms: 9,
        step: Name::new("count").unwrap(),
        partition: 0,
        sequence,
        redriven: false,
        attempt: 1,
        event_time_ms: event.time_ms,
        subject: event.subject,
        key: event.key,
        trace_id: None,
        before: Excerpt::of(&event.payload),
        verdict: "forward",
        code: None,
        reason: None,
        after: Vec::new(),
        messages: 0,
        fuel: 12,
        took_us: 3,
    }
}

fn show(status: &PipelineStatus, sequences: std::ops::Range<u64>) {
    for sequence in sequences {
        let sample = sample(sequence);
        status.views.tap.show(
            Duration::ZERO,
            |wish| wish.wants(&sample.step, &sample.key),
            || sample.clone(),
        );
    }
}

fn log(status: &PipelineStatus, text: &str) {
    let line = Line {
        time_ms: 1,
        level: LogLevel::Warn,
        step: Name::new("count").unwrap(),
        partition: 0,
        sequence: 4,
        text: text.to_owned(),
        left_out: 0,
    };
    status.views.logs.write(Duration::ZERO, line);
}

#[tokio::test]
async fn a_tap_says_what_it_shows_then_shows_it_and_ends_at_its_limit() {
    let (stage, status) = running(ApiOptions::default()).await;
    let body = open(&stage, &format!("{TAP}?limit=2")).await.unwrap();
    show(&status, 1..4);
    let events = events(body).await;
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["shown", "sample", "sample"]);
    assert_eq!(events[0].1["of"], 1);
    assert_eq!(
        events[1].1["before"],
        json!({ "text": "{\"a\":\n1}\u{1b}", "bytes": 9, "cut": false })
    );
    assert_eq!(
        (&events[1].1["sequence"], &events[2].1["sequence"]),
        (&1.into(), &2.into())
    );
    assert_eq!(events[2].1["verdict"], "forward");
}

#[tokio::test]
async fn a_tap_shows_the_wanted_step_and_key_only() {
    let (stage, status) = running(ApiOptions::default()).await;
    let wanted = open(&stage, &format!("{TAP}?limit=1&key=383&step=count"))
        .await
        .unwrap();
    let other = open(&stage, &format!("{TAP}?limit=1&key=384")).await.unwrap();
    show(&status, 1..2);
    assert_eq!(events(wanted).await.len(), 2);
    status.views.close();
    let names: Vec<String> = events(other).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["shown", "ended"], "nothing of another key");
    let unknown = stage
        .ask("GET", &format!("{TAP}?step=none"), &[OPERATOR], "")
        .await;
    assert_eq!(
        (unknown.status, unknown.problem().as_str()),
        (StatusCode::NOT_FOUND, "not-found")
    );
    assert_eq!(stage.queries.context().overview().places().taken(), 0);
}

#[tokio::test]
async fn a_slow_watcher_is_told_how_much_it_missed() {
    let (stage, status) = running(ApiOptions::default()).await;
    let body = open(&stage, TAP).await.unwrap();
    show(&status, 0..1_000);
    status.views.close();
    let mut events = events(body).await;
    assert_eq!(events.pop().unwrap().0, "ended");
    let (samples, missed): (Vec<_>, Vec<_>) = events[1..].iter().partition(|(name, _)| name == "sample");
    let missed: u64 = missed
        .iter()
        .map(|(_, data)| data["dropped"].as_u64().unwrap() + data["limited"].as_u64().unwrap())
        .sum();
    assert!(!samples.is_empty() && missed > 0);
    assert_eq!(samples.len() as u64 + missed, 1_000);
}

#[tokio::test]
async fn watchers_are_bounded_and_a_place_is_free_again_when_one_goes() {
    let (stage, _status) = running(ApiOptions::default()).await;
    let mut open_ones = Vec::new();
    for path in [TAP, &format!("{LOGS}?follow=true")]
        .iter()
        .cycle()
        .take(OF_PIPELINE)
    {
        open_ones.push(open(&stage, path).await.unwrap());
    }
    for _ in 0..1_000 {
        assert_eq!(open(&stage, TAP).await.err(), Some(StatusCode::TOO_MANY_REQUESTS));
    }
    let refused = stage.ask("GET", TAP, &[OPERATOR], "").await;
    assert_eq!(refused.problem(), "too-many-watchers");
    open_ones.pop();
    open_ones.push(open(&stage, TAP).await.unwrap());
    open_ones.clear();
    assert_eq!(stage.queries.context().overview().places().taken(), 0);
    stage.ask("HEAD", TAP, &[OPERATOR], "").await;
    assert_eq!(
        stage.queries.context().overview().places().taken(),
        0,
        "a HEAD watches nothing"
    );
}

#[tokio::test]
async fn a_deleted_pipeline_ends_its_streams_and_says_so() {
    let (stage, _status) = running(ApiOptions::default()).await;
    let body = open(&stage, TAP).await.unwrap();
    let lines = open(&stage, &format!("{LOGS}?follow=true")).await.unwrap();
    stage.ok("DELETE", "/v1/tenants/shop/pipelines/clicks", "").await;
    for body in [body, lines] {
        let events = events(body).await;
        let (name, data) = events.last().unwrap();
        assert_eq!(
            (name.as_str(), data["reason"].as_str().unwrap()),
            ("ended", "pipeline clicks was deleted")
        );
    }
}

#[tokio::test]
async fn the_last_lines_are_json_and_followed_ones_come_after_them() {
    let (stage, status) = running(ApiOptions::default()).await;
    log(&status, "one");
    log(&status, "two\r\nevent: sample");
    let answer = stage.ok("GET", &format!("{LOGS}?lines=1"), "").await.json();
    assert_eq!(answer["lines"][0]["text"], "two\\r\\nevent: sample");
    assert_eq!(
        (answer["lines"].as_array().unwrap().len(), &answer["of"]),
        (1, &1.into())
    );
    let body = open(&stage, &format!("{LOGS}?follow=true")).await.unwrap();
    log(&status, "three");
    status.views.close();
    let texts: Vec<_> = events(body)
        .await
        .iter()
        .map(|(_, data)| data["text"].clone())
        .collect();
    assert_eq!(texts[1..4], ["one", "two\\r\\nevent: sample", "three"]);
}

#[tokio::test]
async fn a_stream_outlives_the_deadline_of_requests_and_ends_with_the_engine() {
    let stop = CancellationToken::new();
    let options = ApiOptions {
        request_deadline: Duration::from_millis(500),
        stop: stop.clone(),
        ..ApiOptions::default()
    };
    let (stage, status) = running(options).await;
    let edge = EdgeOptions {
        idle: Duration::from_millis(50),
        write_deadline: Duration::from_millis(50),
        ..EdgeOptions::default()
    };
    let server = Server::start(stage.app.clone(), edge).await;
    let mut connection = server.connect().await;
    let request = format!("GET {TAP} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR}\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    read_until(&mut connection, "event: shown").await;
    // Longer than every deadline; a stream that is cut would be cut by then.
    tokio::time::sleep(Duration::from_millis(600)).await;
    show(&status, 7..8);
    read_until(&mut connection, "\"sequence\":7").await;
    stop.cancel();
    server.stop.cancel();
    server.over().await;
    let mut rest = Vec::new();
    in_time(connection.read_to_end(&mut rest)).await.unwrap();
    assert!(
        rest.ends_with(b"0\r\n\r\n"),
        "it was ended, not cut off: {rest:?}"
    );
}

#[tokio::test]
async fn a_client_that_vanishes_gives_its_place_back() {
    let (stage, status) = running(ApiOptions::default()).await;
    let server = Server::start(stage.app.clone(), EdgeOptions::default()).await;
    let mut connection = server.connect().await;
    let request = format!("GET {TAP} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR}\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    read_until(&mut connection, "event: shown").await;
    assert_eq!(stage.queries.context().overview().places().taken(), 1);
    drop(connection);
    in_time(async {
        while stage.queries.context().overview().places().taken() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!status.views.tap.is_watched());
}

async fn read_until(connection: &mut tokio::net::TcpStream, text: &str) {
    let mut seen = String::new();
    while !seen.contains(text) {
        let mut buffer = [0; 4096];
        let read = in_time(connection.read(&mut buffer)).await.unwrap();
        assert!(read > 0, "the stream ended: {seen}");
        seen += &String::from_utf8_lossy(&buffer[..read]);
    }
}
