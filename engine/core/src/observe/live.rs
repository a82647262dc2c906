//! One who shows, many who watch. The one who shows never waits: a watcher whose queue is full, or who
//! has had its share of this second, misses the item and is told how many it missed. An item that
//! nobody takes is not even made. A watcher that goes away is gone at once.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::sync::mpsc::{self, error::TrySendError};

/// A stream of `T`, of which each watcher wants what its `F` says.
pub struct Live<T, F> {
    /// Length of `watchers`, so that nobody takes the lock for nothing.
    watched: AtomicUsize,
    watchers: Mutex<Vec<Watcher<T, F>>>,
    next: AtomicU64,
    bounds: Bounds,
}

/// How much one watcher gets.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Items that wait for a slow watcher.
    pub queue: usize,
    /// Items a second.
    pub per_second: u32,
}

struct Watcher<T, F> {
    number: u64,
    wanted: F,
    sender: mpsc::Sender<Arc<T>>,
    missed: Arc<Counters>,
    rate: ShowRate,
}

#[derive(Default)]
struct Counters {
    dropped: AtomicU64,
    limited: AtomicU64,
}

/// What a watcher did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Missed {
    /// Because it did not take what was there in time.
    pub dropped: u64,
    /// Because there is a bound on what one watcher gets in a second.
    pub limited: u64,
}

/// So many in each second; a second begins with the first item after the one before.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShowRate {
    began: Duration,
    taken: u32,
}

impl ShowRate {
    /// Whether one more may pass now.
    pub fn admits(&mut self, now: Duration, per_second: u32) -> bool {
        if now.saturating_sub(self.began) >= Duration::from_secs(1) {
            *self = Self { began: now, taken: 0 };
        }
        let admitted = self.taken < per_second;
        self.taken += u32::from(admitted);
        admitted
    }
}

impl<T, F> Live<T, F> {
    /// Nobody watches yet.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            watched: AtomicUsize::new(0),
            watchers: Mutex::default(),
            next: AtomicU64::new(0),
            bounds,
        }
    }

    /// Whether anybody watches. All that an event costs otherwise.
    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed) > 0
    }

    fn watchers(&self) -> MutexGuard<'_, Vec<Watcher<T, F>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more watcher.
    pub fn watch(self: &Arc<Self>, wanted: F) -> LiveStream<T, F> {
        let (sender, items) = mpsc::channel(self.bounds.queue);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let missed = Arc::new(Counters::default());
        let mut watchers = self.watchers();
        watchers.push(Watcher {
            number,
            wanted,
            sender,
            missed: missed.clone(),
            rate: ShowRate::default(),
        });
        self.watched.store(watchers.len(), Ordering::Relaxed);
        drop(watchers);
        LiveStream {
            live: self.clone(),
            number,
            items,
            missed,
        }
    }

    /// Shows an item to those who want it; `now` is monotonic.
    pub fn show(&self, now: Duration, wants: impl Fn(&F) -> bool, make: impl Fn() -> T) {
        if !self.is_watched() {
            return;
        }
        let mut made: Option<Arc<T>> = None;
        for watcher in self.watchers().iter_mut() {
            if !wants(&watcher.wanted) {
                continue;
            }
            match watcher.sender.try_reserve() {
                Ok(place) if watcher.rate.admits(now, self.bounds.per_second) => {
                    place.send(made.get_or_insert_with(|| Arc::new(make())).clone());
                }
                Ok(_) => drop(watcher.missed.limited.fetch_add(1, Ordering::Relaxed)),
                Err(TrySendError::Full(())) => {
                    watcher.missed.dropped.fetch_add(1, Ordering::Relaxed);
                }
                // It is going away just now.
                Err(TrySendError::Closed(())) => {}
            }
        }
    }

    /// Ends every watcher's stream.
    pub fn close(&self) {
        let mut watchers = self.watchers();
        watchers.clear();
        self.watched.store(0, Ordering::Relaxed);
    }
}

/// A watcher's end. Dropping it ends the watching.
pub struct LiveStream<T, F> {
    live: Arc<Live<T, F>>,
    number: u64,
    items: mpsc::Receiver<Arc<T>>,
    missed: Arc<Counters>,
}

