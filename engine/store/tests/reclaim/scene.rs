//! A store with small databases, and commits for it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tailrace_core::{
    delta::{Delta, StateValue},
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::{PipelineManifest, parse::parse},
    name::Name,
    ports::store::{Applied, LocalStore as _, PartitionStore, ReclaimStep},
};
use tailrace_sketch::{TenantSeed, Update};
use tailrace_store::{SledStore, StoreOptions};
use tempfile::TempDir;

/// Keys of a commit.
const AT_ONCE: u64 = 5_000;

/// A store in a folder of its own.
pub(crate) struct Scene {
    pub(crate) store: SledStore,
    pub(crate) root: PathBuf,
    folder: TempDir,
}

impl Scene {
    pub(crate) fn set() -> Self {
        Self::over(tempfile::tempdir().expect("a folder"))
    }

    /// The store after a restart of the engine.
    pub(crate) fn again(self) -> Self {
        let Self { store, folder, .. } = self;
        drop(store);
        Self::over(folder)
    }

    fn over(folder: TempDir) -> Self {
        let root = folder.path().join("state");
        Self {
            store: store(&root),
            root,
            folder,
        }
    }

    pub(crate) fn open(&self, tenant: &str, number: u32) -> Arc<dyn PartitionStore> {
        open(&self.store, &partition(tenant, number))
    }

    /// Whether a database can be opened now.
    pub(crate) fn may_open(&self, tenant: &str) -> bool {
        let opened = self
            .store
            .open(&partition(tenant, 0), &manifest(), TenantSeed::new(1, 2));
        opened.is_ok()
    }

    pub(crate) fn size(&self, tenant: &str) -> u64 {
        self.store.size_bytes(&name(tenant)).expect("a size")
    }
}

pub(crate) fn store(root: &Path) -> SledStore {
    let options = StoreOptions {
        compact_above_bytes: 1 << 20,
        ..StoreOptions::default()
    };
    SledStore::open(root.to_owned(), options).expect("a store")
}

pub(crate) fn open(store: &SledStore, partition: &PartitionId) -> Arc<dyn PartitionStore> {
    let opened = store.open(partition, &manifest(), TenantSeed::new(1, 2));
    opened.expect("a state store")
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

/// A partition of a pipeline of its own.
pub(crate) fn partition(tenant: &str, number: u32) -> PartitionId {
    PartitionId {
        life: Life::UNNAMED,
        pipeline: PipelineId {
            tenant: name(tenant),
            pipeline: name(&format!("p{number}")),
        },
        partition: 0,
    }
}

fn manifest() -> PipelineManifest {
    let text = r#"{"name":"p","input":{"subjects":["a"]},"steps":[{"name":"s","plugin":"v@1.0.0"}],
        "sketches":{"q":{"kind":"quantiles"}}}"#;
    parse(text.as_bytes()).expect("a description")
}

/// No step is refused.
pub(crate) fn all_steps(_: &Name, _: ReclaimStep) -> bool {
    true
}

/// Keys in an order that is not that of their numbers.
pub(crate) fn key(number: u64) -> String {
    format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

pub(crate) fn set(delta: &mut Delta, number: u64, value: Option<Vec<u8>>) {
    let step = delta.state.entry("s".to_owned()).or_default();
    let value = value.map(|value| StateValue {
        value,
        expires_ms: number.is_multiple_of(3).then_some(1_000 + number),
    });
    step.insert(key(number), value);
}

/// Takes a commit as the next.
pub(crate) fn commit(partition: &dyn PartitionStore, delta: &Delta) {
    let commit = partition.applied().expect("a number").commit + 1;
    let applied = Applied {
        commit,
        sequence: commit * 10,
    };
    partition.apply(delta, applied).expect("a commit");
}

/// Commits that set so many keys to values of some length.
pub(crate) fn fill(partition: &dyn PartitionStore, keys: u64, length: usize) {
    for first in (0..keys).step_by(AT_ONCE as usize) {
        let mut delta = Delta::default();
        for number in first..keys.min(first + AT_ONCE) {
            set(&mut delta, number, Some(vec![number as u8; length]));
        }
        delta
            .sketches
            .insert("q".to_owned(), vec![Update::Observe(first as f64)]);
        commit(partition, &delta);
    }
}

/// Commits that delete all of these keys but one in so many.
pub(crate) fn delete(partition: &dyn PartitionStore, keys: u64, but_one_in: u64) {
    for first in (0..keys).step_by(AT_ONCE as usize) {
        let mut delta = Delta::default();
        for number in first..keys.min(first + AT_ONCE) {
            if !number.is_multiple_of(but_one_in) {
                set(&mut delta, number, None);
            }
        }
        commit(partition, &delta);
    }
}

/// A database that holds little and takes much, closed once so that all of it is on the disk.
pub(crate) fn hollow(tenant: &str) -> Scene {
    let scene = Scene::set();
    let partition = scene.open(tenant, 0);
    fill(&*partition, 20_000, 20);
    delete(&*partition, 20_000, 40);
    drop(partition);
    scene.again()
}

/// What is in a folder, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// All files below with what is in them.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for name in names(folder) {
        let path = folder.join(name);
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            // sled removes files of its own while they are listed.
            found.extend(fs::read(&path).ok().map(|bytes| (path, bytes)));
        }
    }
    found
}
