//! Pages of what partitions keep, in the order of their keys: one answer made of the pages of all partitions.

use tailrace_core::identity::PipelineId;

use crate::{
    error::ControlResult,
    query::{
        Queries,
        local::What,
        queries::{StateEntry, entries},
    },
};

/// A page of entries.
#[derive(Debug)]
pub(crate) struct EntryPage {
    /// In the order of their keys.
    pub(crate) entries: Vec<StateEntry>,
    /// The key to go on behind, if there may be more.
    pub(crate) next: Option<String>,
}

/// Where in a step's entries a page begins.
#[derive(Debug, Clone)]
pub(crate) struct PageStart {
    pub(crate) step: String,
    pub(crate) prefix: String,
    pub(crate) after: Option<String>,
}

impl Queries {
    /// Entries of a step, at least `limit` of them if there are so many.
    pub(crate) async fn page(
        &self,
        id: &PipelineId,
        start: PageStart,
        limit: usize,
    ) -> ControlResult<EntryPage> {
        let PageStart { step, prefix, after } = start;
        let what = What::Scan {
            step,
            prefix,
            after,
            limit,
        };
        let mut entries = entries(self.ask(id, what).await?);
        entries.sort_by(|one, other| (&one.key, one.partition).cmp(&(&other.key, other.partition)));
        let next = cut(&mut entries, limit, |entry| &entry.key);
        Ok(EntryPage { entries, next })
    }
}

/// Cuts sorted things of several partitions down to a page; gives the key to go on behind, if there may be more. What
/// has the same key as the last one stays, for the next page begins behind that key.
pub(crate) fn cut<T>(sorted: &mut Vec<T>, limit: usize, key: impl Fn(&T) -> &String) -> Option<String> {
    let last = key(sorted.get(limit.checked_sub(1)?)?).clone();
    let end = sorted.partition_point(|thing| *key(thing) <= last);
    sorted.truncate(end);
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: &[&str], limit: usize) -> (Vec<String>, Option<String>) {
        let mut things: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let next = cut(&mut things, limit, |key| key);
        (things, next)
    }

    #[test]
    fn a_page_goes_on_behind_its_last_key_and_splits_none() {
        assert_eq!(page(&["a", "b"], 3), (vec!["a".into(), "b".into()], None));
        assert_eq!(page(&["a", "b"], 1), (vec!["a".into()], Some("a".into())));
        // Two partitions have the key.
        let (shown, next) = page(&["a", "b", "b", "c"], 2);
        assert_eq!((shown.len(), next.as_deref()), (3, Some("b")));
        assert_eq!(page(&[], 1), (vec![], None));
    }
}
