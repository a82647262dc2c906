//! Functions that were compiled before, on disk. A plugin in Python or JavaScript brings its interpreter along: tens of
//! thousands of functions, the same in each plugin and after each change of it. So only the first of them costs what it
//! costs.
//!
//! It is a cache of one's own machine, beside [`crate::artefacts`]: a folder that only its user can enter, because what
//! lies there is run. A file that is damaged is deleted.
//!
//! Why: docs/decisions/0215-functions-of-an-interpreter-are-compiled-once.md

use std::{
    borrow::Cow,
    collections::HashMap,
    fs::File,
    io::Write as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};
use wasmtime::CacheStore;

use crate::engine;

/// The smallest component that may bring an interpreter. A smaller one is compiled faster than the cache is read.
const LEAST_COMPONENT_BYTES: usize = 4 << 20;
/// The fewest bytes of new functions that are worth a file. What only a plugin's own code brings is less.
const LEAST_NEW_BYTES: usize = 1 << 20;
/// Most files: one or two for each language.
const MOST_FILES: usize = 4;
/// Length of a key, and of the checksum before a file's entries.
const KEY_BYTES: usize = 32;
const ENDING: &str = "functions";

/// The folder of them.
pub(crate) struct Functions(PathBuf);

impl Functions {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Whether a component is one for which this is worth while.
    pub(crate) fn are_worth(component: &[u8]) -> bool {
        component.len() >= LEAST_COMPONENT_BYTES
    }

    /// Compiles a component, as [`wasmtime::Engine::precompile_component`] does. Where others do the same at this moment,
    /// one begins and the others wait: they find its functions, and each of them uses all cores.
    pub(crate) fn compile(&self, component: &[u8]) -> wasmtime::Result<Vec<u8>> {
        // Without the lock, or without the folder, all is compiled anew.
        let _alone = self.lock();
        let store = Arc::new(Store::read(&self.0));
        let artefact = engine::compiler_with(store.clone())?.precompile_component(component)?;
        if let Err(cause) = store.keep(&self.0) {
            tracing::warn!(folder = %self.0.display(), %cause, "compiled functions cannot be kept");
        }
        Ok(artefact)
    }

    fn lock(&self) -> std::io::Result<File> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        let lock = File::create(self.0.join("lock"))?;
        lock.lock()?;
        Ok(lock)
    }
}

/// What one compilation finds, and what it adds.
#[derive(Debug)]
struct Store {
    files: Vec<Known>,
    /// Of each key, the file and the place there.
    places: HashMap<[u8; KEY_BYTES], (usize, std::ops::Range<usize>)>,
    added: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
}

/// A file that was read.
#[derive(Debug)]
struct Known {
    path: PathBuf,
    bytes: Vec<u8>,
    was_of_use: AtomicBool,
}

impl Store {
    fn read(folder: &Path) -> Self {
        let mut store = Self {
            files: Vec::new(),
            places: HashMap::new(),
            added: Mutex::default(),
        };
        for path in newest_first(folder) {
            match read_sound(&path) {
                Some(bytes) => store.take(path, bytes),
                None => drop(std::fs::remove_file(&path)),
            }
        }
        store
    }

    fn take(&mut self, path: PathBuf, bytes: Vec<u8>) {
        let number = self.files.len();
        let mut at = KEY_BYTES;
        while let Some((key, length)) = entry(&bytes[at..]) {
            let begin = at + KEY_BYTES + size_of::<u32>();
            at = begin + length;
            self.places.insert(key, (number, begin..at));
        }
        self.files.push(Known {
            path,
            bytes,
            was_of_use: AtomicBool::new(false),
        });
    }

    /// Writes what is new, and deletes the files that were of no use for longest.
    fn keep(&self, folder: &Path) -> std::io::Result<()> {
        let is_of_use = |file: &&Known| file.was_of_use.load(Ordering::Relaxed);
        for file in self.files.iter().filter(is_of_use) {
            let known = File::options().append(true).open(&file.path)?;
            known.set_modified(now(folder)?)?;
        }
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = added.iter().map(|(_, function)| function.len()).sum();
        if bytes >= LEAST_NEW_BYTES {
            write(folder, &added)?;
        }
        for old in newest_first(folder).into_iter().skip(MOST_FILES) {
            std::fs::remove_file(old)?;
        }
        Ok(())
    }
}

impl CacheStore for Store {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let key: [u8; KEY_BYTES] = key.try_into().ok()?;
        let (number, place) = self.places.get(&key)?;
        let file = &self.files[*number];
        file.was_of_use.store(true, Ordering::Relaxed);
        Some(Cow::Borrowed(&file.bytes[place.clone()]))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        added.push((key.to_owned(), value));
        true
    }
}

/// The key and the length of the function that bytes begin with.
fn entry(bytes: &[u8]) -> Option<([u8; KEY_BYTES], usize)> {
    let (key, rest) = bytes.split_first_chunk::<KEY_BYTES>()?;
    let (length, rest) = rest.split_first_chunk::<{ size_of::<u32>() }>()?;
    let length = u32::from_le_bytes(*length) as usize;
    (length <= rest.len()).then_some((*key, length))
}

/// The file system's time, with which those of files are compared.
fn now(folder: &Path) -> std::io::Result<SystemTime> {
    let file = folder.join("now");
    std::fs::write(&file, "now")?;
    std::fs::metadata(&file)?.modified()
}

fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
        .map(|path| {
            let changed = std::fs::metadata(&path).and_then(|file| file.modified());
            (changed.unwrap_or(SystemTime::UNIX_EPOCH), path)
        })
        .collect();
    files.sort_unstable_by(|left, right| right.cmp(left));
    files.into_iter().map(|(_, path)| path).collect()
}

/// A file whose checksum is right.
fn read_sound(path: &Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path).ok()?;
    let (checksum, entries) = bytes.split_first_chunk::<KEY_BYTES>()?;
    (Sha256::digest(entries)[..] == checksum[..]).then_some(bytes)
}

fn write(folder: &Path, functions: &[(Vec<u8>, Vec<u8>)]) -> std::io::Result<()> {
    let mut entries = Vec::new();
    for (key, function) in functions {
        let Ok(length) = u32::try_from(function.len()) else {
            continue;
        };
        entries.extend_from_slice(key);
        entries.extend_from_slice(&length.to_le_bytes());
        entries.extend_from_slice(function);
    }
    let checksum = Sha256::digest(&entries);
    let name = tailrace_core::identity::Digest::of(&entries);
    let half = folder.join(format!("{name}.tmp"));
    let mut file = File::create(&half)?;
    file.write_all(&checksum)?;
    file.write_all(&entries)?;
    std::fs::rename(half, folder.join(format!("{name}.{ENDING}")))
}
