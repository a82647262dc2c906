//! Export and import of a store. An export reads the tree page by page, and commits go on between
//! two pages: before a commit overwrites what has not been exported yet, the old value is kept for
//! the export. So what comes out is the store at the moment it began, and no commit waits for more
//! than a page.
//!
//! Why: docs/decisions/0045-exports-copy-on-write.md

use std::{collections::BTreeMap, sync::Mutex};

use serde::{Deserialize, Serialize};
use tailrace_core::ports::store::{Applied, Exported, StoreError};

use crate::{
    followed::FollowedTree,
    handle::Handle,
    keys, size,
    sketches::Sketches,
    value::{damaged, failed, open, open_vector, seal, seal_bytes},
    version::Version,
    writes::Writes,
    writing::{Export, Writing, any_expires, lock},
};

/// Entries of a page: some milliseconds of work.
const PAGE: usize = 2_000;
/// Bytes of a page at which it is cut.
const PAGE_BYTES: usize = 256 * 1024;

/// A chunk of an export.
#[derive(Serialize, Deserialize)]
enum Chunk {
    /// What the store had applied; comes first.
    Applied(Applied),
    /// State and vectors: pairs of key and sealed value.
    Content(Vec<(Vec<u8>, Vec<u8>)>),
    /// A sketch, encoded.
    Sketch(String, Vec<u8>),
    /// The end: a file that is cut has none.
    End,
}

/// Writes the store as it is now.
pub(crate) fn export(
    handle: &Handle,
    writing: &Mutex<Writing>,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<Applied, StoreError> {
    let (applied, sketches) = begin(writing);
    let written = write(handle, writing, applied, sketches, sink);
    lock(writing).export = None;
    written.map(|()| applied)
}

fn begin(writing: &Mutex<Writing>) -> (Applied, Vec<(String, Vec<u8>)>) {
    let mut writing = lock(writing);
    writing.export = Some(Export {
        warm: writing.windowed.warm_bases(),
        ..Export::default()
    });
    let sketches = writing
        .sketches
        .all()
        .map(|(name, sketch)| (name.clone(), sketch.encode()));
    (writing.applied, sketches.collect())
}

fn write(
    handle: &Handle,
    writing: &Mutex<Writing>,
    applied: Applied,
    sketches: Vec<(String, Vec<u8>)>,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    sink(&seal(&Chunk::Applied(applied)))?;
    while let Some(page) = next_page(handle, writing)? {
        sink(&seal(&Chunk::Content(page)))?;
    }
    for (name, encoded) in sketches {
        sink(&seal(&Chunk::Sketch(name, encoded)))?;
    }
    sink(&seal(&Chunk::End))
}

/// The next entries as they were when the export began; none at the end.
fn next_page(
    handle: &Handle,
    writing: &Mutex<Writing>,
) -> Result<Option<Vec<(Vec<u8>, Vec<u8>)>>, StoreError> {
    let mut writing = lock(writing);
    let Some(export) = &mut writing.export else {
        return Err(damaged("the export was ended"));
    };
    let mut page = BTreeMap::new();
    let mut bytes = 0;
    let mut last = None;
    // Behind the cursor: a zero byte makes it the next possible key.
    let start = [export.cursor.as_slice(), &[0]].concat();
    handle.with(|tree| {
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

/// Tells what an export holds.
pub(crate) fn read(
    source: &mut dyn Iterator<Item = Vec<u8>>,
    each: &mut dyn FnMut(Exported<'_>),
) -> Result<Applied, StoreError> {
    let (mut applied, mut ended) = (None, false);
    for chunk in source {
        match open(&chunk)? {
            Chunk::Applied(at) => applied = Some(at),
            Chunk::Content(entries) => {
                for (key, sealed) in &entries {
                    tell(key, sealed, each)?;
                }
            }
            Chunk::Sketch(..) => {}
            Chunk::End => ended = true,
        }
    }
    applied
        .filter(|_| ended)
        .ok_or_else(|| damaged("the snapshot is cut"))
}

fn tell(key: &[u8], sealed: &[u8], each: &mut dyn FnMut(Exported<'_>)) -> Result<(), StoreError> {
    match keys::parse_content(key) {
        Some((keys::ContentKind::State, step, key)) => {
            let value = open(sealed)?;
            each(Exported::State { step, key, value });
        }
        Some((keys::ContentKind::Vector, collection, id)) => {
            let vector = open_vector(sealed)?;
            each(Exported::Vector {
                collection,
                id,
                vector,
            });
        }
        None => {}
    }
    Ok(())
}

/// Replaces the store. Until the last entry is in, it says that nothing was applied; so a crash
/// before makes recovery begin again.
pub(crate) fn import(
    handle: &Handle,
    writing: &Mutex<Writing>,
    version: &Version,
    source: &mut dyn Iterator<Item = Vec<u8>>,
) -> Result<Applied, StoreError> {
    let mut writing = lock(writing);
    let _changing = version.change();
    let (applied, sketches, expires, size) = handle.change(|tree| {
        let applied = replace(tree, source)?;
        writing.windowed.reload(tree, applied.commit)?;
        let size = size::measure(tree)?;
        Ok((
            applied,
            Sketches::load(tree, applied.commit)?,
            any_expires(tree)?,
            size,
        ))
    })?;
    writing.sketches.replace(sketches);
    writing.expires = expires;
    writing.size = size;
    writing.applied = applied;
    writing.begun = None;
    Ok(applied)
}

fn replace(tree: &FollowedTree, source: &mut dyn Iterator<Item = Vec<u8>>) -> Result<Applied, StoreError> {
    tree.remove(keys::APPLIED.to_vec())?;
    tree.clear()?;
    let mut applied = None;
    let mut ended = false;
    for chunk in source {
        match open(&chunk)? {
            Chunk::Applied(at) => applied = Some(at),
            Chunk::Content(entries) => insert(tree, entries)?,
            Chunk::Sketch(name, encoded) => {
                tree.insert(keys::sketch(&name), seal_bytes(&encoded))?;
            }
            Chunk::End => ended = true,
        }
    }
    let applied = applied
        .filter(|_| ended)
        .ok_or_else(|| damaged("the snapshot is cut"))?;
    tree.insert(keys::APPLIED.to_vec(), seal(&applied))?;
    Ok(applied)
}

fn insert(tree: &FollowedTree, entries: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), StoreError> {
    let mut writes = Writes::default();
    for (key, value) in entries {
        if let Some(index) = keys::expiry_of(&key, &value)? {
            writes.insert(index, Vec::new());
        }
        writes.insert(key, value);
    }
    writes.write(tree)
}
