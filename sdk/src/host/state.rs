//! Keyed state: bytes, JSON, or packed.
//!
//! JSON can be read over HTTP as it is; packed (postcard) is a few times smaller and faster, for what
//! only the plugin reads. A value that does not decode is an invalid event with the code
//! `unreadable-state`: what an older version of the plugin stored is the plugin's to read, and
//! nothing is overwritten by accident.

use serde::{Serialize, de::DeserializeOwned};

use super::Port;
use crate::{Entry, Failure};

/// Keyed state of a step: durable, and rolled back with the event that wrote it.
pub struct State<'a> {
    port: Port<'a>,
    ttl_ms: Option<u64>,
}

impl<'a> State<'a> {
    pub(super) fn new(port: Port<'a>) -> Self {
        Self { port, ttl_ms: None }
    }

    /// The same state, whose writes end after so many milliseconds of event time.
    #[must_use]
    pub fn expiring(mut self, ttl_ms: u64) -> Self {
        self.ttl_ms = Some(ttl_ms);
        self
    }

    /// The value of a key.
    pub fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.port.state_get(key)
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: &[u8]) {
        self.port.state_set(key, value, self.ttl_ms);
    }

    /// Deletes a key, if there is one.
    pub fn delete(&mut self, key: &str) {
        self.port.state_delete(key);
    }

    /// Entries whose key starts with `prefix`, in key order, after `after`, at most `limit`.
    pub fn scan(&mut self, prefix: &str, after: Option<&str>, limit: u32) -> Vec<Entry> {
        self.port.state_scan(prefix, after, limit)
    }

    /// The value of a key that holds JSON.
    pub fn get_json<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Failure> {
        let bytes = self.get(key);
        let value = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        value.map_err(|error| Failure::unreadable_state(key, &error))
    }

    /// Sets a key to JSON.
    pub fn set_json(&mut self, key: &str, value: &impl Serialize) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(value)
            .map_err(|error| Failure::unwritable(&format!("state {key:?}"), &error))?;
        self.set(key, &bytes);
        Ok(())
    }

    /// Changes a key that holds JSON, from the type's default where there is none, and gives what it
    /// holds now: `host.state().update_json("seen", |count: &mut u64| *count += 1)?`.
    pub fn update_json<T>(&mut self, key: &str, change: impl FnOnce(&mut T)) -> Result<T, Failure>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        let mut value = self.get_json(key)?.unwrap_or_default();
        change(&mut value);
        self.set_json(key, &value)?;
        Ok(value)
    }

    /// The value of a key that holds a packed value.
    pub fn get_packed<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Failure> {
        let bytes = self.get(key);
        let value = bytes.map(|bytes| postcard::from_bytes(&bytes)).transpose();
        value.map_err(|error| Failure::unreadable_state(key, &error))
    }

    /// Sets a key to a packed value.
    pub fn set_packed(&mut self, key: &str, value: &impl Serialize) -> Result<(), Failure> {
        let bytes = postcard::to_allocvec(value)
            .map_err(|error| Failure::unwritable(&format!("state {key:?}"), &error))?;
        self.set(key, &bytes);
        Ok(())
    }
}
