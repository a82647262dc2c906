//! Bounds that several fields share.

use crate::manifest::{Extract, error::ManifestError};

/// Most partitions of a pipeline: each has a commit in flight, and the broker allows 50 a stream.
pub(super) const MAX_PARTITIONS: u32 = 48;

pub(super) fn check_extract(path: &str, place: &Extract) -> Result<(), ManifestError> {
    match place {
        Extract::Json(pointer) if !pointer.starts_with('/') || pointer.len() > 256 => {
            Err(ManifestError::new(
                format!("{path}.json"),
                format!("{pointer:?} is no JSON pointer; write /user or /order/id"),
            ))
        }
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
        _ => Ok(()),
    }
}

pub(super) fn within(path: &str, value: u64, least: u64, most: u64) -> Result<(), ManifestError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ManifestError::new(
        path,
        format!("{value} is outside {least} to {most}"),
    ))
}
