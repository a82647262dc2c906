//! Events that come twice: known by an identifier within a window of event time, exactly. The
//! identifiers are state of the partition, under a step that no pipeline can name, so they are
//! committed with everything else and expire with the event-time clock. A Bloom filter in front says
//! of most events that they are new without a look into the store.
//!
//! Two events with the same identifier and different keys are two, whatever their partitions.
//!
//! Why: docs/decisions/0015-duplicates-are-state.md

use sha2::{Digest as _, Sha256};
use tailrace_core::{
    manifest::DedupManifest,
    ports::store::{PartitionStore, StoreError},
};
use tailrace_sketch::{Seen, hash_item};

/// Step under which identifiers lie; no step's name begins with a tilde.
pub(super) const STEP: &str = "~dedup";
/// Longer identifiers are kept as their hash: keys of the store are short.
const LONGEST_PLAIN: usize = 256;
/// Identifiers read from the store at a time when the filter is filled.
const PAGE: usize = 1_000;

/// What is known without looking into the store.
pub(super) struct Filter {
    window_ms: u64,
    /// Identifiers since the filter was last turned over.
    current: Seen,
    /// Those of the turn before, which are held until the last of them has ended.
    previous: Seen,
    turned_ms: u64,
    /// When the last of each ends.
    current_ends_ms: u64,
    previous_ends_ms: u64,
}

impl Filter {
    /// Filled with what the state store holds.
    pub(super) fn load(
        manifest: &DedupManifest,
        state_store: &dyn PartitionStore,
    ) -> Result<Self, StoreError> {
        let mut filter = Self {
            window_ms: manifest.window.as_millis(),
            current: Seen::default(),
            previous: Seen::default(),
            turned_ms: 0,
            current_ends_ms: 0,
            previous_ends_ms: 0,
        };
        let mut after: Option<String> = None;
        loop {
            let page = state_store.scan(STEP, "", after.as_deref(), PAGE)?;
            for (id, known) in &page {
                filter.current.insert(hash(id));
                let ends_ms = known.expires_ms.unwrap_or_default();
                filter.current_ends_ms = filter.current_ends_ms.max(ends_ms);
            }
            match page.into_iter().last() {
                Some((id, _)) => after = Some(id),
                None => return Ok(filter),
            }
        }
    }

    /// How long an identifier is known, in event time.
    pub(super) fn window_ms(&self) -> u64 {
        self.window_ms
    }

    /// Whether an identifier may be known; false if it is certainly new.
    pub(super) fn may_know(&self, id: &str) -> bool {
        let hash = hash(id);
        self.current.contains(hash) || self.previous.contains(hash)
    }

    /// Takes an identifier in that is known until then.
    pub(super) fn insert(&mut self, id: &str, now_ms: u64, ends_ms: u64) {
        let turned_long_ago = now_ms >= self.turned_ms.saturating_add(self.window_ms);
        if turned_long_ago && now_ms >= self.previous_ends_ms {
            self.previous = std::mem::take(&mut self.current);
            self.previous_ends_ms = std::mem::take(&mut self.current_ends_ms);
            self.turned_ms = now_ms;
        }
        self.current_ends_ms = self.current_ends_ms.max(ends_ms);
        self.current.insert(hash(id));
    }
}

/// The identifier of an event with this key, as it is kept.
pub(super) fn short(key: &str, id: &str) -> String {
    let own = format!("{}:{key}{id}", key.len());
    if own.len() <= LONGEST_PLAIN {
        return format!("@{own}");
    }
    hashed("%", &own)
}

/// The same as engines kept it that had identifiers of all keys of a partition together.
pub(super) fn short_before(id: &str) -> String {
    if id.len() <= LONGEST_PLAIN {
        return format!("={id}");
    }
    hashed("#", id)
}

fn hashed(prefix: &str, text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(prefix.to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// The filter is in memory only, so it needs no tenant's seed: who fills it with collisions makes
/// look-ups, not errors.
fn hash(id: &str) -> u64 {
    hash_item(tailrace_sketch::TenantSeed::new(0, 0), id)
}
