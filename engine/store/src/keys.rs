//! Name spaces within a partition's tree. Every key begins with a tag, and every part but the last is
//! preceded by its length, so no text of a plugin can reach into another step or another name space.

use tailrace_core::series::Series;

/// What is known of the store itself.
pub(crate) const APPLIED: &[u8] = b"M";

/// The commit that was begun last.
pub(crate) const BEGUN: &[u8] = b"B";

/// What changes together with a commit, until it has.
pub(crate) const TOGETHER: &[u8] = b"T";

/// How much the store holds, and as of which commit.
pub(crate) const SIZE: &[u8] = b"W";

/// State: step and key.
const STATE: u8 = b'S';
/// Ends of state entries: time, step and key.
const EXPIRY: u8 = b'X';
/// Vectors: collection and id.
const VECTOR: u8 = b'V';
/// Bases of sketches: name.
const SKETCH: u8 = b'K';
/// Updates of sketches since their bases: commit number.
const UPDATES: u8 = b'L';
/// Bases of the series of windowed sketches: name and series.
const SERIES: u8 = b'D';
/// Their clocks: name.
const CLOCK: u8 = b'C';
/// Their updates since their bases: commit number.
const MEASURED: u8 = b'N';

fn scoped(tag: u8, scope: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(3 + scope.len() + 32);
    key.push(tag);
    key.extend_from_slice(&(scope.len() as u16).to_be_bytes());
    key.extend_from_slice(scope.as_bytes());
    key
}

/// Begins all keys of a step's state that begin with `prefix`.
pub(crate) fn state(step: &str, prefix: &str) -> Vec<u8> {
    let mut key = scoped(STATE, step);
    key.extend_from_slice(prefix.as_bytes());
    key
}

/// A vector; with an empty id, the beginning of all of the collection.
pub(crate) fn vector(collection: &str, id: &str) -> Vec<u8> {
    let mut key = scoped(VECTOR, collection);
    key.extend_from_slice(id.as_bytes());
    key
}

/// Where a key of content belongs: to state or to vectors, with the step or the collection, and the key or the id.
pub(crate) fn parse_content(key: &[u8]) -> Option<(ContentKind, &str, &str)> {
    let kind = match *key.first()? {
        STATE => ContentKind::State,
        VECTOR => ContentKind::Vector,
        _ => return None,
    };
    let (length, rest) = key.get(1..)?.split_first_chunk::<2>()?;
    let (scope, own) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((kind, str::from_utf8(scope).ok()?, str::from_utf8(own).ok()?))
}

/// A kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentKind {
    State,
    Vector,
}

/// The entry of the expiry index.
pub(crate) fn expiry(end_ms: u64, step: &str, key: &str) -> Vec<u8> {
    let mut index = vec![EXPIRY];
    index.extend_from_slice(&end_ms.to_be_bytes());
    index.extend_from_slice(&state(step, key)[1..]);
    index
}

/// All of the expiry index up to and with a time.
pub(crate) fn expiry_until(watermark_ms: u64) -> std::ops::Range<Vec<u8>> {
    let mut end = vec![EXPIRY];
    match watermark_ms.checked_add(1) {
        Some(next) => end.extend_from_slice(&next.to_be_bytes()),
        None => end = vec![EXPIRY + 1],
    }
    vec![EXPIRY]..end
}

/// Step and key of an entry of the expiry index.
pub(crate) fn parse_expiry(index: &[u8]) -> Option<(String, String)> {
    let (length, rest) = index.get(9..)?.split_first_chunk::<2>()?;
    let (step, key) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((text(step)?, text(key)?))
}

/// The base of a sketch.
pub(crate) fn sketch(name: &str) -> Vec<u8> {
    let mut key = vec![SKETCH];
    key.extend_from_slice(name.as_bytes());
    key
}

/// The beginning of all bases.
pub(crate) const SKETCHES: [u8; 1] = [SKETCH];

/// The updates of a commit.
pub(crate) fn updates(commit: u64) -> Vec<u8> {
    let mut key = vec![UPDATES];
    key.extend_from_slice(&commit.to_be_bytes());
    key
}

/// The beginning of all updates.
pub(crate) const ALL_UPDATES: [u8; 1] = [UPDATES];

/// What a key belongs to, for who has.
pub(crate) fn is_state(key: &[u8]) -> bool {
    key.first() == Some(&STATE)
}

/// The base of a series of a windowed sketch.
pub(crate) fn series(name: &str, series: &Series) -> Vec<u8> {
    let key = scoped(SERIES, name);
    postcard::to_extend(series, key).expect("values always serialise into memory")
}

/// Name and series of such a key.
pub(crate) fn parse_series(key: &[u8]) -> Option<(String, Series)> {
    let (length, rest) = key.get(1..)?.split_first_chunk::<2>()?;
    let (name, series) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((text(name)?, postcard::from_bytes(series).ok()?))
}

/// The beginning of all of them.
pub(crate) const ALL_SERIES: [u8; 1] = [SERIES];

/// The clock of a windowed sketch.
pub(crate) fn clock(name: &str) -> Vec<u8> {
    let mut key = vec![CLOCK];
    key.extend_from_slice(name.as_bytes());
    key
}

/// The beginning of all clocks.
pub(crate) const ALL_CLOCKS: [u8; 1] = [CLOCK];

/// The updates of a commit, of windowed sketches.
pub(crate) fn measured(commit: u64) -> Vec<u8> {
    let mut key = vec![MEASURED];
    key.extend_from_slice(&commit.to_be_bytes());
    key
}

/// The beginning of all updates of windowed sketches.
pub(crate) const ALL_MEASURED: [u8; 1] = [MEASURED];

/// The commit whose updates lie under a key.
pub(crate) fn commit_of(key: &[u8]) -> Option<u64> {
    let bytes = key.get(1..9)?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}

/// Whether an export takes a key over as it is: content, and the bases of windowed sketches.
pub(crate) fn is_exported(key: &[u8]) -> bool {
    is_content(key) || matches!(key.first(), Some(&SERIES | &CLOCK))
}

/// Whether a key's value is what commits wrote, and not our own way of keeping it.
pub(crate) fn is_content(key: &[u8]) -> bool {
    matches!(key.first(), Some(&STATE | &VECTOR))
}

/// What follows a known beginning, as text.
pub(crate) fn rest(key: &[u8], beginning: usize) -> Option<String> {
    text(key.get(beginning..)?)
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// The entry of the expiry index that belongs to a stored key and its sealed value, if any does.
pub(crate) fn expiry_of(
    key: &[u8],
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, tailrace_core::ports::store::StoreError> {
    if key.first() != Some(&STATE) {
        return Ok(None);
    }
    let value: tailrace_core::delta::StateValue = crate::value::open(sealed)?;
    Ok(value.expires_ms.map(|end_ms| {
        let mut index = vec![EXPIRY];
        index.extend_from_slice(&end_ms.to_be_bytes());
        index.extend_from_slice(&key[1..]);
        index
    }))
}
