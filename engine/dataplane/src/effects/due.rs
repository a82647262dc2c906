//! What wakes up by the watermark, in the order in which it is due: (time, key, owner, name). Wake-ups are state of the
//! partition under a step that no pipeline can name. So they are committed, taken back, recovered and copied with
//! everything else.
//!
//! The first of them are known in memory, so most events cost one comparison here.
//!
//! Invariant: `entries` holds every wake-up up to `horizon`, as the uncommitted effects have it. What is written behind
//! the horizon is read when the horizon gets there.

use std::collections::BTreeMap;

use tailrace_core::{delta::StateValue, ports::store::StoreError};

use crate::effects::{Effects, journal::Mark};

/// Step under which wake-ups lie; no step's name begins with a tilde.
pub(super) const STEP: &str = "~due";
/// Wake-ups read at a time.
const PAGE: usize = 1_000;
/// Most wake-ups known in memory.
const MOST_KNOWN: usize = 4_000;
/// Between the parts of a key. Owners and names hold none, so the parts can be told apart.
const SEPARATOR: char = '\0';

/// When something wakes up, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// In milliseconds of event time.
    pub(crate) at_ms: u64,
    /// The key of events, or the group, that it is of.
    pub(crate) key: String,
    /// The step that has set it, or the window that ends.
    pub(crate) owner: String,
    /// Which one of theirs it is.
    pub(crate) name: String,
}

impl Due {
    fn encode(&self) -> String {
        let Self {
            at_ms,
            key,
            owner,
            name,
        } = self;
        format!("{at_ms:016x}{key}{SEPARATOR}{owner}{SEPARATOR}{name}")
    }

    fn decode(text: &str) -> Option<Self> {
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
}

/// The wake-ups that are due first.
#[derive(Debug, Default)]
pub(super) struct First {
    entries: BTreeMap<String, Vec<u8>>,
    horizon: Horizon,
}

/// Up to where all wake-ups are known.
#[derive(Debug, Default, PartialEq, Eq)]
enum Horizon {
    /// Nothing has been read.
    #[default]
    Nowhere,
    /// Up to this key.
    At(String),
    /// All are known.
    End,
}

impl First {
    fn knows(&self, key: &str) -> bool {
        match &self.horizon {
            Horizon::Nowhere => false,
            Horizon::At(last) => key <= last.as_str(),
            Horizon::End => true,
        }
    }

    fn write(&mut self, key: String, value: Option<Vec<u8>>) {
        if !self.knows(&key) {
            return;
        }
        match value {
            Some(value) => drop(self.entries.insert(key, value)),
            None => drop(self.entries.remove(&key)),
        }
        if self.entries.len() > MOST_KNOWN {
            self.entries.pop_last();
            let last = self.entries.last_key_value();
            self.horizon = last.map_or(Horizon::Nowhere, |(key, _)| Horizon::At(key.clone()));
        }
    }
}

impl Effects {
    /// Something wakes up then, with this.
    pub(crate) fn wake(&mut self, due: &Due, value: Vec<u8>) {
        let key = due.encode();
        self.first_due.write(key.clone(), Some(value.clone()));
        let expires_ms = None;
        self.write_in(STEP, &key, Some(StateValue { value, expires_ms }));
    }

    /// It does not wake up any more.
    pub(crate) fn let_sleep(&mut self, due: &Due) {
        let key = due.encode();
        self.first_due.write(key.clone(), None);
        self.write_in(STEP, &key, None);
    }

    /// What is due first, if it is due by then; with what it takes along.
    pub(crate) fn first_due(&mut self, watermark_ms: u64) -> Result<Option<(Due, Vec<u8>)>, StoreError> {
        if self.first_due.entries.is_empty() && self.first_due.horizon != Horizon::End {
            self.read_due()?;
        }
        let Some((key, value)) = self.first_due.entries.first_key_value() else {
            return Ok(None);
        };
        let unreadable = || StoreError::Damaged(format!("the wake-up {key:?} cannot be read"));
        let due = Due::decode(key).ok_or_else(unreadable)?;
        Ok((due.at_ms <= watermark_ms).then(|| (due, value.clone())))
    }

    /// What is known in memory may be of what was taken back.
    pub(super) fn forget_due(&mut self, mark: &Mark) {
        if self.journal.has_since(mark) {
            self.first_due = First::default();
        }
    }

    fn read_due(&mut self) -> Result<(), StoreError> {
        let from = match &self.first_due.horizon {
            Horizon::At(last) => Some(last.clone()),
            _ => None,
        };
        let page = self.scan_of(STEP, "", from.as_deref(), PAGE)?;
        let last = page.last().map(|(key, _)| key.clone());
        self.first_due.horizon = match last {
            Some(last) if page.len() == PAGE => Horizon::At(last),
            _ => Horizon::End,
        };
        self.first_due.entries = page.into_iter().map(|(key, value)| (key, value.value)).collect();
        Ok(())
    }
}
