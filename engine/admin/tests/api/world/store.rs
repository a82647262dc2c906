//! The local store: every partition has the same canned image.

use std::sync::Arc;

use tailrace_core::{
    delta::{Delta, StateValue},
    identity::{PartitionId, PipelineId},
    name::Name,
    ports::store::{Applied, Collection, Entries, Image, LocalStore, Metric, Search, StoreError, Weight},
    series::{Group, Held, Slice},
    spec::PipelineSpec,
};
use tailrace_sketch::{Sketch, TenantSeed};

use super::{Fake, HOST_PATH};

impl LocalStore for Fake {
    fn open(&self, _: &PartitionId, _: &PipelineSpec, _: TenantSeed) -> Result<Arc<dyn Image>, StoreError> {
        Ok(Arc::new(CannedImage))
    }
    fn existing(&self, _: &PartitionId) -> Result<Option<Arc<dyn Image>>, StoreError> {
        Ok(Some(Arc::new(CannedImage)))
    }
    fn wipe(&self, _: &PartitionId) -> Result<(), StoreError> {
        Ok(())
    }
    fn remove(&self, _: &PipelineId) -> Result<(), StoreError> {
        self.act();
        Ok(())
    }
    fn size_bytes(&self, _: &Name) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// What every partition holds.
struct CannedImage;

const STATE: [(&str, &[u8]); 4] = [
    ("a/b", b"slash"),
    ("binary", &[0, 0xff]),
    ("json", b"{\"n\":1.50}"),
    ("text", b"plain"),
];

fn value(bytes: &[u8]) -> StateValue {
    StateValue {
        value: bytes.to_vec(),
        expires_ms: Some(99),
    }
}

impl Image for CannedImage {
    fn applied(&self) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
    fn weight(&self) -> Weight {
        Weight::default()
    }
    fn apply(&self, _: &Delta, _: Applied) -> Result<(), StoreError> {
        Ok(())
    }
    fn get(&self, _: &str, key: &str) -> Result<Option<StateValue>, StoreError> {
        if key == "damaged" {
            return Err(StoreError::Io(format!("{HOST_PATH}: input/output error")));
        }
        Ok(STATE
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, bytes)| value(bytes)))
    }
    fn scan(&self, _: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Entries, StoreError> {
        let wanted = STATE
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| *key > after));
        Ok(wanted
            .take(limit)
            .map(|(key, bytes)| ((*key).to_owned(), value(bytes)))
            .collect())
    }
    fn expired(&self, _: u64, _: usize) -> Result<Vec<(String, String)>, StoreError> {
        Ok(Vec::new())
    }
    fn vector(&self, _: &str, id: &str) -> Result<Option<Vec<f32>>, StoreError> {
        Ok((id == "u1").then(|| vec![0.5, -1.0]))
    }
    fn collection(&self, _: &str, _: usize, _: Metric, _: Search) -> Result<Box<dyn Collection>, StoreError> {
        Err(StoreError::Io("fake".to_owned()))
    }
    fn sketch(&self, _: &str) -> Result<Option<Sketch>, StoreError> {
        Ok(None)
    }
    fn sketch_slice(&self, _: &str, _: &Slice) -> Result<Vec<(Option<Group>, Sketch)>, StoreError> {
        Ok(Vec::new())
    }

    fn sketch_windows(&self, _: &str) -> Result<Option<Held>, StoreError> {
        Ok(None)
    }

    fn content_hash(&self) -> Result<[u8; 32], StoreError> {
        Ok([0; 32])
    }
    fn export(&self, _: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
    fn import(&self, _: &mut dyn Iterator<Item = Vec<u8>>) -> Result<Applied, StoreError> {
        Ok(Applied::default())
    }
}
