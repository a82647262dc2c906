//! Bytes of the uploads that were asked of this engine, until they are stored.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tailrace_core::identity::Digest;

/// Such bytes, with how many requests hold them: a bounded number, for each has a permit.
#[derive(Clone, Default)]
pub(super) struct HeldBytes(Arc<Mutex<BTreeMap<Digest, (Bytes, usize)>>>);

/// Bytes are at hand as long as this is.
pub(crate) struct Hold {
    bytes: HeldBytes,
    digest: Digest,
}

impl HeldBytes {
    /// Has these bytes at hand.
    pub(super) fn hold(&self, digest: Digest, component: Bytes) -> Hold {
        self.lock().entry(digest).or_insert((component, 0)).1 += 1;
        Hold {
            bytes: self.clone(),
            digest,
        }
    }

    /// Bytes that are at hand.
    pub(super) fn get(&self, digest: Digest) -> Option<Bytes> {
        self.lock().get(&digest).map(|(component, _)| component.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, (Bytes, usize)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.bytes.lock();
        if let Some((_, requests)) = held.get_mut(&self.digest) {
            *requests -= 1;
            if *requests == 0 {
                held.remove(&self.digest);
            }
        }
    }
}
