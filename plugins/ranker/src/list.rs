//! The list as it is stored and handed on.

use serde::{Deserialize, Serialize};
use tailrace_sdk::Host;

use crate::item::Item;

/// Candidates that may turn out to be unknown before a list is shorter than it should be: items with
/// a vector that never came by this step.
pub(crate) const SPARE: usize = 20;

/// A user's recommendations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct List {
    /// Whose they are.
    pub user: String,
    /// Event time at which they were made, milliseconds since the Unix epoch.
    pub time: u64,
    /// Best first.
    pub items: Vec<Scored>,
}

/// A recommended item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The item's id.
    pub id: String,
    /// The blended score, more is better; comparable within a list only.
    pub score: f32,
}

impl List {
    /// State key of a user's list.
    pub(crate) fn key(user: &str) -> String {
        format!("list/{user}")
    }

    pub(crate) fn make(
        host: &mut Host<'_>,
        user: &str,
        time: u64,
        best_first: &[(Item, f32)],
        length: usize,
    ) -> Self {
        let scored = best_first.iter().filter_map(|(item, score)| {
            let id = String::from_utf8(host.state().get(&item.id_key())?).ok()?;
            Some(Scored { id, score: *score })
        });
        let items = scored.take(length).collect();
        Self {
            user: user.to_owned(),
            time,
            items,
        }
    }
}
