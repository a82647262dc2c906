//! The client against servers that answer well, badly, and not at all.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread::JoinHandle,
};

use serde_json::json;

use super::*;

/// A server that gives this answer to one request, and gives back what it was asked.
fn answering(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut chunk = [0; 1024];
        // Until the head is there; the requests here have small bodies that come with it or are empty.
        while !asked.windows(4).any(|window| window == b"\r\n\r\n") {
            let read = stream.read(&mut chunk).unwrap();
            asked.extend_from_slice(&chunk[..read]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&asked).into_owned()
    });
    (url, served)
}

#[test]
fn nothing_in_a_segment_leaves_it() {
    assert_eq!(
        route(&["a", "..", "b/c?d#e", "ü", "%2e"]),
        "/a/%2E%2E/b%2Fc%3Fd%23e/%C3%BC/%252e"
    );
    assert_eq!(
        query(&[("a", Some("x&y=z ".into())), ("b", None)]),
        "?a=x%26y%3Dz%20"
    );
    assert_eq!(query(&[("b", None)]), "");
}

#[test]
fn what_is_no_address_is_refused() {
    for bad in [
        "",
        "127.0.0.1:8790",
        "ftp://x",
        "http://",
        "http://x/?a",
        "nonsense",
    ] {
        assert!(Client::new(bad, None, None).is_err(), "{bad:?}");
    }
    assert!(Client::new("http://[::1]:8790/", None, None).is_ok());
}

#[test]
fn a_closed_port_is_a_server_that_is_not_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Client::new(&format!("http://{free}"), None, None)
        .unwrap()
        .get("/healthz")
        .unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(CliError::Unreachable { .. })),
        "{error:?}"
    );
}

#[test]
fn a_host_that_does_not_resolve_is_a_server_that_is_not_there() {
    // The domain is reserved for names that never resolve (RFC 6761).
    let client = Client::new("https://nowhere.invalid", None, None).unwrap();
    let error = client.get("/healthz").unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(CliError::Unreachable { .. })),
        "{error:?}"
    );
}

#[test]
fn a_token_that_no_header_can_hold_is_refused_without_being_shown() {
    let client = Client::new("http://127.0.0.1:9", Some("tr_x\nevil: 1".into()), None).unwrap();
    let error = format!("{:?}", client.get("/").unwrap_err());
    assert!(error.contains("token") && !error.contains("tr_x"), "{error}");
}

#[test]
fn a_request_bears_the_token_and_gets_its_answer() {
    let (url, served) =
        answering("HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\n{\"a\":1}");
    let client = Client::new(&url, Some("tr_x".into()), None).unwrap();
    assert_eq!(client.get("/v1/x").unwrap(), json!({ "a": 1 }));
    let asked = served.join().unwrap().to_lowercase();
    assert!(
        asked.starts_with("get /v1/x http/1.1\r\n") && asked.contains("authorization: bearer tr_x\r\n"),
        "{asked}"
    );
}

#[test]
fn a_refusal_is_taken_as_the_server_words_it() {
    let (url, _served) = answering(
        "HTTP/1.1 422 Unprocessable\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n{\"type\":\"about:blank\",\"title\":\"t\",\"status\":422,\"detail\":\"d\",\"code\":\"c\",\"field\":\"f\"}",
    );
    let error = Client::new(&url, None, None).unwrap().get("/").unwrap_err();
    let Some(CliError::Refused(problem)) = error.downcast_ref() else {
        panic!("{error:?}")
    };
    assert_eq!(
        (problem.status, problem.code.as_str(), problem.field.as_deref()),
        (422, "c", Some("f"))
    );
}

#[test]
fn a_stream_is_followed_to_its_end_and_a_refusal_is_none() {
    let (url, _served) = answering(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\nevent: line\ndata: 7\n\n",
    );
    let mut events = Client::new(&url, None, None).unwrap().follow("/").unwrap();
    assert_eq!(events.next().unwrap(), Some(("line".to_owned(), json!(7))));
    assert_eq!(events.next().unwrap(), None);
    let (url, _served) = answering(
        "HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\n\r\n{\"status\":429,\"detail\":\"d\",\"code\":\"too-many-watchers\"}",
    );
    let error = Client::new(&url, None, None).unwrap().follow("/").err().unwrap();
    let refused = matches!(error.downcast_ref(), Some(CliError::Refused(problem)) if problem.code == "too-many-watchers");
    assert!(refused, "{error:?}");
}

#[test]
fn whoever_does_not_speak_the_api_is_foreign_and_no_redirect_is_followed() {
    let answers = [
        "HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>",
        "HTTP/1.1 307 Temporary\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ];
    for answer in answers {
        let (url, _served) = answering(answer);
        let error = Client::new(&url, Some("tr_x".into()), None)
            .unwrap()
            .get("/")
            .unwrap_err();
        assert!(
            matches!(error.downcast_ref(), Some(CliError::Foreign { .. })),
            "{error:?}"
        );
    }
}

#[test]
fn an_answer_that_breaks_off_is_lost_not_refused() {
    let (url, _served) = answering("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{");
    let error = Client::new(&url, None, None).unwrap().get("/").unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(CliError::Lost { .. })),
        "{error:?}"
    );
}

/// A server that says this to whoever comes, and hears nothing.
fn saying(words: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(words);
        // Reads until the client goes, so that its request does not reset the connection.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    address
}

#[test]
fn another_language_is_named_and_no_answer_is_said_to_be_lost() {
    // A TLS alert, as an https server sends it to who speaks HTTP; and HTTP to who speaks TLS.
    let alert = format!("http://{}", saying(b"\x15\x03\x03\x00\x02\x02\x46"));
    let plain = format!("https://{}", saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    for url in [alert, plain] {
        let error = Client::new(&url, None, None).unwrap().get("/").unwrap_err();
        assert!(
            matches!(error.downcast_ref(), Some(CliError::Unspoken { .. })),
            "{url}: {error:?}"
        );
    }
}
