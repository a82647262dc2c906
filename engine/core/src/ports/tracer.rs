//! Where spans go when they are over. A span is data: who it belongs to, when it was, what it says.
//! `tailrace_dataplane::observe::spans` makes them, for the events that [`crate::trace::sampling`] picks.

use std::time::Duration;

use crate::trace::sampling::Sampling;

/// Takes spans and sends them somewhere.
pub trait Tracer: Send + Sync {
    /// Which events are traced; none while nothing is exported.
    fn sampling(&self) -> Option<Sampling>;
    /// Takes a span that is over. Never waits: what finds no room is counted and left out.
    fn record(&self, span: SpanRecord);
    /// What became of the spans so far.
    fn counts(&self) -> SpanCounts;
}

/// What became of spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpanCounts {
    /// Taken by the collector.
    pub exported: u64,
    /// Left out for want of room in the queue.
    pub dropped: u64,
    /// Lost because the collector did not take them.
    pub failed: u64,
}

/// A span that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRecord {
    /// `consume`, `event`, `step`, `commit`.
    pub name: &'static str,
    /// Whether it takes a message of somebody else.
    pub is_consumer: bool,
    /// The trace.
    pub trace_id: u128,
    /// Its own id.
    pub span_id: u64,
    /// The span that it is a part of; none at the root of a trace.
    pub parent_id: Option<u64>,
    /// Whether that span is the publisher's.
    pub has_remote_parent: bool,
    /// The vendors' part of the context.
    pub state: Option<String>,
    /// When it began, since the Unix epoch.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
    /// What it says.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// What a span says about something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// A name or a sentence.
    Text(String),
    /// A count or a number.
    Number(u64),
}

/// Nothing is traced.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTracer;

impl Tracer for NoTracer {
    fn sampling(&self) -> Option<Sampling> {
        None
    }
    fn record(&self, _: SpanRecord) {}
    fn counts(&self) -> SpanCounts {
        SpanCounts::default()
    }
}
