//! Wake-ups among the effects: set, taken back, and the first that is due.

use tailrace_core::{
    delta::StateValue,
    due::{Due, STEP},
    ports::store::StoreError,
};

use crate::effects::{
    Effects,
    due::{First, Horizon},
    journal::Mark,
};

/// Wake-ups read at a time.
const PAGE: usize = 1_000;

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
        if self.journal.has_written(STEP, mark) {
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
