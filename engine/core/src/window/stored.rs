//! How windows lie in the state of a partition: the data plane writes them, and queries read them.
//!
//! A tumbling or hopping window has an entry for each group and step of time. A window of sessions has one for each
//! group. In front of each stands a checksum of the declaration, for parts of another are of no use.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    manifest::{Frame, WindowManifest},
    name::Name,
    window::Part,
};

/// What the steps begin with that are windows; no pipeline can name one like it.
const STEP: &str = "~window.";
/// Between the group and the beginning of a part.
const SEPARATOR: char = '\0';

/// The step under which a window lies.
pub fn step(window: &Name) -> String {
    format!("{STEP}{window}")
}

/// What makes parts what they are: the declaration, and the revision that it [began](crate::registry::Begun) with.
pub fn shape(window: &WindowManifest, begun: u64) -> u32 {
    let mut shape = serde_json::to_vec(&(&window.over, &window.by, &window.aggregate)).unwrap_or_default();
    if let Some(of) = &window.of {
        shape.extend(of.as_str().bytes());
    }
    if begun > 0 {
        shape.extend(begun.to_le_bytes());
    }
    crc32fast::hash(&shape)
}

/// The key of the part of a group that begins then.
pub fn part_key(group: &str, start_ms: u64) -> String {
    format!("{group}{SEPARATOR}{start_ms:016x}")
}

/// What the keys of a group's parts begin with.
pub fn group_prefix(group: &str) -> String {
    format!("{group}{SEPARATOR}")
}

/// The group of a part, and when it begins.
pub fn read_part_key(key: &str) -> Option<(&str, u64)> {
    let (group, start) = key.rsplit_once(SEPARATOR)?;
    Some((group, u64::from_str_radix(start, 16).ok()?))
}

/// The bytes of an entry.
pub fn encode<T: Serialize>(shape: u32, held: &T) -> Vec<u8> {
    postcard::to_stdvec(&(shape, held)).expect("it always serialises into memory")
}

/// What made an entry's parts what they are.
pub fn shape_of(bytes: &[u8]) -> Option<u32> {
    postcard::take_from_bytes(bytes).ok().map(|(shape, _)| shape)
}

/// What is held; none for what is of another shape.
pub fn decode<T: DeserializeOwned>(shape: u32, bytes: &[u8]) -> Result<Option<T>, postcard::Error> {
    let (own, rest): (u32, &[u8]) = postcard::take_from_bytes(bytes)?;
    if own != shape {
        return Ok(None);
    }
    postcard::from_bytes(rest).map(Some)
}

/// The open sessions of a group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sessions {
    /// When they wake up.
    pub wakes_ms: Option<u64>,
    /// In no order.
    pub open: Vec<Session>,
}

/// An open session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The time of its earliest event.
    pub first_ms: u64,
    /// The time of its latest event.
    pub last_ms: u64,
    /// What it has of its events.
    pub part: Part,
}

/// What is open of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// The group, as JSON.
    pub group: String,
    /// From when on, in milliseconds.
    pub start_ms: u64,
    /// Up to when, as far as is known.
    pub end_ms: u64,
    /// What it has of its events.
    pub part: Part,
}

/// What an entry holds that is open; nothing for one of another shape.
pub fn open(
    (window, begun): (&WindowManifest, u64),
    key: &str,
    bytes: &[u8],
) -> Result<Vec<Open>, postcard::Error> {
    let shape = shape(window, begun);
    Ok(match window.over.frame() {
        Some(Frame::Fixed { every_ms, .. }) => {
            let part = decode(shape, bytes)?.zip(read_part_key(key));
            let open = part.map(|(part, (group, start_ms))| Open {
                group: group.to_owned(),
                start_ms,
                end_ms: start_ms + every_ms,
                part,
            });
            open.into_iter().collect()
        }
        Some(Frame::Session { gap_ms, .. }) => {
            let sessions: Sessions = decode(shape, bytes)?.unwrap_or_default();
            let open = sessions.open.into_iter().map(|session| Open {
                group: key.to_owned(),
                start_ms: session.first_ms,
                end_ms: session.last_ms.saturating_add(gap_ms),
                part: session.part,
            });
            open.collect()
        }
        None => Vec::new(),
    })
}
