//! Export and import of an image. An export reads the tree page by page, and commits go on between
//! two pages: before a commit overwrites what has not been exported yet, the old value is kept for
//! the export. So what comes out is the image at the moment it began, and no commit waits for more
//! than a page.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sled::Tree;
use tailrace_core::{
    delta::Delta,
    ports::store::{Applied, StoreError},
};

use crate::{
    image::{SledImage, any_expires},
    keys,
    sketches::Sketches,
    value::{damaged, failed, open, seal, seal_bytes},
    weight,
    writes::Writes,
};

/// Entries of a page: some milliseconds of work.
const PAGE: usize = 2_000;
/// Bytes of a page at which it is cut.
const PAGE_BYTES: usize = 256 * 1024;

/// What an export under way still has to see.
#[derive(Default)]
pub(crate) struct Export {
    /// Everything up to here is exported.
    cursor: Vec<u8>,
    /// Values as they were when it began, of keys behind the cursor that have changed since.
    kept: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Bases of divided sketches that were older on disk than in memory when it began.
    warm: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Export {
    /// Keeps the old values of what a commit is about to overwrite.
    pub(crate) fn keep_what_goes(
        &mut self,
        tree: &Tree,
        delta: &Delta,
        series: Vec<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let state = delta
            .state
            .iter()
            .flat_map(|(step, writes)| writes.keys().map(|key| keys::state(step, key)));
        let vectors = delta
            .vectors
            .iter()
            .flat_map(|(of, writes)| writes.keys().map(|id| keys::vector(of, id)));
        for key in state.chain(vectors).chain(series) {
            if key > self.cursor && !self.kept.contains_key(&key) {
                let before = tree.get(&key).map_err(|cause| failed(&cause))?;
                self.kept.insert(key, before.map(|value| value.to_vec()));
            }
        }
        Ok(())
    }
}

/// A chunk of an export.
#[derive(Serialize, Deserialize)]
enum Chunk {
    /// What the image had applied; comes first.
    Applied(Applied),
    /// State and vectors: pairs of key and sealed value.
    Content(Vec<(Vec<u8>, Vec<u8>)>),
    /// A sketch, encoded.
    Sketch(String, Vec<u8>),
    /// The end: a file that is cut has none.
    End,
}

/// Writes the image as it is now.
pub(crate) fn export(
    image: &SledImage,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<Applied, StoreError> {
    let (applied, sketches) = begin(image);
    let written = write(image, applied, sketches, sink);
    image.writing().export = None;
    written.map(|()| applied)
}

fn begin(image: &SledImage) -> (Applied, Vec<(String, Vec<u8>)>) {
    let mut writing = image.writing();
    writing.export = Some(Export {
        warm: writing.divided.warm_bases(),
        ..Export::default()
    });
    let sketches = writing
        .sketches
        .all()
        .map(|(name, sketch)| (name.clone(), sketch.encode()));
    (writing.applied, sketches.collect())
}

fn write(
    image: &SledImage,
    applied: Applied,
    sketches: Vec<(String, Vec<u8>)>,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    sink(&seal(&Chunk::Applied(applied)))?;
    while let Some(page) = next_page(image)? {
        sink(&seal(&Chunk::Content(page)))?;
    }
    for (name, encoded) in sketches {
        sink(&seal(&Chunk::Sketch(name, encoded)))?;
    }
    sink(&seal(&Chunk::End))
}

/// The next entries as they were when the export began; none at the end.
fn next_page(image: &SledImage) -> Result<Option<Vec<(Vec<u8>, Vec<u8>)>>, StoreError> {
    let mut writing = image.writing();
    let Some(export) = &mut writing.export else {
        return Err(damaged("the export was ended"));
    };
    let mut page = BTreeMap::new();
    let mut bytes = 0;
    let mut last = None;
    // Behind the cursor: a zero byte makes it the next possible key.
    let start = [export.cursor.as_slice(), &[0]].concat();
    image.handle.with(|tree| {
        for entry in tree.range(start..).take(PAGE) {
            let (key, value) = entry.map_err(|cause| failed(&cause))?;
            bytes += key.len() + value.len();
            last = Some(key.to_vec());
            if keys::is_exported(&key) {
                page.insert(key.to_vec(), value.to_vec());
            }
            if bytes > PAGE_BYTES {
                break;
            }
        }
        Ok(())
    })?;
    let at_end = last.is_none();
    let kept = match &last {
        Some(last) => {
            let later = export.kept.split_off([last.as_slice(), &[0]].concat().as_slice());
            std::mem::replace(&mut export.kept, later)
        }
        None => std::mem::take(&mut export.kept),
    };
    for (key, before) in kept {
        match before {
            Some(value) => drop(page.insert(key, value)),
            None => drop(page.remove(&key)),
        }
    }
    for (key, value) in &mut page {
        if let Some(newer) = export.warm.remove(key) {
            *value = newer;
        }
    }
    if at_end && page.is_empty() {
        return Ok(None);
    }
    export.cursor = last.unwrap_or_else(|| vec![u8::MAX]);
    Ok(Some(page.into_iter().collect()))
}

/// Replaces the image. Until the last entry is in, it says that nothing was applied; so a crash
/// before makes recovery begin again.
pub(crate) fn import(
    image: &SledImage,
    source: &mut dyn Iterator<Item = Vec<u8>>,
) -> Result<Applied, StoreError> {
    let mut writing = image.writing();
    let _changing = image.version.change();
    let (applied, sketches, expires, weight) = image.handle.with(|tree| {
        let applied = replace(tree, source)?;
        writing.divided.reload(tree, applied.commit)?;
        let weight = weight::weigh(tree)?;
        Ok((
            applied,
            Sketches::load(tree, applied.commit)?,
            any_expires(tree)?,
            weight,
        ))
    })?;
    writing.sketches.replace(sketches);
    writing.expires = expires;
    writing.weight = weight;
    writing.applied = applied;
    writing.begun = None;
    Ok(applied)
}

fn replace(tree: &Tree, source: &mut dyn Iterator<Item = Vec<u8>>) -> Result<Applied, StoreError> {
    tree.remove(keys::APPLIED).map_err(|cause| failed(&cause))?;
    tree.clear().map_err(|cause| failed(&cause))?;
    let mut applied = None;
    let mut ended = false;
    for chunk in source {
        match open(&chunk)? {
            Chunk::Applied(at) => applied = Some(at),
            Chunk::Content(entries) => insert(tree, entries)?,
            Chunk::Sketch(name, encoded) => {
                tree.insert(keys::sketch(&name), seal_bytes(&encoded))
                    .map_err(|cause| failed(&cause))?;
            }
            Chunk::End => ended = true,
        }
    }
    let applied = applied
        .filter(|_| ended)
        .ok_or_else(|| damaged("the snapshot is cut"))?;
    tree.insert(keys::APPLIED, seal(&applied))
        .map_err(|cause| failed(&cause))?;
    Ok(applied)
}

fn insert(tree: &Tree, entries: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), StoreError> {
    let mut writes = Writes::default();
    for (key, value) in entries {
        if let Some(index) = keys::expiry_of(&key, &value)? {
            writes.insert(index, Vec::new());
        }
        writes.insert(key, value);
    }
    writes.write(tree)
}
