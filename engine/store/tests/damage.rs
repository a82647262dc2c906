//! Bytes of a database are altered, anywhere. Whatever the engine then does with the state store, it is never
//! told anything false. After an error, the next to open the partition gets a sound state store: the old one,
//! or an empty one to rebuild.

use std::{fs, path::Path, sync::Arc};

use tailrace_core::{
    delta::{Delta, StateValue},
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::{PipelineManifest, parse::parse},
    name::Name,
    ports::store::{Applied, LocalStore, PartitionStore, StoreError},
};
use tailrace_sketch::TenantSeed;
use tailrace_store::{SledStore, StoreOptions};

/// Commits of the state store, each with a few hundred bytes.
const COMMITS: u64 = 200;
/// Databases that are damaged, half of them at work, each with up to [`MOST_FLIPS`] bytes altered.
const DATABASES: u32 = 60;
const MOST_FLIPS: u32 = 200;

fn partition(number: u32) -> PartitionId {
    let name = |text: &str| Name::new(text).expect("a name");
    PartitionId {
        life: Life::UNNAMED,
        pipeline: PipelineId {
            tenant: name("t"),
            pipeline: name("p"),
        },
        partition: number,
    }
}

fn manifest() -> PipelineManifest {
    parse(br#"{"name":"p","input":{"subjects":["a"]},"steps":[{"name":"s","plugin":"v@1.0.0"}]}"#)
        .expect("a description")
}

fn open(store: &SledStore, number: u32) -> Result<Arc<dyn PartitionStore>, StoreError> {
    store.open(&partition(number), &manifest(), TenantSeed::new(1, 2))
}

fn value(commit: u64) -> StateValue {
    StateValue {
        value: format!("{commit}-").repeat(60).into_bytes(),
        expires_ms: None,
    }
}

fn delta(commit: u64) -> Delta {
    let mut delta = Delta::default();
    let writes = delta.state.entry("s".to_owned()).or_default();
    writes.insert(format!("k{commit}"), Some(value(commit)));
    delta
}

fn apply(image: &dyn PartitionStore, commit: u64) -> Result<(), StoreError> {
    let sequence = commit * 10;
    image.apply(&delta(commit), Applied { commit, sequence })
}

fn fill(image: &dyn PartitionStore) -> Result<(), StoreError> {
    (image.applied()?.commit + 1..=COMMITS).try_for_each(|commit| apply(image, commit))
}

/// Reads everything; a state store that answers must answer right.
fn read(image: &dyn PartitionStore) -> Result<(), StoreError> {
    let commits = image.applied()?.commit;
    for commit in 1..=commits {
        let found = image.get("s", &format!("k{commit}"))?;
        assert_eq!(found, Some(value(commit)), "commit {commit} of {commits}");
    }
    assert_eq!(image.scan("s", "", None, usize::MAX)?.len() as u64, commits);
    apply(image, commits + 1)
}

fn made(folder: &Path) {
    // Twice: sled notes where its pages lie when it opens. Before that, damage is only an early end.
    for _ in 0..2 {
        let store = SledStore::open(folder.to_owned(), StoreOptions::default()).expect("a store");
        for number in 0..2 {
            fill(&*open(&store, number).expect("an image")).expect("a full image");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("a copy");
        }
    }
}

/// Alters bytes: a generator that needs no crate (Steele, Lea and Flood's SplitMix64, 2014).
fn damage(file: &Path, seed: u32) {
    let mut state = u64::from(seed);
    let mut next = |below: u64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) % below
    };
    let mut bytes = fs::read(file).expect("sled's file");
    for _ in 0..=next(MOST_FLIPS.into()) {
        let place = next(bytes.len() as u64) as usize;
        bytes[place] ^= 1 + next(255) as u8;
    }
    fs::write(file, bytes).expect("sled's file");
}

#[test]
fn after_damage_the_next_to_open_gets_a_sound_image() {
    let whole = tempfile::tempdir().expect("a folder");
    made(whole.path());
    let (mut noticed, mut moved_aside) = (0, 0);
    for seed in 0..DATABASES {
        let folder = tempfile::tempdir().expect("a folder");
        copy(whole.path(), folder.path());
        let file = folder.path().join("t/db");
        let running = seed % 2 == 0;
        if !running {
            damage(&file, seed);
        }
        // Next to no cache, so that reading really reads.
        let options = StoreOptions {
            cache_bytes: 4_096,
            ..StoreOptions::default()
        };
        let store = SledStore::open(folder.path().to_owned(), options);
        let store = store.expect("a store");
        if running {
            open(&store, 0).expect("an image");
            damage(&file, seed);
        }
        for number in 0..2 {
            let first = open(&store, number).and_then(|image| read(&*image));
            noticed += u64::from(first.is_err());
            // What a partition does when anything fails: it opens its state store again, and if that does not
            // go on where it should, wipes it.
            let again = open(&store, number).expect("an image, whatever was damaged");
            if first.is_err() && again.applied().expect("a number").commit > 0 && read(&*again).is_err() {
                drop(again);
                store.wipe(&partition(number)).expect("a wiped image");
            }
            let image = open(&store, number).expect("an image, whatever was damaged");
            fill(&*image).expect("a full image");
            read(&*image).expect("everything");
        }
        moved_aside += store.moved_aside();
    }
    assert!(
        noticed > 0 && moved_aside > 0,
        "the test damages nothing of weight: {noticed} images noticed it at work, {moved_aside} databases when opened"
    );
}
