//! The entries of a commit: state, its ends, vectors, each with its whole new value. So they may be written
//! again, in the same order, whatever of them was written before.

use sled::{Batch, Tree};
use tailrace_core::{
    delta::{Delta, StateValue},
    failpoint::{self, Point},
    ports::store::{Applied, StoreError, Weight},
};

use crate::{
    keys,
    value::{failed, open, seal, seal_bytes, vector_bytes},
    weight,
};

/// So many are written one by one: below it a batch holds its lock for some ten microseconds only. Debug
/// builds go this way nearly always, so that their crashes find what is wrong with it.
const MANY: usize = if cfg!(debug_assertions) { 4 } else { 64 };

/// What a commit writes.
pub(crate) struct Entries {
    /// In this order: the index of an entry's end is changed before the entry, so that an entry which is
    /// there has its end there, and none that was there before.
    writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Weight of the tree with them.
    pub(crate) weight: Weight,
    /// Whether any entry of the tree ends, with them.
    pub(crate) expires: bool,
}

impl Entries {
    /// Those of a delta, for a tree that weighs so much, some of whose entries end or none.
    pub(crate) fn of(tree: &Tree, delta: &Delta, weight: Weight, expires: bool) -> Result<Self, StoreError> {
        let mut entries = Self {
            writes: Vec::new(),
            weight,
            expires,
        };
        for (step, writes) in &delta.state {
            for (key, value) in writes {
                entries.add_state(tree, step, key, value.as_ref())?;
            }
        }
        for (collection, writes) in &delta.vectors {
            for (id, vector) in writes {
                let place = keys::vector(collection, id);
                let after = vector.as_ref().map(|vector| seal_bytes(&vector_bytes(vector)));
                let before = tree.get(&place).map_err(|cause| failed(&cause))?;
                entries.replace(place, before.as_deref(), after);
            }
        }
        Ok(entries)
    }

    fn add_state(
        &mut self,
        tree: &Tree,
        step: &str,
        key: &str,
        value: Option<&StateValue>,
    ) -> Result<(), StoreError> {
        let place = keys::state(step, key);
        let before = tree.get(&place).map_err(|cause| failed(&cause))?;
        if self.expires
            && let Some(sealed) = &before
            && let Some(end_ms) = open::<StateValue>(sealed)?.expires_ms
        {
            self.writes.push((keys::expiry(end_ms, step, key), None));
        }
        if let Some(end_ms) = value.and_then(|value| value.expires_ms) {
            let index = keys::expiry(end_ms, step, key);
            self.writes.push((index, Some(Vec::new())));
            self.expires = true;
        }
        self.replace(place, before.as_deref(), value.map(seal));
        Ok(())
    }

    fn replace(&mut self, place: Vec<u8>, before: Option<&[u8]>, after: Option<Vec<u8>>) {
        weight::replace(&mut self.weight, &place, before, after.as_deref());
        self.writes.push((place, after));
    }

    /// Whether they are to be written one by one.
    pub(crate) fn are_many(&self) -> bool {
        self.writes.len() >= MANY
    }

    /// Writes them one by one, behind a mark of their commit.
    pub(crate) fn write(&mut self, tree: &Tree, applied: Applied) -> Result<(), StoreError> {
        let failed = |cause: sled::Error| failed(&cause);
        tree.insert(keys::BEGUN, seal(&applied)).map_err(failed)?;
        let half = self.writes.len() / 2;
        for (index, (place, value)) in self.writes.drain(..).enumerate() {
            match value {
                Some(value) => tree.insert(place, value).map_err(failed)?,
                None => tree.remove(place).map_err(failed)?,
            };
            if index == half {
                failpoint::pass(Point::CommitHalfApplied);
            }
        }
        Ok(())
    }

