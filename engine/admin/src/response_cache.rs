//! The response cache of queries. It keeps a whole answer with the version vector of the partitions that it
//! was made from, and gives it again only while that vector is the current one. So the commit that changes an
//! answer ends it, and no age can be too long. Its key is path and query as they were sent, which name the
//! tenant.
//!
//! Every answer has an `ETag` made from its content, so it is the same on every engine and after every
//! restart. A client that sends it back as `If-None-Match` gets 304 instead of what it has.
//!
//! Why: docs/decisions/0052-cached-answers.md

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    body::{Body, Bytes, HttpBody as _, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest as _, Sha256};
use tailrace_control::query::version::VersionVector;

/// Default bound on the size of all answers: a thousand full pages of state.
const CAPACITY_BYTES: u64 = 32 << 20;
/// What an answer counts besides its own bytes; so the bound on bytes bounds the number too, to 65,536.
const OVERHEAD_BYTES: u64 = 512;
/// Largest answer that is kept: none may push all others out.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Longest path and query that is a key: a state key of its largest size, percent-encoded, is within it.
const MAX_KEY_BYTES: usize = 4 << 10;

/// Answers to queries. Clones share them.
#[derive(Clone)]
pub struct ResponseCache(Arc<Kept>);

struct Kept {
    entries: Cache<String, Entry, Size>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Clone)]
struct Entry {
    version: VersionVector,
    answer: Arc<Whole>,
}

/// An answer, whole.
pub(crate) struct Whole {
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Clone)]
struct Size;

impl Weighter<String, Entry> for Size {
    fn weight(&self, key: &String, entry: &Entry) -> u64 {
        (key.len() + entry.answer.body.len()) as u64 + OVERHEAD_BYTES
    }
}

impl std::fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ResponseCache");
        shown.field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl Default for ResponseCache {
    fn default() -> Self {
        Self::new(CAPACITY_BYTES)
    }
}

impl ResponseCache {
    /// Room for so many bytes; 0 keeps nothing.
    pub fn new(capacity_bytes: u64) -> Self {
        let expected = (capacity_bytes / (OVERHEAD_BYTES * 2)) as usize;
        Self(Arc::new(Kept {
            entries: Cache::with_weighter(expected, capacity_bytes, Size),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }))
    }

    /// The default of its capacity.
    pub const fn default_capacity_bytes() -> u64 {
        CAPACITY_BYTES
    }

    /// Queries that it answered.
    pub fn hits(&self) -> u64 {
        self.0.hits.load(Ordering::Relaxed)
    }

    /// Queries that it did not.
    pub fn misses(&self) -> u64 {
        self.0.misses.load(Ordering::Relaxed)
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.0.entries.weight()
    }

    /// The answer that was made from this version, counted as a hit or a miss.
    pub(crate) fn get(&self, asked: &str, version: Option<&VersionVector>) -> Option<Arc<Whole>> {
        let entry = version.and_then(|_| self.0.entries.get(asked));
        let found = entry.filter(|entry| Some(&entry.version) == version);
        let counter = if found.is_some() {
            &self.0.hits
        } else {
            &self.0.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        found.map(|entry| entry.answer)
    }

    /// Keeps an answer, unless its key is too long.
    pub(crate) fn keep(&self, asked: String, version: VersionVector, answer: Arc<Whole>) {
        if asked.len() <= MAX_KEY_BYTES {
            self.0.entries.insert(asked, Entry { version, answer });
        }
    }
}

impl Whole {
    /// An answer with its tag, or as it was if it cannot be kept.
    pub(crate) async fn of(answer: Response) -> Result<Self, Response> {
        let is_small = answer
            .body()
            .size_hint()
            .exact()
            .is_some_and(|size| size <= MAX_ANSWER_BYTES);
        if answer.status() != StatusCode::OK || !is_small {
            return Err(answer);
        }
        let (parts, body) = answer.into_parts();
        let mut headers = parts.headers;
        let Ok(body) = to_bytes(body, MAX_ANSWER_BYTES as usize).await else {
            return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        if let Ok(tag) = HeaderValue::from_str(&tag(&headers, &body)) {
            headers.insert(header::ETAG, tag);
        }
        // A proxy must ask each time, and must not show it to other clients.
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        );
        Ok(Self { headers, body })
    }

    /// The response to a client, which may have it already.
    pub(crate) fn respond(&self, known: &HeaderMap) -> Response {
        let mut headers = self.headers.clone();
        if has_it(known, headers.get(header::ETAG)) {
            headers.remove(header::CONTENT_TYPE);
            return (StatusCode::NOT_MODIFIED, headers, Body::empty()).into_response();
        }
        (headers, self.body.clone()).into_response()
    }
}

/// A strong tag: of the body and of all that is said about it.
fn tag(headers: &HeaderMap, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    let mut said: Vec<(&HeaderName, &HeaderValue)> = headers.iter().collect();
    said.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in said {
        part(name.as_str().as_bytes());
        part(value.as_bytes());
    }
    part(body);
    let hash = hash.finalize();
    let hex = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
    hex.fold(String::from("\""), |text, byte| text + &byte) + "\""
}

/// Whether the client has what this tag names (RFC 9110, section 13.1.2).
fn has_it(known: &HeaderMap, tag: Option<&HeaderValue>) -> bool {
    let Some(tag) = tag.and_then(|tag| tag.to_str().ok()) else {
        return false;
    };
    let lists = known.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    tags.any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}
