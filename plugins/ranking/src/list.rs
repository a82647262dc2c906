//! The list as it is stored and handed on.

use serde::{Deserialize, Serialize};
use tailrace_sdk::schemars::JsonSchema;

use crate::item::Item;

/// A list for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "tailrace_sdk::schemars")]
pub enum Fallback {
    /// The items with the most positive events.
    Popular,
}

/// Candidates that may turn out to be unknown before a list is shorter than it should be: items with
/// a vector that never came by this step.
pub const SPARE: usize = 20;

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
    pub fn key(user: &str) -> String {
        format!("list/{user}")
    }

    /// The list of the best items whose ids are known.
    pub fn make<E>(
        user: &str,
        time: u64,
        best_first: &[(Item, f32)],
        length: usize,
        id_of: impl FnMut(Item) -> Result<Option<String>, E>,
    ) -> Result<Self, E> {
        Ok(Self {
            user: user.to_owned(),
            time,
            items: scored(best_first, length, id_of)?,
        })
    }
}

/// The list for users who have none of their own. It is nobody's, and says what it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FallbackList {
    /// What kind of list it is.
    pub fallback: Fallback,
    /// Event time at which it was made, milliseconds since the Unix epoch.
    pub time: u64,
    /// Best first.
    pub items: Vec<Scored>,
}

impl FallbackList {
    /// State key of the list; the config's schema says that it stands in for those of unknown users.
    pub const KEY: &str = "fallback/list";

    /// The list of the best items whose ids are known.
    pub fn make<E>(
        fallback: Fallback,
        time: u64,
        mut items: Vec<(Item, f32)>,
        length: usize,
        id_of: impl FnMut(Item) -> Result<Option<String>, E>,
    ) -> Result<Self, E> {
        items.sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        Ok(Self {
            fallback,
            time,
            items: scored(&items, length, id_of)?,
        })
    }
}

/// The best items by their ids. No more ids are asked for than the list takes.
fn scored<E>(
    best_first: &[(Item, f32)],
    length: usize,
    mut id_of: impl FnMut(Item) -> Result<Option<String>, E>,
) -> Result<Vec<Scored>, E> {
    let scored = best_first.iter().filter_map(|(item, score)| {
        let id = id_of(*item).transpose()?;
        Some(id.map(|id| Scored { id, score: *score }))
    });
    scored.take(length).collect()
}
