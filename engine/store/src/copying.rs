//! A copy of a tenant's database that is being made: its trees in pairs, each with the follower that keeps the
//! copy up to date.
//!
//! Why: docs/decisions/0078-a-database-is-copied-to-give-disk-back.md

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use sled::{IVec, Tree};
use tailrace_core::ports::store::StoreError;

use crate::{followed::Follower, opened::Opened, opening::guarded, value::failed};

/// Entries of a page: some milliseconds of work.
const PAGE: usize = 500;
/// Bytes of a page at which it is cut.
const PAGE_BYTES: usize = 256 * 1024;

/// Why a copy is not made to its end.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The engine stops.
    Stopped,
    /// Something happened to the database: it is not what the copy began with.
    Overtaken,
    /// It failed; the database is as it was.
    Failed(StoreError),
}

impl From<StoreError> for Halt {
    fn from(cause: StoreError) -> Self {
        Self::Failed(cause)
    }
}

/// The copy.
pub(crate) struct Copying {
    pairs: Mutex<BTreeMap<IVec, Arc<Pair>>>,
    pub(crate) opened: Arc<Opened>,
    is_over: AtomicBool,
    has_failed: Arc<AtomicBool>,
}

/// A tree and its copy.
pub(crate) struct Pair {
    pub(crate) tree: Tree,
    pub(crate) copy: Tree,
    pub(crate) follower: Arc<Follower>,
}

/// Entries of a tree that follow each other.
pub(crate) type Page = Vec<(IVec, IVec)>;

impl Copying {
    /// Into an empty database.
    pub(crate) fn new(opened: Opened) -> Self {
        Self {
            pairs: Mutex::default(),
            opened: Arc::new(opened),
            is_over: AtomicBool::new(false),
            has_failed: Arc::new(AtomicBool::new(false)),
        }
    }

    /// A tree that is to be copied.
    pub(crate) fn add(&self, tree: Tree) -> Result<(), StoreError> {
        self.pair(tree, |_| Follower::waiting(self.has_failed.clone()))
            .map(drop)
    }

    /// What follows the writes of a tree that is known.
    pub(crate) fn known(&self, name: &IVec) -> Option<Arc<Follower>> {
        self.lock().get(name).map(|pair| pair.follower.clone())
    }

    /// The same of any tree; one that is not known was made since the copy began, and is empty.
    pub(crate) fn follower(&self, tree: Tree) -> Result<Arc<Follower>, StoreError> {
        if let Some(follower) = self.known(&tree.name()) {
            return Ok(follower);
        }
        let pair = self.pair(tree, |copy| Follower::writing(copy, self.has_failed.clone()))?;
        Ok(pair.follower.clone())
    }

    fn pair(&self, tree: Tree, follower: impl FnOnce(Tree) -> Follower) -> Result<Arc<Pair>, StoreError> {
        let name = tree.name();
        let copy = guarded(|| self.opened.database.open_tree(&name))?;
        let pair = Arc::new(Pair {
            follower: Arc::new(follower(copy.clone())),
            tree,
            copy,
        });
        self.lock().insert(name, pair.clone());
        Ok(pair)
    }

    /// All trees.
    pub(crate) fn pairs(&self) -> Vec<Arc<Pair>> {
        self.lock().values().cloned().collect()
    }

    /// Gives the copy up: nothing follows any more, and its trees are let go of.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        for pair in std::mem::take(&mut *self.lock()).into_values() {
            pair.follower.end();
        }
    }

    /// A write to the copy failed: it gets no more.
    pub(crate) fn fail(&self) {
        self.has_failed.store(true, Ordering::SeqCst);
    }

    /// Whether the copy can still become what the database is.
    pub(crate) fn check(&self) -> Result<(), Halt> {
        if self.is_over.load(Ordering::SeqCst) {
            return Err(Halt::Overtaken);
        }
        if self.has_failed.load(Ordering::SeqCst) {
            let cause = "the copy could not take what was committed meanwhile";
            return Err(StoreError::Io(cause.to_owned()).into());
        }
        Ok(())
    }

    /// Copies what changed since it was copied, in trees where that is more than so many keys. Gives how many
    /// there were.
    pub(crate) fn catch_up(&self, above: usize) -> Result<usize, StoreError> {
        let mut changed = 0;
        for pair in self.pairs() {
            let noted = pair.follower.noted();
            if noted > above {
                changed += noted;
                pair.catch_up()?;
            }
        }
        Ok(changed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IVec, Arc<Pair>>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pair {
    /// Copies what changed since it was copied.
    pub(crate) fn catch_up(&self) -> Result<(), StoreError> {
        for key in self.follower.take_noted() {
            let written = match self.tree.get(&key).map_err(|cause| failed(&cause))? {
                Some(value) => self.copy.insert(key, value),
                None => self.copy.remove(key),
            };
            written.map_err(|cause| failed(&cause))?;
        }
        Ok(())
    }

    /// Copies a page.
    pub(crate) fn take(&self, page: Page) -> Result<(), StoreError> {
        for (key, value) in page {
            self.copy.insert(key, value).map_err(|cause| failed(&cause))?;
        }
        Ok(())
    }
}

/// The next entries of a tree, and moves the cursor behind them; empty at the end.
pub(crate) fn next_page(tree: &Tree, cursor: &mut Vec<u8>) -> Result<Page, StoreError> {
    let mut page = Page::new();
    let mut bytes = 0;
    for entry in tree.range(cursor.as_slice()..).take(PAGE) {
        let (key, value) = entry.map_err(|cause| failed(&cause))?;
        bytes += key.len() + value.len();
        page.push((key, value));
        if bytes > PAGE_BYTES {
            break;
        }
    }
    if let Some((last, _)) = page.last() {
        // The smallest key behind it.
        *cursor = [last, &[0][..]].concat();
    }
    Ok(page)
}
