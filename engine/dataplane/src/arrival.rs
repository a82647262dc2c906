//! What comes to a partition: the items of a partition queue, and the event that one carries.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tailrace_core::{
    carried::CarriedWatermark,
    codes::LetterCode,
    event::{Event, Header},
    event_time::EventTime,
    manifest::Remember,
    name::Name,
    series::Group,
    state_deletion::StateDeletion,
    table::Load,
    trace::sampling::{Followed, Sampling},
    watermark::InputClock,
};
use tailrace_sketch::Update;
use tokio::sync::OwnedSemaphorePermit;

use crate::tables::plan::RowChange;

/// Something for a partition to do.
#[derive(Debug)]
pub enum QueueItem {
    /// An event to process.
    Event(Box<Arrival>),
    /// Nothing for this partition up to this sequence of the input; and its clock there, or after a tick behind it.
    Mark(u64, InputClock),
    /// A row of a table.
    Row(Box<TableRow>),
    /// An order to delete state, by its sequence on the redrive subject.
    Delete(u64, Arc<StateDeletion>),
    /// A barrier, by its number (see [`tailrace_core::observe::reconcile`]).
    Barrier(u64),
}

/// A message of a table, on its way to a partition.
#[derive(Debug)]
pub struct TableRow {
    /// The table.
    pub table: Name,
    /// The tag of the rows that are read now.
    pub tag: u32,
    /// The load that the rows began with, or that this is a piece of; none of a table that is all messages.
    pub load: Option<Load>,
    /// Its sequence in the stream of the table; up to there all of the table was read. Of a load under way, the number
    /// of the piece.
    pub sequence: u64,
    /// What it does.
    pub change: RowChange,
    /// Its share of the pipeline's room in memory, until it is taken in.
    pub room: Option<OwnedSemaphorePermit>,
}

/// What an event has at the place of a sketch's value.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredValue {
    /// The sketch.
    pub sketch: Name,
    /// The step that must have accepted the event; none for all that it comes to.
    pub after: Option<Name>,
    /// The update that the value means; none where there is no value that the sketch can measure.
    pub update: Option<Update>,
}

/// An event on its way to a partition.
#[derive(Debug)]
pub struct Arrival {
    /// Which stream it came from.
    pub source: Source,
    /// Its sequence in that stream; moves the position.
    pub sequence: u64,
    /// The event.
    pub event: Event,
    /// Its payload as it came, before it was read.
    pub raw: Bytes,
    /// Its headers as they came, where reading has changed them.
    pub raw_headers: Option<Vec<Header>>,
    /// Why it cannot even enter the first step, if so: code and reason.
    pub refused: Option<(LetterCode, String)>,
    /// What its time was like.
    pub time: EventTime,
    /// Whether its time is later than the broker can have received it, and so is not believed.
    pub is_ahead: bool,
    /// Whether its time moves the clock of the input: it is the event's own, and is believed.
    pub moves_clock: bool,
    /// Which source it is of, where sources have clocks of their own.
    pub clock_source: Option<String>,
    /// How far the pipeline was that has published it, where that counts.
    pub carried: Option<CarriedWatermark>,
    /// Which of several inputs it is of.
    pub input: Option<Name>,
    /// When the broker received it.
    pub received_ms: u64,
    /// The clock of the input with this event. Of one that is sent again, it has not started.
    pub clock: InputClock,
    /// How it was read; unknown of what nobody has read, as a timer.
    pub reading: Option<Arc<Reading>>,
    /// Whether it is no event, and is passed over.
    pub skipped: bool,
    /// What it is known by when it comes again.
    pub dedup: Option<Identifier>,
    /// What it has for the sketches that the engine measures.
    pub measured: Vec<MeasuredValue>,
    /// Its group in each grouped sketch.
    pub groups: Vec<(Name, Group)>,
    /// The name of the timer that it is, and no event.
    pub timer: Option<String>,
    /// The step to begin with, where the event is sent again from the dead letters.
    pub from_step: Option<String>,
    /// Its share of the memory that the pipeline's events in flight may take; given back when the
    /// event is done.
    pub room: Option<OwnedSemaphorePermit>,
    /// Its trace, where that is followed.
    pub traced: Option<Box<Traced>>,
}

impl Arrival {
    /// An event from there, of which nothing else is known.
    pub fn of(source: Source, sequence: u64, event: Event) -> Self {
        Self {
            source,
            sequence,
            raw: event.payload.clone(),
            raw_headers: None,
            event,
            refused: None,
            time: EventTime::Missing,
            is_ahead: false,
            moves_clock: false,
            clock_source: None,
            carried: None,
            input: None,
            received_ms: 0,
            clock: InputClock::default(),
            reading: None,
            skipped: false,
            dedup: None,
            measured: Vec::new(),
            groups: Vec::new(),
            timer: None,
            from_step: None,
            room: None,
            traced: None,
        }
    }
}

/// A stretch of the input over which its clock went on from event to event, and hung on nothing else: no tick came, the
/// rule of the clock stayed, and reading did not begin anew. It is another one where it is not the same in memory.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading {
    /// The revision that has read the events.
    pub revision: u64,
    /// The partitions whose events are read; none where all of the input is.
    pub share: Vec<u32>,
    /// Which of them were picked to be traced.
    pub sampling: Option<Sampling>,
}

/// What an event is known by when it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// As the event says it.
    pub text: String,
    /// Which events it is remembered of.
    pub remember: Remember,
}

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The pipeline's input.
    Input,
    /// Its dead letters.
    Redrive,
}

/// An event whose trace is followed, from the moment that it was read.
#[derive(Debug, Clone)]
pub struct Traced {
    pub(crate) followed: Followed,
    /// One moment on both clocks, so that the spans of an event lie right to each other.
    pub(crate) read_unix: Duration,
    pub(crate) read_at: Duration,
}
