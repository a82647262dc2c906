//! What is held of a window, in the state of the partition.

use serde::{Serialize, de::DeserializeOwned};
use tailrace_core::{delta::StateValue, ports::store::StoreError, window::stored};

use crate::{effects::Effects, windows::plan::PlannedWindow};

/// What is held under a key.
#[derive(Debug, PartialEq)]
pub(super) enum Kept<T> {
    /// Nothing.
    Nothing,
    /// That of a window that was declared otherwise.
    Foreign,
    /// The window's own.
    Own(T),
}

impl PlannedWindow {
    /// What is held under a key.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        effects: &Effects,
        key: &str,
    ) -> Result<Kept<T>, StoreError> {
        match effects.read_of(&self.step, key)? {
            None => Ok(Kept::Nothing),
            Some(value) => self.decode(key, &value.value),
        }
    }

    /// What is held under keys with this prefix behind `after`.
    pub(super) fn scan<T: DeserializeOwned>(
        &self,
        effects: &Effects,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Kept<T>)>, StoreError> {
        let entries = effects.scan_of(&self.step, prefix, after, limit)?;
        let entries = entries.into_iter().map(|(key, value)| {
            let held = self.decode(&key, &value.value)?;
            Ok((key, held))
        });
        entries.collect()
    }

    fn decode<T: DeserializeOwned>(&self, key: &str, bytes: &[u8]) -> Result<Kept<T>, StoreError> {
        match stored::decode(self.shape, bytes) {
            Ok(Some(held)) => Ok(Kept::Own(held)),
            Ok(None) => Ok(Kept::Foreign),
            Err(cause) => Err(StoreError::Damaged(format!(
                "what window {} has under {key:?} cannot be read: {cause}",
                self.name
            ))),
        }
    }

    /// Whether an entry is of the window as it is declared.
    pub(super) fn is_own(&self, bytes: &[u8]) -> bool {
        stored::shape_of(bytes) == Some(self.shape)
    }

    pub(super) fn write<T: Serialize>(&self, effects: &mut Effects, key: &str, held: &T) {
        let value = stored::encode(self.shape, held);
        let expires_ms = None;
        effects.write_in(&self.step, key, Some(StateValue { value, expires_ms }));
    }

    pub(super) fn delete(&self, effects: &mut Effects, key: &str) {
        effects.write_in(&self.step, key, None);
    }
}
