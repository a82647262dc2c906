//! Values of state whose layout has a number, so that a plugin reads what its earlier versions have stored.
//!
//! Why: docs/decisions/0170-entries-of-state-migrate-as-they-are-read.md

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::State;
use crate::Failure;

/// A value of state whose layout has a number.
///
/// A plugin that changes the layout raises `VERSION`, and says in `migrate` what the earlier ones meant. Entries change
/// as their keys come by. In the pipeline, the step gets a new `state-version`.
///
/// ```
/// use tailrace_sdk::{Versioned, prelude::*, testing::TestHost};
///
/// #[derive(Serialize, Deserialize, Default)]
/// struct Visits {
///     count: u64,
///     last_ms: u64,
/// }
///
/// impl Versioned for Visits {
///     const VERSION: u32 = 2;
///     fn migrate(from: u32, stored: &[u8]) -> Result<Self, String> {
///         match from {
///             // The first version kept a number alone.
///             1 => Ok(Visits { count: serde_json::from_slice(stored).map_err(|e| e.to_string())?, last_ms: 0 }),
///             other => Err(format!("version {other} is unknown")),
///         }
///     }
/// }
///
/// struct Example;
///
/// impl Plugin for Example {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Example)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.state().update_versioned(&event.key, |visits: &mut Visits| {
///             visits.count += 1;
///             visits.last_ms = event.time;
///         })?;
///         Ok(Verdict::Drop)
///     }
/// }
///
/// let mut host = TestHost::of::<Example>(())?;
/// host.set_state("plugin", "ada", b"41");
/// host.send(Event::new("shop.visits", "").with_key("ada").at(7)).unwrap();
/// let stored = host.state("plugin", "ada");
/// assert_eq!(stored, Some(&br#"{"version":2,"value":{"count":42,"last_ms":7}}"#[..]));
/// # Ok::<(), String>(())
/// ```
pub trait Versioned: Serialize + DeserializeOwned {
    /// The number of this layout. It begins at 1.
    const VERSION: u32;

    /// Makes a value of the bytes that an earlier layout has stored. An entry without a number is of version 1.
    fn migrate(from: u32, stored: &[u8]) -> Result<Self, String>;
}

/// An entry as it is stored: JSON, readable over HTTP.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbered<V> {
    version: u32,
    value: V,
}

/// Reads and writes entries whose layout has a number.
///
/// ```
/// use tailrace_sdk::{Versioned, prelude::*};
///
/// fn copy<T: Versioned>(host: &mut Host<'_>, from: &str, to: &str) -> Result<(), Failure> {
///     match host.state().get_versioned::<T>(from)? {
///         Some(value) => host.state().set_versioned(to, &value),
///         None => Ok(()),
///     }
/// }
/// ```
impl State<'_> {
    /// Returns the value of a key, which an earlier layout may have stored. A later one than the plugin's is refused.
    pub fn get_versioned<T: Versioned>(&mut self, key: &str) -> Result<Option<T>, Failure> {
        let Some(stored) = self.get(key) else {
            return Ok(None);
        };
        let read = read(&stored).map_err(|why| Failure::unreadable_state(key, &why))?;
        Ok(Some(read))
    }

    /// Sets a key, with the number of the layout.
    pub fn set_versioned<T: Versioned>(&mut self, key: &str, value: &T) -> Result<(), Failure> {
        let version = T::VERSION;
        self.set_json(key, &Numbered { version, value })
    }

    /// Changes the value of a key and returns the new one. A missing key starts with the type's default.
    pub fn update_versioned<T>(&mut self, key: &str, change: impl FnOnce(&mut T)) -> Result<T, Failure>
    where
        T: Versioned + Default,
    {
        let mut value = self.get_versioned(key)?.unwrap_or_default();
        change(&mut value);
        self.set_versioned(key, &value)?;
        Ok(value)
    }
}

fn read<T: Versioned>(stored: &[u8]) -> Result<T, String> {
    // What bears no number is of before there were any.
    let (version, value) = match serde_json::from_slice::<Numbered<&RawValue>>(stored) {
        Ok(Numbered { version, value }) => (version, value.get().as_bytes()),
        Err(_) => (1, stored),
    };
    if version > T::VERSION {
        let known = T::VERSION;
        return Err(format!(
            "it is of version {version}, and this plugin knows {known} and those before"
        ));
    }
    if version == T::VERSION {
        return serde_json::from_slice(value).map_err(|error| error.to_string());
    }
    T::migrate(version, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Visits {
        count: u64,
    }

    impl Versioned for Visits {
        const VERSION: u32 = 3;
        fn migrate(from: u32, stored: &[u8]) -> Result<Self, String> {
            let text = std::str::from_utf8(stored).unwrap();
            match from {
                1 => Ok(Self {
                    count: 100 + text.len() as u64,
                }),
                2 => Ok(Self {
                    count: text.parse().unwrap(),
                }),
                other => Err(format!("no version {other}")),
            }
        }
    }

    #[test]
    fn each_earlier_version_is_migrated_and_a_later_one_refused() {
        let count = |stored: &str| read::<Visits>(stored.as_bytes()).map(|visits| visits.count);
        assert_eq!(count(r#"{"version":3,"value":{"count":5}}"#), Ok(5));
        assert_eq!(count(r#"{"version":2,"value":7}"#), Ok(7));
        assert_eq!(count(r#"{"version":1,"value":"ab"}"#), Ok(104));
        for without in [
            "xy",
            r#"{"count":5}"#,
            r#"{"version":3,"value":{"count":5},"more":1}"#,
        ] {
            assert_eq!(count(without), Ok(100 + without.len() as u64), "{without}");
        }
        let later = count(r#"{"version":4,"value":{"count":5}}"#).unwrap_err();
        assert!(later.contains("version 4") && later.contains('3'), "{later}");
        let damaged = count(r#"{"version":3,"value":1}"#).unwrap_err();
        assert!(damaged.contains("expected struct"), "{damaged}");
    }
}
