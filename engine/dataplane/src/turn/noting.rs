//! What the worker has taken into the batch is noted for the record of the batch: see
//! [`Recording`](crate::turn::recording::Recording).

use std::sync::Arc;

use tailrace_core::{
    observe::throttle::By,
    order_log::{Fate, Step},
    ports::store::Full,
};

use crate::{
    arrival::{Arrival, Source, TableRow},
    turn::worker::Worker,
};

impl Worker {
    /// An event is in the batch, or was shed in it, beside this canary.
    pub(super) fn record_event(&mut self, arrival: &Arrival, shed: Option<By>, canary: Option<u64>) {
        self.record_reading(arrival);
        if canary != self.recording.canary {
            self.recording.canary = canary;
            self.recording.push(Step::Canary(canary));
        }
        let step = match arrival.source {
            Source::Input => Step::Events(1),
            Source::Redrive => Step::Redriven(1),
        };
        self.record(step, shed);
    }

    /// Something that was due has woken up.
    pub(super) fn record_wake(&mut self) {
        self.record(Step::Wakes(1), None);
    }

    /// A row of a table is in the batch.
    pub(super) fn record_row(&mut self, row: &TableRow) {
        let step = Step::Rows {
            table: row.table.to_string(),
            tag: row.tag,
            first: row.sequence,
            count: 1,
        };
        self.record(step, None);
    }

    /// A page of a deletion is in the batch.
    pub(super) fn record_deletion(&mut self) {
        self.record(Step::Deletions(1), None);
    }

    fn record(&mut self, step: Step, shed: Option<By>) {
        let full = self.processor.effects.full;
        if full != self.recording.full {
            self.recording.full = full;
            let Full { state, vectors } = full;
            self.recording.push(Step::Full { state, vectors });
        }
        let attempts = self.processor.attempts;
        let tries = (attempts > 0).then_some(Fate::Tries(attempts));
        let calls = self.processor.fates.take();
        let shed = shed.map(|by| Fate::Shed(by, 1));
        let fates: Vec<_> = shed.into_iter().chain(tries).chain(calls).collect();
        // A plugin could fill the record with its reasons otherwise.
        let bytes = fates.iter().map(Fate::bytes).sum();
        self.processor.effects.weigh(bytes);
        self.recording.item(step, fates);
    }

    /// Which revision has read an event, and its clock where that did not go on from the event before.
    fn record_reading(&mut self, arrival: &Arrival) {
        let Some(reading) = &arrival.reading else { return };
        let own = self.processor.plan.revision;
        if self.recording.read_by.unwrap_or(own) != reading.revision {
            self.recording.read_by = Some(reading.revision);
            self.recording.push(Step::ReadBy(reading.revision));
        }
        if self.recording.sampling != reading.sampling {
            self.recording.sampling = reading.sampling;
            self.recording.push(Step::Traced(reading.sampling));
        }
        if arrival.source == Source::Redrive {
            return;
        }
        if self.recording.share != reading.share {
            self.recording.share.clone_from(&reading.share);
            self.recording.push(Step::Share(reading.share.clone()));
        }
        let goes_on = self.recording.reading.as_ref();
        if goes_on.is_some_and(|before| Arc::ptr_eq(before, reading)) {
            return;
        }
        self.recording.reading = Some(reading.clone());
        self.recording.push(Step::Clock {
            sequence: arrival.sequence,
            clock: arrival.clock.clone(),
        });
    }
}
