//! The cache in front of queries. A whole answer is kept with the stamp of what it was made from
//! (`tailrace_core::control::stamp`) and is given again only while that is the stamp of the moment. So the commit
//! that changes an answer ends it, and there is no age that could be too long.
//!
//! It stands behind the check of who asks: a request that is not the tenant's gets no further than without a
//! cache. Its key is path and query as they were sent, which name the tenant.
//!
//! Every answer has an `ETag` made from its content, so that it is the same on every engine and after every
//! restart; who sends it back as `If-None-Match` is told 304 instead of what it has.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    body::{Body, Bytes, HttpBody as _, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest as _, Sha256};
use tailrace_core::control::stamp::Stamp;

use crate::{ApiState, access::Access, input::Place};

/// What all answers may weigh, unless somebody says otherwise: a thousand full pages of state.
const CAPACITY_BYTES: u64 = 32 << 20;
/// What an answer weighs besides its own bytes; so it bounds their number too, to 65,536.
const OVERHEAD_BYTES: u64 = 512;
/// Largest answer that is kept: none may push all others out.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Longest path and query that is a key: a state key of its largest size, percent-encoded, is within it.
const MAX_KEY_BYTES: usize = 4 << 10;

/// Answers to queries. Clones share them.
#[derive(Clone)]
pub struct Answers(Arc<Kept>);

struct Kept {
    entries: Cache<String, Entry, Weight>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Clone)]
struct Entry {
    stamp: Stamp,
    answer: Arc<Whole>,
}

/// An answer, whole.
struct Whole {
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Clone)]
struct Weight;

impl Weighter<String, Entry> for Weight {
    fn weight(&self, key: &String, entry: &Entry) -> u64 {
        (key.len() + entry.answer.body.len()) as u64 + OVERHEAD_BYTES
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Answers");
        shown.field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self::new(CAPACITY_BYTES)
    }
}

impl Answers {
    /// Room for so many bytes; 0 keeps nothing.
    pub fn new(capacity_bytes: u64) -> Self {
        let expected = (capacity_bytes / (OVERHEAD_BYTES * 2)) as usize;
        Self(Arc::new(Kept {
            entries: Cache::with_weighter(expected, capacity_bytes, Weight),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }))
    }

    /// What it may weigh unless somebody says otherwise.
    pub const fn default_capacity_bytes() -> u64 {
        CAPACITY_BYTES
    }

    /// Queries that were answered from it.
    pub fn hits(&self) -> u64 {
        self.0.hits.load(Ordering::Relaxed)
    }

    /// Queries that were not.
    pub fn misses(&self) -> u64 {
        self.0.misses.load(Ordering::Relaxed)
    }

    /// What it weighs.
    pub fn bytes(&self) -> u64 {
        self.0.entries.weight()
    }

    fn get(&self, asked: &str, stamp: &Stamp) -> Option<Arc<Whole>> {
        let entry = self.0.entries.get(asked)?;
        (entry.stamp == *stamp).then_some(entry.answer)
    }

    fn keep(&self, asked: String, stamp: Stamp, answer: Arc<Whole>) {
        if asked.len() <= MAX_KEY_BYTES {
            self.0.entries.insert(asked, Entry { stamp, answer });
        }
    }
}

/// Answers a query from what is kept, or lets it be answered and keeps that.
pub(crate) async fn remember(
    State(api): State<ApiState>,
    access: Access,
    place: Place,
    request: Request,
    next: Next,
) -> Response {
    let Ok(pipeline) = place.pipeline(&access) else {
        return next.run(request).await;
    };
    // What a HEAD answers has no body to keep.
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let answers = &api.options.answers;
    let known = request.headers().clone();
    let asked = request.uri().path_and_query().map_or("", |asked| asked.as_str());
    let asked = asked.to_owned();
    let before = api.control.stamp(&pipeline);
    if let Some(whole) = before.as_ref().and_then(|stamp| answers.get(&asked, stamp)) {
        answers.0.hits.fetch_add(1, Ordering::Relaxed);
        return whole.respond(&known);
    }
    answers.0.misses.fetch_add(1, Ordering::Relaxed);
    let answer = match Whole::of(next.run(request).await).await {
        Ok(whole) => Arc::new(whole),
        Err(answer) => return answer,
    };
    // Nothing has changed while it was made: it is the answer of that stamp.
    if let Some(stamp) = before.filter(|before| api.control.stamp(&pipeline).as_ref() == Some(before)) {
        answers.keep(asked, stamp, answer.clone());
    }
    answer.respond(&known)
}

impl Whole {
    /// An answer with its tag, or as it was where it is none that can be kept.
    async fn of(answer: Response) -> Result<Self, Response> {
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
        // Whoever stands in between must ask, and must not show it to others.
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        );
        Ok(Self { headers, body })
    }

    /// To a client that may have it already.
    fn respond(&self, known: &HeaderMap) -> Response {
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