    /// Puts what is not written yet into a batch.
    pub(crate) fn put_into(&mut self, batch: &mut Batch) {
        for (place, value) in self.writes.drain(..) {
            match value {
                Some(value) => batch.insert(place, value),
                None => batch.remove(place),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tailrace_core::{
        ports::store::Image as _,
        spec::{PipelineSpec, parse::parse},
    };
    use tailrace_sketch::{TenantSeed, Update};

    use super::*;
    use crate::{divided::parts::Shelf, image::SledImage};

    fn spec() -> PipelineSpec {
        let text = r#"{"name":"p","input":{"subjects":["a"]},"steps":[{"name":"s","plugin":"v@1.0.0"}],
            "sketches":{"q":{"kind":"quantiles"}}}"#;
        parse(text.as_bytes()).unwrap()
    }

    fn image(tree: &Tree) -> SledImage {
        let image = SledImage::open(
            tree.clone(),
            &spec(),
            TenantSeed::new(1, 2),
            Arc::new(Shelf::default()),
        );
        let image = image.unwrap();
        image.declare(&spec(), TenantSeed::new(1, 2));
        image
    }

    fn applied(commit: u64) -> Applied {
        Applied {
            commit,
            sequence: commit * 10,
        }
    }

    /// Entries that end and entries that do not, some of them the last commit's, some gone; vectors; a sketch.
    fn delta(commit: u64) -> Delta {
        let mut delta = Delta::default();
        let step = delta.state.entry("s".to_owned()).or_default();
        for key in 0..64 {
            let value = StateValue {
                value: format!("{commit} {key}").into(),
                expires_ms: (!(key + commit).is_multiple_of(3)).then_some(1_000 * commit + key),
            };
            let is_there = !(key * commit).is_multiple_of(5);
            step.insert(format!("{}", key + commit * 7), is_there.then_some(value));
        }
        let vectors = delta.vectors.entry("v".to_owned()).or_default();
        vectors.insert("x".to_owned(), (commit == 1).then(|| vec![1.0, 2.0]));
        vectors.insert(commit.to_string(), Some(vec![commit as f32]));
        let updates = delta.sketches.entry("q".to_owned()).or_default();
        updates.push(Update::Observe(commit as f64));
        delta
    }

    fn content(tree: &Tree) -> Vec<(Vec<u8>, Vec<u8>)> {
        let entry = |entry: sled::Result<(sled::IVec, sled::IVec)>| {
            let (key, value) = entry.unwrap();
            (key.to_vec(), value.to_vec())
        };
        tree.iter().map(entry).collect()
    }

    #[test]
    fn a_commit_that_was_cut_off_anywhere_is_applied_again_as_if_it_had_not_been() {
        let database = sled::Config::new().temporary(true).open().unwrap();
        let undisturbed = database.open_tree("undisturbed").unwrap();
        let (first, second) = (delta(1), delta(2));
        let whole = image(&undisturbed);
        whole.apply(&first, applied(1)).unwrap();
        whole.apply(&second, applied(2)).unwrap();
        assert_eq!(whole.begun(), None);
        for cut in 0..=80 {
            let tree = database.open_tree(format!("cut {cut}")).unwrap();
            image(&tree).apply(&first, applied(1)).unwrap();
            let mut entries = Entries::of(&tree, &second, Weight::default(), true).unwrap();
            assert!(entries.are_many() && entries.writes.len() > 80);
            entries.writes.truncate(cut);
            entries.write(&tree, applied(2)).unwrap();

            let other = Applied {
                sequence: 21,
                ..applied(2)
            };
            let opened = image(&tree);
            assert_eq!(opened.applied().unwrap(), applied(1));
            assert_eq!(opened.begun(), Some(applied(2)));
            assert!(matches!(
                opened.apply(&second, other),
                Err(StoreError::Damaged(_))
            ));

            let opened = image(&tree);
            opened.apply(&second, applied(2)).unwrap();
            assert_eq!((opened.begun(), opened.weight()), (None, whole.weight()));
            assert!(
                content(&tree) == content(&undisturbed),
                "cut behind {cut} entries"
            );
        }
    }
}
