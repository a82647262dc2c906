//! What is held of a window, in the state of the partition.

use serde::{Serialize, de::DeserializeOwned};
use tailrace_core::{delta::StateValue, ports::store::StoreError};

use crate::{effects::Effects, windows::place::Place};

impl Place {
    /// What is held under a key; none too where it is of another shape.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        effects: &Effects,
        key: &str,
    ) -> Result<Held<T>, StoreError> {
        match effects.read_of(&self.step, key)? {
            None => Ok(Held::Nothing),
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
    ) -> Result<Vec<(String, Held<T>)>, StoreError> {
        let entries = effects.scan_of(&self.step, prefix, after, limit)?;
        let entries = entries.into_iter().map(|(key, value)| {
            let held = self.decode(&key, &value.value)?;
            Ok((key, held))
        });
        entries.collect()
    }

    fn decode<T: DeserializeOwned>(&self, key: &str, bytes: &[u8]) -> Result<Held<T>, StoreError> {
        let damaged = |cause: postcard::Error| {
            StoreError::Damaged(format!(
                "what {} has under {key:?} cannot be read: {cause}",
                self.step
            ))
        };
        let (shape, rest): (u32, &[u8]) = postcard::take_from_bytes(bytes).map_err(damaged)?;
        if shape != self.shape {
            return Ok(Held::Foreign);
        }
        postcard::from_bytes(rest).map(Held::Own).map_err(damaged)
    }

    pub(super) fn write<T: Serialize>(&self, effects: &mut Effects, key: &str, held: &T) {
        let value = postcard::to_stdvec(&(self.shape, held)).expect("it always serialises into memory");
        let expires_ms = None;
        effects.write_in(&self.step, key, Some(StateValue { value, expires_ms }));
    }

    pub(super) fn delete(&self, effects: &mut Effects, key: &str) {
        effects.write_in(&self.step, key, None);
    }
}

/// What is held under a key.
#[derive(Debug, PartialEq)]
pub(super) enum Held<T> {
    /// Nothing.
    Nothing,
    /// That of a window that was declared otherwise.
    Foreign,
    /// The window's own.
    Own(T),
}
