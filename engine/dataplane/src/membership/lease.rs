//! A lease, as it lies in the bucket under the engine's id.

use serde::{Deserialize, Serialize};
use tailrace_core::{membership::Unread, ports::registry::Entry};

/// Who runs as an engine. Fields that an engine before this one did not write are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    /// Random number of the process.
    pub(super) process: u64,
    /// Counts its renewals.
    pub(super) renewal: u64,
    /// The data folder that the process has locked.
    #[serde(default)]
    pub(super) folder: String,
    /// Pipelines that it cannot read, and that others are to run.
    #[serde(default, skip_serializing_if = "Unread::is_empty")]
    pub(super) unread: Unread,
}

impl Lease {
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a lease always serialises")
    }
}

/// What an entry says of the lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holding {
    /// Nobody holds it.
    Nobody,
    /// Somebody does.
    Somebody(Lease),
    /// Somebody does who writes it in another way.
    Unreadable,
}

/// Reads an entry.
pub(super) fn holding(entry: Option<&Entry>) -> Holding {
    match entry.and_then(|entry| entry.value.as_deref()) {
        None => Holding::Nobody,
        Some(value) => serde_json::from_slice(value).map_or(Holding::Unreadable, Holding::Somebody),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: &'static str) -> Entry {
        Entry {
            key: "a".to_owned(),
            value: Some(value.into()),
            revision: 1,
        }
    }

    #[test]
    fn a_lease_is_read_by_the_version_before_and_the_one_after() {
        let before = holding(Some(&entry(r#"{"process":7,"renewal":3}"#)));
        let lease = |folder: &str| Lease {
            process: 7,
            renewal: 3,
            folder: folder.to_owned(),
            unread: Unread::default(),
        };
        assert_eq!(before, Holding::Somebody(lease("")));
        let after = holding(Some(&entry(
            r#"{"process":7,"renewal":3,"folder":"f","since":1}"#,
        )));
        assert_eq!(after, Holding::Somebody(lease("f")));
        // What the version before reads.
        let written: serde_json::Value = serde_json::from_slice(&lease("f").to_json()).unwrap();
        assert_eq!((&written["process"], &written["renewal"]), (&7.into(), &3.into()));
        assert_eq!(holding(Some(&entry("?"))), Holding::Unreadable);
        assert_eq!(holding(None), Holding::Nobody);
    }
}
