//! What the record of a batch has decided, for a worker that does the batch again.

use tailrace_core::{observe::throttle::By, order_log::Fate};

/// What the record of a batch has decided.
#[derive(Debug)]
pub(super) struct Imposed {
    pub(super) fates: Vec<(u64, Fate)>,
    pub(super) swept: Option<(String, Option<String>)>,
}

impl Imposed {
    /// The fates of an item.
    pub(super) fn of(&self, item: u64) -> impl Iterator<Item = &Fate> {
        let first = self.fates.partition_point(|(number, _)| *number < item);
        let own = self.fates[first..].iter();
        own.take_while(move |(number, _)| *number == item)
            .map(|(_, fate)| fate)
    }

    /// By which limit an item was shed, if it was.
    pub(super) fn shed(&self, item: u64) -> Option<By> {
        self.of(item).find_map(|fate| match fate {
            Fate::Shed(by) => Some(*by),
            _ => None,
        })
    }
}
