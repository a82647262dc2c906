//! Deleting state by order, some entries at a time. Each key is looked at once: what is written behind the last key
//! that was looked at stays, also after a crash.

use tailrace_core::{
    delta::StateValue,
    ports::store::StoreError,
    state_deletion::{Deleted, KEPT, Keys, STEP, StateDeletion, key},
};

use crate::effects::Effects;

/// Entries that are looked at in one go. Their values are read with them, and each may be a mebibyte.
const PAGE: usize = 64;

impl Effects {
    /// Deletes some of what an order names; says how far it has come.
    pub(crate) fn delete_state(
        &mut self,
        sequence: u64,
        order: &StateDeletion,
        watermark_ms: u64,
    ) -> Result<Deleted, StoreError> {
        self.enter(&order.step, watermark_ms);
        let mut deleted = self.deleted(sequence)?;
        let found: Vec<String> = match &order.keys {
            Keys::Key(key) => {
                deleted.done = true;
                let known = self.read_of(&order.step, key)?;
                let live = known.filter(|value| value.is_live(watermark_ms));
                live.map(|_| key.clone()).into_iter().collect()
            }
            Keys::Prefix(prefix) => {
                let page = self.scan_of(&order.step, prefix, deleted.after.as_deref(), PAGE)?;
                deleted.done = page.len() < PAGE;
                page.into_iter().map(|(key, _)| key).collect()
            }
        };
        deleted.entries += found.len() as u64;
        deleted.after = found.last().cloned().filter(|_| !deleted.done);
        for key in found {
            self.write_in(&order.step, &key, None);
        }
        self.keep_deleted(sequence, &deleted)?;
        self.settle();
        Ok(deleted)
    }

    fn deleted(&self, sequence: u64) -> Result<Deleted, StoreError> {
        let Some(kept) = self.read_of(STEP, &key(sequence))? else {
            return Ok(Deleted::default());
        };
        serde_json::from_slice(&kept.value).map_err(|cause| {
            StoreError::Damaged(format!("how far a deletion has come cannot be read: {cause}"))
        })
    }

    /// Keeps how far it has come, and forgets what orders long before came to.
    fn keep_deleted(&mut self, sequence: u64, deleted: &Deleted) -> Result<(), StoreError> {
        let own = key(sequence);
        let kept = self.scan_of(STEP, "", None, KEPT + 1)?;
        let is_new = kept.iter().all(|(kept, _)| *kept != own);
        if is_new && kept.len() >= KEPT {
            for (oldest, _) in kept.iter().take(kept.len() + 1 - KEPT) {
                self.write_in(STEP, oldest, None);
            }
        }
        let value = serde_json::to_vec(deleted).expect("a count always serialises into memory");
        let expires_ms = None;
        self.write_in(STEP, &own, Some(StateValue { value, expires_ms }));
        Ok(())
    }
}
