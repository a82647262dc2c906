//! The order to delete state: a message on the pipeline's redrive subject, which each partition takes once. What it
//! came to is state of the partition, under a step that no pipeline can name. So it is committed with the deletions,
//! and a partition that begins again goes on behind the last key that it looked at.
//!
//! Why: docs/decisions/0151-state-is-deleted-by-an-order-to-the-partitions.md

use serde::{Deserialize, Serialize};

use crate::life::Life;

/// Step under which partitions keep what orders came to; no step's name begins with a tilde.
pub const STEP: &str = "~deletions";
/// Orders whose outcome a partition keeps: the last ones.
pub const KEPT: usize = 16;
/// Longest key of state, and id of a vector: they are index keys in the local store.
pub const MAX_KEY_BYTES: usize = 1_024;
/// How the last token of an order's subject begins. Dead letters that are sent again have a number there.
const SUBJECT_TOKEN: &str = "state-";

/// Which entries go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Keys {
    /// The entry with this key.
    Key(String),
    /// Every entry whose key begins with this.
    Prefix(String),
}

/// What is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDeletion {
    /// The step whose state it is.
    pub step: String,
    /// Which entries.
    pub keys: Keys,
    /// The life of the pipeline that it was asked for.
    pub life: Life,
}

/// How far a partition has come with an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Entries that it has deleted.
    pub entries: u64,
    /// The last key that it has looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether that is all.
    pub done: bool,
}

/// The last token of the subject of an order of this id.
pub fn subject_token(id: u64) -> String {
    format!("{SUBJECT_TOKEN}{id:016x}")
}

/// Whether a message on the redrive subject is an order, by its subject.
pub fn is_order(subject: &str) -> bool {
    let token = subject.rsplit('.').next().unwrap_or_default();
    token.starts_with(SUBJECT_TOKEN)
}

/// The key under which a partition keeps what the order of this sequence came to.
pub fn key(sequence: u64) -> String {
    format!("{sequence:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_known_by_its_subject_and_a_letter_is_none() {
        assert!(is_order(&format!("tr.shop.p.redrive.{}", subject_token(7))));
        assert!(!is_order("tr.shop.p.redrive.7"));
        assert!(!is_order("tr.shop.p.redrive"));
        assert!(!is_order("tr.shop.state-p.redrive"));
    }

    #[test]
    fn outcomes_are_kept_in_the_order_of_their_sequences() {
        assert!(key(9) < key(10) && key(255) < key(256));
    }
}
