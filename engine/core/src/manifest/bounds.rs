//! Bounds that several fields share.

use std::fmt::Display;

use crate::{
    headers::is_header_name,
    manifest::{Extract, MAX_ATTRIBUTE_BYTES, error::ManifestError, is_attribute_name, is_pointer},
    units::{Bytes, Span},
};

/// Most partitions of a pipeline: each has a commit in flight, and the broker allows 50 a stream.
pub const MAX_PARTITIONS: u32 = 48;

/// Most places that stand for one.
const MAX_PLACES: u64 = 4;

pub(super) fn check_extract(path: &str, place: &Extract) -> Result<(), ManifestError> {
    match place {
        Extract::Json(pointer) if !is_pointer(pointer) || pointer.len() > 256 => Err(ManifestError::new(
            format!("{path}.json"),
            format!(
                "{pointer:?} is no JSON pointer; write /user or /order/id, with ~1 for / and ~0 for ~ in a name"
            ),
        )),
        Extract::SubjectToken(0) => Err(ManifestError::new(
            format!("{path}.subject-token"),
            "subject tokens are counted from 1",
        )),
        Extract::Header(name) if name.is_empty() || name.to_ascii_lowercase().starts_with("nats-") => {
            Err(ManifestError::new(
                format!("{path}.header"),
                "name a header of your own; Nats-… are the broker's",
            ))
        }
        Extract::Header(name) if !is_header_name(name) => Err(ManifestError::new(
            format!("{path}.header"),
            format!("{name:?} is no name of a header: it has visible ASCII characters without a colon"),
        )),
        Extract::Cloudevent(name) if !is_attribute_name(name) => Err(ManifestError::new(
            format!("{path}.cloudevent"),
            format!(
                "{name:?} is no attribute; its name has 1 to {MAX_ATTRIBUTE_BYTES} letters a to z and digits, and is not `data`"
            ),
        )),
        Extract::FirstOf(places) => check_places(&format!("{path}.first-of"), places),
        _ => Ok(()),
    }
}

fn check_places(path: &str, places: &[Extract]) -> Result<(), ManifestError> {
    within(path, places.len() as u64, 2, MAX_PLACES)?;
    for (index, place) in places.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if matches!(place, Extract::FirstOf(_)) {
            return Err(ManifestError::new(path, "put its places into the list around it"));
        }
        check_extract(&path, place)?;
    }
    Ok(())
}

/// A text that becomes the value of an attribute.
pub(super) fn check_text(path: &str, text: &str, most: usize) -> Result<(), ManifestError> {
    if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        let hint = format!("it has 1 to {most} bytes and no control characters");
        return Err(ManifestError::new(path, hint));
    }
    Ok(())
}

pub(super) fn within(path: &str, value: u64, least: u64, most: u64) -> Result<(), ManifestError> {
    bounded(path, value, (least, most), |value| value)
}

/// The same for milliseconds, told as durations are written.
pub(super) fn within_time(path: &str, value: u64, least: u64, most: u64) -> Result<(), ManifestError> {
    bounded(path, value, (least, most), Span::from_millis)
}

/// The same for bytes, told as sizes are written.
pub(super) fn within_bytes(path: &str, value: u64, least: u64, most: u64) -> Result<(), ManifestError> {
    bounded(path, value, (least, most), Bytes)
}

fn bounded<T: Display>(
    path: &str,
    value: u64,
    (least, most): (u64, u64),
    shown: impl Fn(u64) -> T,
) -> Result<(), ManifestError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let [value, least, most] = [value, least, most].map(shown);
    Err(ManifestError::new(
        path,
        format!("{value} is outside {least} to {most}"),
    ))
}

/// Whether a name may be that of a stream.
pub(super) fn check_stream(path: &str, stream: Option<&str>) -> Result<(), ManifestError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_name = |stream: &str| (1..=128).contains(&stream.len()) && stream.chars().all(plain);
    if stream.is_none_or(is_name) {
        return Ok(());
    }
    let hint = "a stream's name has 1 to 128 letters, digits, - and _";
    Err(ManifestError::new(path, hint))
}
