//! The steps of an order log, one after the other, each an item of the worker's queue.

use std::time::Duration;

use tailrace_core::{order_log::Step, ports::store::Full};

use crate::{
    arrival::QueueItem,
    process::TurnEnd,
    replay::{
        read::{self, Reader},
        replay_error::ReplayError,
        sources::Sources,
    },
    turn::worker::Worker,
};

/// No slice ends while the clock stands.
const SLICE: Duration = Duration::from_hours(1);

/// A batch that is done again.
pub(super) struct Steps<'a> {
    pub(super) commit: u64,
    pub(super) worker: &'a mut Worker,
    pub(super) reader: Reader<'a>,
    pub(super) sources: &'a mut dyn Sources,
}

impl Steps<'_> {
    /// Does one step of the log.
    pub(super) fn take(&mut self, step: &Step) -> Result<(), ReplayError> {
        match step {
            Step::Events(count) => self.each(*count, |reader, sources| reader.event(sources)),
            Step::Redriven(count) => self.each(*count, |reader, sources| reader.letter(sources)),
            Step::Wakes(count) => self.wake(*count),
            Step::Rows {
                table,
                tag,
                first,
                count,
            } => self.rows((table, *tag), *first, *count),
            Step::Deletions(count) => self.delete(*count),
            Step::Mark { sequence, clock } => self.turn(QueueItem::Mark(*sequence, clock.clone())),
            other => self.change(other),
        }
    }

    /// From here on something is otherwise.
    fn change(&mut self, step: &Step) -> Result<(), ReplayError> {
        match step {
            Step::Clock { sequence, clock } => self.reader.go_on_at(*sequence, clock),
            Step::ReadBy(revision) => {
                let plan = read::plan(self.sources, *revision, None)?;
                self.reader.read_by(plan);
                self.worker.reads_on(self.reader.reading());
            }
            Step::Share(share) => {
                self.reader.read_share(share);
                self.worker.reads_on(self.reader.reading());
            }
            Step::Traced(sampling) => {
                self.reader.pick(*sampling);
                self.worker.reads_on(self.reader.reading());
            }
            Step::Canary(None) => self.worker.end_candidate(),
            Step::Full { state, vectors } => {
                let (state, vectors) = (*state, *vectors);
                self.worker.has_too_much(Full { state, vectors });
            }
            // A canary is at work from the beginning; what else there is are items.
            _ => {}
        }
        Ok(())
    }

    fn each(
        &mut self,
        count: u64,
        next: impl Fn(&mut Reader<'_>, &mut dyn Sources) -> Result<QueueItem, ReplayError>,
    ) -> Result<(), ReplayError> {
        for _ in 0..count {
            let item = next(&mut self.reader, self.sources)?;
            self.item(item)?;
        }
        Ok(())
    }

    fn wake(&mut self, count: u64) -> Result<(), ReplayError> {
        for _ in 0..count {
            let woken = self.worker.wake_again();
            woken.map_err(|what| self.diverged(what))?;
        }
        Ok(())
    }

    fn rows(&mut self, (table, tag): (&str, u32), first: u64, count: u64) -> Result<(), ReplayError> {
        let mut from = first;
        for _ in 0..count {
            let row = self.sources.row(table, tag, from);
            let row =
                row.ok_or_else(|| ReplayError::Missing(format!("table {table} from sequence {from} on")))?;
            from = row.sequence + 1;
            self.item(QueueItem::Row(Box::new(row)))?;
        }
        Ok(())
    }

    /// An order stays first in the queue until all of it is deleted.
    fn delete(&mut self, pages: u64) -> Result<(), ReplayError> {
        for _ in 0..pages {
            if self.worker.queued() == 0 {
                let order = self.reader.order(self.sources)?;
                self.worker.enqueue(vec![order]);
            }
            self.run()?;
        }
        // What is left of it is the next batch's, which reads the order again.
        self.worker.forget_queue();
        Ok(())
    }

    /// One item, which must be in the batch then.
    fn item(&mut self, item: QueueItem) -> Result<(), ReplayError> {
        let before = self.worker.items();
        self.turn(item)?;
        if self.worker.items() == before + 1 {
            Ok(())
        } else {
            Err(self.diverged("it is not taken as an item of the batch".to_owned()))
        }
    }

    fn turn(&mut self, item: QueueItem) -> Result<(), ReplayError> {
        self.worker.enqueue(vec![item]);
        self.run()?;
        if self.worker.queued() == 0 {
            Ok(())
        } else {
            Err(self.diverged("it does not come to its end, or something else is due before it".to_owned()))
        }
    }

    fn run(&mut self) -> Result<(), ReplayError> {
        match self.worker.turn(SLICE, 1) {
            TurnEnd::Drained | TurnEnd::Full | TurnEnd::SliceOver | TurnEnd::Backoff(_) => Ok(()),
            end => Err(self.diverged(format!("{end:?}"))),
        }
    }

    fn diverged(&self, what: String) -> ReplayError {
        ReplayError::Diverged {
            commit: self.commit,
            item: self.worker.items(),
            what,
        }
    }
}
