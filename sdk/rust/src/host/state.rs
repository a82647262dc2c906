//! Keyed state: bytes, JSON, or packed.
//!
//! JSON can be read over HTTP as it is; packed (postcard) is a few times smaller and faster, for what
//! only the plugin reads. A value that does not decode is an invalid event with the code
//! `unreadable-state`: what an older version of the plugin stored is the plugin's to read, and
//! nothing is overwritten by accident.

use serde::{Serialize, de::DeserializeOwned};

use super::Port;
use crate::{Entry, Failure};

/// Keyed state of a step. It is durable, and a failed event's writes are rolled back.
///
/// A value that does not decode fails with the code `unreadable-state`. JSON values are readable over HTTP.
/// Packed values (postcard) are a few times smaller and faster, and only the plugin reads them.
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::TestHost};
///
/// struct Example;
///
/// impl Plugin for Example {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Example)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         let visits = host.state().update_json(&event.key, |visits: &mut u64| *visits += 1)?;
///         host.state().expiring(60_000).set_packed("last", &visits)?;
///         Ok(Verdict::Drop)
///     }
/// }
///
/// let mut host = TestHost::of::<Example>(())?;
/// host.send(Event::new("shop.visits", "").with_key("ada")).unwrap();
/// assert_eq!(host.state("plugin", "ada"), Some(&b"1"[..]));
/// # Ok::<(), String>(())
/// ```
pub struct State<'a> {
    port: Port<'a>,
    ttl_ms: Option<u64>,
}

/// Reads and writes entries. A key has at most 1,024 bytes.
///
/// ```
/// use tailrace_sdk::{Entry, prelude::*};
///
/// fn first_ten(host: &mut Host<'_>) -> Vec<Entry> {
///     host.state().scan("user/", None, 10)
/// }
/// ```
impl<'a> State<'a> {
    pub(super) fn new(port: Port<'a>) -> Self {
        Self { port, ttl_ms: None }
    }

    /// Returns the same state, whose writes expire after this many milliseconds of event time.
    #[must_use]
    pub fn expiring(mut self, ttl_ms: u64) -> Self {
        self.ttl_ms = Some(ttl_ms);
        self
    }

    /// Returns the value of a key.
    pub fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.port.state_get(key)
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: &[u8]) {
        self.port.state_set(key, value, self.ttl_ms);
    }

    /// Deletes a key if it is there.
    pub fn delete(&mut self, key: &str) {
        self.port.state_delete(key);
    }

    /// Returns at most `limit` entries whose key begins with `prefix`, in key order, after the key `after`.
    pub fn scan(&mut self, prefix: &str, after: Option<&str>, limit: u32) -> Vec<Entry> {
        self.port.state_scan(prefix, after, limit)
    }

    /// Returns the value of a key that holds JSON.
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

    /// Changes a key that holds JSON and returns the new value. A missing key starts with the type's default.
    pub fn update_json<T>(&mut self, key: &str, change: impl FnOnce(&mut T)) -> Result<T, Failure>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        let mut value = self.get_json(key)?.unwrap_or_default();
        change(&mut value);
        self.set_json(key, &value)?;
        Ok(value)
    }

    /// Returns the value of a key that holds a packed value.
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
