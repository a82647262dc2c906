//! One limiter for each of many keys, such as tokens and addresses, of which strangers can make up as
//! many as they like: so only so many are kept. Keys that have nothing counted are forgotten first;
//! where that gives no room, all further keys share one limiter, so that a flood of new keys is held
//! back together and those who are known are served as before.

use std::{collections::BTreeMap, time::Duration};

use crate::rate::{Limiter, Rate};

/// Limiters by key.
#[derive(Debug)]
pub struct Table<K> {
    rate: Rate,
    most: usize,
    limiters: BTreeMap<K, Limiter>,
    /// Of all keys for which there is no room.
    shared: Limiter,
    /// When it is worth looking for forgettable keys again.
    sweep_at: Duration,
}

impl<K: Ord> Table<K> {
    /// Each key has this limit; at most so many keys are told apart.
    pub fn new(rate: Rate, most: usize) -> Self {
        Self {
            rate,
            most,
            limiters: BTreeMap::new(),
            shared: Limiter::new(rate),
            sweep_at: Duration::ZERO,
        }
    }

    /// Counts one for this key; says how long to wait if there is no room.
    pub fn take(&mut self, key: K, now: Duration) -> Result<(), Duration> {
        if let Some(limiter) = self.limiters.get_mut(&key) {
            return limiter.take(now, 1);
        }
        if self.limiters.len() >= self.most {
            self.sweep(now);
        }
        if self.limiters.len() >= self.most {
            return self.shared.take(now, 1);
        }
        let limiter = self.limiters.entry(key).or_insert(Limiter::new(self.rate));
        limiter.take(now, 1)
    }

    /// Forgets the keys with nothing counted; at most once in a window, for it looks at all of them.
    fn sweep(&mut self, now: Duration) {
        if now >= self.sweep_at {
            self.limiters.retain(|_, limiter| !limiter.is_empty(now));
            self.sweep_at = now + self.rate.per.0;
        }
    }

    /// Keys that are told apart now.
    pub fn len(&self) -> usize {
        self.limiters.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.limiters.is_empty()
    }
}