impl<T, F> LiveStream<T, F> {
    /// The next item; none when the stream has ended. May be dropped and called again.
    pub async fn next(&mut self) -> Option<Arc<T>> {
        self.items.recv().await
    }

    /// What was missed since this was last asked.
    pub fn missed(&self) -> Option<Missed> {
        let missed = Missed {
            dropped: self.missed.dropped.swap(0, Ordering::Relaxed),
            limited: self.missed.limited.swap(0, Ordering::Relaxed),
        };
        (missed != Missed::default()).then_some(missed)
    }
}

impl<T, F> Drop for LiveStream<T, F> {
    fn drop(&mut self) {
        let mut watchers = self.live.watchers();
        watchers.retain(|watcher| watcher.number != self.number);
        self.live.watched.store(watchers.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        queue: 4,
        per_second: 10,
    };

    fn shown(live: &Live<u32, u32>, numbers: std::ops::Range<u32>, now: Duration) -> u32 {
        let made = Cell::new(0);
        for number in numbers {
            live.show(
                now,
                |least| number >= *least,
                || {
                    made.set(made.get() + 1);
                    number
                },
            );
        }
        made.get()
    }

    #[tokio::test]
    async fn nothing_is_made_while_nobody_watches() {
        let live = Arc::new(Live::new(BOUNDS));
        assert_eq!(shown(&live, 0..1_000, Duration::ZERO), 0);
        let watch = live.watch(2_000);
        assert_eq!(
            shown(&live, 0..1_000, Duration::ZERO),
            0,
            "it wants none of these"
        );
        drop(watch);
        assert!(!live.is_watched());
    }

    #[tokio::test]
    async fn a_slow_watcher_loses_items_is_told_how_many_and_holds_nobody_up() {
        let live = Arc::new(Live::new(BOUNDS));
        let mut slow = live.watch(0);
        let mut quick = live.watch(0);
        // `show` is no async function: it cannot wait, whoever watches.
        for number in 0..8 {
            shown(&live, number..number + 1, Duration::ZERO);
            assert_eq!(quick.next().await.as_deref(), Some(&number));
        }
        assert_eq!(quick.missed(), None);
        for number in 0..4 {
            assert_eq!(slow.next().await.as_deref(), Some(&number));
        }
        let missed = Missed {
            dropped: 4,
            limited: 0,
        };
        assert_eq!((slow.missed(), slow.missed()), (Some(missed), None));
    }

    #[tokio::test]
    async fn a_thousand_watchers_that_take_nothing_hold_no_more_items_than_one() {
        let live = Arc::new(Live::new(BOUNDS));
        let watches: Vec<_> = (0..1_000).map(|_| live.watch(0)).collect();
        assert_eq!(
            shown(&live, 0..10_000, Duration::ZERO),
            4,
            "an item is made once, and only while somebody has room for it"
        );
        for watch in &watches {
            assert_eq!(watch.items.len(), 4);
            let missed = watch.missed().map(|missed| missed.dropped);
            assert_eq!(missed, Some(9_996));
        }
        drop(watches);
        assert!(!live.is_watched());
        assert_eq!(shown(&live, 0..10, Duration::ZERO), 0);
    }

    #[tokio::test]
    async fn a_watcher_gets_its_share_of_a_second_and_no_more() {
        let bounds = Bounds { queue: 100, ..BOUNDS };
        let live = Arc::new(Live::new(bounds));
        let watch = live.watch(0);
        assert_eq!(shown(&live, 0..50, Duration::from_millis(5)), 10);
        assert_eq!(shown(&live, 0..50, Duration::from_millis(999)), 0);
        assert_eq!(shown(&live, 0..50, Duration::from_secs(1)), 10);
        let limited = watch.missed().map(|missed| missed.limited);
        assert_eq!(limited, Some(130));
    }

    #[tokio::test]
    async fn a_vanished_watcher_is_gone_and_a_closed_stream_ends() {
        let live = Arc::new(Live::new(BOUNDS));
        let (first, mut second) = (live.watch(0), live.watch(0));
        drop(first);
        assert_eq!(live.watchers().len(), 1);
        shown(&live, 0..1, Duration::ZERO);
        live.close();
        assert_eq!(
            second.next().await.as_deref(),
            Some(&0),
            "what is there is still given"
        );
        assert!(second.next().await.is_none());
        assert!(!live.is_watched());
    }
}
