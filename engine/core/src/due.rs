//! What wakes up by the watermark, as it lies in the state of a partition: timers of plugins, windows that end, events
//! whose wait in a join is over. The data plane writes them, and queries read them.
//!
//! A wake-up's key begins with its time, so the order of the keys is that in which they are due.

/// Step under which wake-ups lie; no pipeline can name one like it.
pub const STEP: &str = "~due";
/// Between the parts of a key. Owners and names hold none, so the parts can be told apart.
const SEPARATOR: char = '\0';

/// When something wakes up, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// In milliseconds of event time.
    pub at_ms: u64,
    /// The key of events, or the group, that it is of.
    pub key: String,
    /// The step that has set it, or the window or join whose it is.
    pub owner: String,
    /// Which one of theirs it is.
    pub name: String,
}

impl Due {
    /// The key of its entry.
    pub fn encode(&self) -> String {
        let Self {
            at_ms,
            key,
            owner,
            name,
        } = self;
        format!("{at_ms:016x}{key}{SEPARATOR}{owner}{SEPARATOR}{name}")
    }

    /// From the key of an entry.
    pub fn decode(text: &str) -> Option<Self> {
        let (time, rest) = text.split_at_checked(16)?;
        let (rest, name) = rest.rsplit_once(SEPARATOR)?;
        let (key, owner) = rest.rsplit_once(SEPARATOR)?;
        Some(Self {
            at_ms: u64::from_str_radix(time, 16).ok()?,
            key: key.to_owned(),
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Whether it is a timer of a plugin: owners that are windows or joins begin with a tilde.
    pub fn is_timer(&self) -> bool {
        !self.owner.starts_with('~')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_reads_back_whatever_the_key_and_sorts_by_its_time() {
        let due = |at_ms, key: &str| Due {
            at_ms,
            key: key.to_owned(),
            owner: "count".to_owned(),
            name: "end".to_owned(),
        };
        for key in ["", "ann", "a\0b\0c", "ü"] {
            assert_eq!(Due::decode(&due(17, key).encode()), Some(due(17, key)));
        }
        assert!(due(255, "z").encode() < due(256, "a").encode());
        assert_eq!(Due::decode("nonsense"), None);
    }

    #[test]
    fn a_window_and_a_join_own_no_timer() {
        let of = |owner: &str| Due {
            at_ms: 0,
            key: String::new(),
            owner: owner.to_owned(),
            name: String::new(),
        };
        assert!(of("count").is_timer());
        assert!(!of("~window.w").is_timer() && !of("~join.j").is_timer());
    }
}
