//! How much disk a tenant's database needs, and when that is worth finding out: what a fresh copy would take is
//! only known after all of it was read.

use sled::Tree;

use crate::copying::{Halt, next_page};

/// A database is copied where it takes so many times what the copy would. Databases whose keys change all the time
/// take up to twice as much by themselves.
const TIMES: u64 = 3;
/// What a fresh copy takes of disk: bytes for an entry,
const ENTRY_BYTES: u64 = 130;
/// and so many halves of keys and values. For entries of 44 bytes to 100 kB it is within a quarter of that.
const HALVES: u64 = 3;
/// Passes that are left out after the first failure; twice as many after the next,
const FIRST_REST: u32 = 1;
/// and so on, up to some hours.
const LONGEST_REST: u32 = 32;

/// What a fresh copy of these trees takes of disk; none where that is too much for a copy to be worth it.
pub(crate) fn needed(
    trees: &[Tree],
    disk_bytes: u64,
    may_go_on: &dyn Fn() -> Result<(), Halt>,
) -> Result<Option<u64>, Halt> {
    let mut needed = 0;
    for tree in trees {
        let mut cursor = Vec::new();
        loop {
            may_go_on()?;
            let page = next_page(tree, &mut cursor)?;
            if page.is_empty() {
                break;
            }
            let content: usize = page.iter().map(|(key, value)| key.len() + value.len()).sum();
            needed += page.len() as u64 * ENTRY_BYTES + content as u64 * HALVES / 2;
            if needed.saturating_mul(TIMES) >= disk_bytes {
                return Ok(None);
            }
        }
    }
    Ok(Some(needed))
}

/// When a database is looked at: what it took and held when it was looked at last, and how that went.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    seen: Option<Seen>,
    failures: u32,
    rest: u32,
}

/// A database at a glance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) disk_bytes: u64,
    /// State and vectors of the partitions that are open.
    pub(crate) held_bytes: u64,
    /// How often trees were dropped, or all of it closed.
    pub(crate) changes: u64,
}

impl Looks {
    /// Whether to look: the database takes a quarter more than it did, or holds a quarter less, or trees of it
    /// were dropped.
    pub(crate) fn is_due(&mut self, now: Seen) -> bool {
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        self.seen.is_none_or(|seen| {
            now.disk_bytes > seen.disk_bytes + seen.disk_bytes / 4
                || now.held_bytes < seen.held_bytes - seen.held_bytes / 4
                || now.changes != seen.changes
        })
    }

    /// It was looked at, and is now like this.
    pub(crate) fn looked(&mut self, now: Seen) {
        *self = Self {
            seen: Some(now),
            ..Self::default()
        };
    }

    /// Making it smaller failed.
    pub(crate) fn failed(&mut self) {
        self.rest = FIRST_REST
            .checked_shl(self.failures)
            .unwrap_or(LONGEST_REST)
            .min(LONGEST_REST);
        self.failures = self.failures.saturating_add(1);
        self.seen = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn seen(disk_mib: u64, held_mib: u64) -> Seen {
        Seen {
            disk_bytes: disk_mib * MIB,
            held_bytes: held_mib * MIB,
            changes: 0,
        }
    }

    #[test]
    fn a_database_is_looked_at_when_it_has_changed_by_a_quarter() {
        let mut looks = Looks::default();
        assert!(looks.is_due(seen(100, 50)), "it was never looked at");
        looks.looked(seen(100, 50));
        assert!(!looks.is_due(seen(100, 50)));
        assert!(!looks.is_due(seen(125, 40)));
        assert!(looks.is_due(seen(126, 50)), "it has grown");
        assert!(looks.is_due(seen(100, 37)), "less is in it");
        let dropped = Seen {
            changes: 1,
            ..seen(100, 50)
        };
        assert!(looks.is_due(dropped), "a tree was dropped");
    }

    #[test]
    fn after_failures_it_is_left_alone_for_longer_and_longer() {
        let mut looks = Looks::default();
        let mut rests = Vec::new();
        for _ in 0..8 {
            looks.failed();
            let mut rest = 0;
            while !looks.is_due(seen(100, 1)) {
                rest += 1;
            }
            rests.push(rest);
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 32, 32]);
        looks.looked(seen(10, 1));
        looks.failed();
        assert!(!looks.is_due(seen(100, 1)));
        assert!(looks.is_due(seen(100, 1)), "a success begins anew");
    }
}
