//! From a path to an answer. A path without a file of its own is a view of the console, so it gets the page, and
//! the page reads the path. A path that names a file and has none gets 404: a browser that runs an older page
//! must not take the page for a script.

use crate::{
    file::{BUILT, File, INDEX, find},
    headers::{ASK_AGAIN, EVERYWHERE, FOR_EVER},
    negotiate,
};

/// How the console comes into the binary.
const HOW_TO_BUILD: &str =
    "this engine was built without the console: run `make console`, then build it again\n";

/// What a browser asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The path below `/console/`.
    pub path: &'a str,
    /// Its `Accept-Encoding`, or an empty text.
    pub accept_encoding: &'a str,
    /// Its `If-None-Match`, or an empty text.
    pub if_none_match: &'a str,
}

/// What it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, with their values.
    pub headers: Vec<(&'static str, String)>,
    /// Empty with status 304.
    pub body: &'static [u8],
}

/// Answers a browser.
pub fn answer(request: Request<'_>) -> Answer {
    answer_from(BUILT, request)
}

fn answer_from(files: &[File], request: Request<'_>) -> Answer {
    if files.is_empty() {
        return text(503, HOW_TO_BUILD);
    }
    if let Some(file) = find(files, request.path) {
        return of_file(file, request);
    }
    match find(files, INDEX) {
        Some(index) if is_view(request.path) => of_file(index, request),
        _ => text(404, "the console has no such file; load the page again\n"),
    }
}

/// Whether a path is a view: all files that are not at the top lie in `assets/`.
fn is_view(path: &str) -> bool {
    !path.starts_with("assets/")
}

fn of_file(file: &File, request: Request<'_>) -> Answer {
    let tag = format!("\"{}\"", file.digest);
    let mut headers = everywhere();
    let cache = if file.hashed { FOR_EVER } else { ASK_AGAIN };
    headers.push(("cache-control", cache.to_owned()));
    headers.push(("vary", "accept-encoding".to_owned()));
    let known = negotiate::has(request.if_none_match, &tag);
    headers.push(("etag", tag));
    if known {
        return Answer {
            status: 304,
            headers,
            body: b"",
        };
    }
    let (body, encoding) = negotiate::body(file, request.accept_encoding);
    headers.push(("content-type", file.media_type.to_owned()));
    headers.extend(encoding.map(|encoding| ("content-encoding", encoding.to_owned())));
    Answer {
        status: 200,
        headers,
        body,
    }
}

fn text(status: u16, body: &'static str) -> Answer {
    let mut headers = everywhere();
    headers.push(("cache-control", "no-store".to_owned()));
    headers.push(("content-type", "text/plain; charset=utf-8".to_owned()));
    Answer {
        status,
        headers,
        body: body.as_bytes(),
    }
}

fn everywhere() -> Vec<(&'static str, String)> {
    EVERYWHERE
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[File] = &[
        File {
            path: "index.html",
            media_type: "text/html; charset=utf-8",
            digest: "aa",
            hashed: false,
            plain: b"page",
            brotli: Some(b"br"),
            gzip: None,
        },
        File {
            path: "assets/main-1.js",
            media_type: "text/javascript; charset=utf-8",
            digest: "bb",
            hashed: true,
            plain: b"script",
            brotli: None,
            gzip: Some(b"gz"),
        },
    ];

    fn get(path: &str) -> Answer {
        answer_from(
            FILES,
            Request {
                path,
                accept_encoding: "gzip, br",
                if_none_match: "",
            },
        )
    }

    fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
        let found = answer.headers.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }

    #[test]
    fn a_view_gets_the_page_and_is_asked_for_each_time() {
        for path in ["", "index.html", "t/shop", "t/shop/p/clicks.v2"] {
            let answer = get(path);
            assert_eq!((answer.status, answer.body), (200, b"br".as_slice()), "{path}");
            assert_eq!(header(&answer, "cache-control"), ASK_AGAIN);
            assert_eq!(header(&answer, "content-encoding"), "br");
        }
    }

    #[test]
    fn a_file_with_a_hash_is_kept_for_ever() {
        let answer = get("assets/main-1.js");
        assert_eq!((answer.status, answer.body), (200, b"gz".as_slice()));
        assert_eq!(header(&answer, "cache-control"), FOR_EVER);
        assert_eq!(header(&answer, "content-type"), "text/javascript; charset=utf-8");
    }

    #[test]
    fn a_file_that_is_gone_is_no_page() {
        let answer = get("assets/main-0.js");
        assert_eq!(answer.status, 404);
        assert!(!answer.body.starts_with(b"page"));
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let again = Request {
            path: "",
            accept_encoding: "br",
            if_none_match: "\"aa\"",
        };
        let answer = answer_from(FILES, again);
        assert_eq!((answer.status, answer.body), (304, b"".as_slice()));
        assert_eq!(header(&answer, "etag"), "\"aa\"");
    }

    #[test]
    fn every_answer_carries_the_policy() {
        let unbuilt = answer_from(&[], Request::default());
        for answer in [get(""), get("assets/main-1.js"), get("assets/gone.js"), unbuilt] {
            let policy = header(&answer, "content-security-policy");
            assert!(policy.starts_with("default-src 'none'"), "{answer:?}");
            assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        }
    }

    #[test]
    fn an_engine_without_the_console_says_how_to_build_it() {
        let answer = answer_from(&[], Request::default());
        assert_eq!(answer.status, 503);
        assert!(String::from_utf8_lossy(answer.body).contains("make console"));
    }

    #[test]
    fn what_was_built_has_a_page() {
        assert!(BUILT.is_empty() || find(BUILT, INDEX).is_some());
    }
}
