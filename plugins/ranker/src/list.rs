//! The list as it is stored and handed on.

use serde::{Deserialize, Serialize};
use tailrace_sdk::Host;

use crate::{config::Fallback, item::Item};

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
        Self {
            user: user.to_owned(),
            time,
            items: scored(host, best_first, length),
        }
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
    pub(crate) const KEY: &str = "fallback/list";

    pub(crate) fn make(
        host: &mut Host<'_>,
        fallback: Fallback,
        time: u64,
        mut items: Vec<(Item, f32)>,
        length: usize,
    ) -> Self {
        items.sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        Self {
            fallback,
            time,
            items: scored(host, &items, length),
        }
    }
}

/// The best items by their ids.
fn scored(host: &mut Host<'_>, best_first: &[(Item, f32)], length: usize) -> Vec<Scored> {
    let scored = best_first.iter().filter_map(|(item, score)| {
        let id = String::from_utf8(host.state().get(&item.id_key())?).ok()?;
        Some(Scored { id, score: *score })
    });
    scored.take(length).collect()
}
