//! Spans for whoever exports traces: `consume` (a read of the input), `event`, `step` within it,
//! `commit`. All have the target [`TARGET`] and level debug, so they cost a look at a flag until a
//! subscriber wants them. An event's span bears the publisher's context as fields, for an exporter to
//! make it a child of the publisher's span.

use tracing::{Span, debug_span, field};

use super::worker::Arrival;
use crate::{
    identity::{PartitionId, PipelineId},
    name::Name,
    trace::TraceContext,
};

/// What a subscriber filters by.
pub const TARGET: &str = "tailrace::trace";

/// A read of the input, or of the dead letters that are sent again.
pub fn consume(pipeline: &PipelineId, messages: usize) -> Span {
    debug_span!(target: TARGET, "consume", %pipeline, messages)
}

/// The processing of one event.
pub fn event(pipeline: &PipelineId, partition: u32, arrival: &Arrival) -> Span {
    let span = debug_span!(
        target: TARGET,
        "event",
        %pipeline,
        partition,
        sequence = arrival.sequence,
        trace_id = field::Empty,
        parent_id = field::Empty,
        sampled = field::Empty,
    );
    if !span.is_disabled()
        && let Some(context) = TraceContext::of(&arrival.event.headers)
    {
        span.record("trace_id", context.trace_id);
        span.record("parent_id", context.parent_id);
        span.record("sampled", context.sampled);
    }
    span
}

/// One call of a step.
pub fn step(step: &Name) -> Span {
    debug_span!(target: TARGET, "step", %step, fuel = field::Empty)
}

/// The storing of a batch, every try of it.
pub fn commit(partition: &PartitionId, commit: u64, events: u64) -> Span {
    debug_span!(target: TARGET, "commit", %partition, commit, events)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span::{Attributes, Id, Record},
    };

    use super::*;
    use crate::{
        event::{Event as InputEvent, Header},
        pipeline::worker::Source,
    };

    /// Writes down the fields of all spans.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl Visit for Seen {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0.lock().unwrap().push(format!("{}={value:?}", field.name()));
        }
    }

    impl Subscriber for Seen {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == TARGET
        }
        fn new_span(&self, span: &Attributes<'_>) -> Id {
            span.record(&mut self.clone());
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut self.clone());
        }
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn an_events_span_bears_the_context_of_its_publisher() {
        let name = |text: &str| Name::new(text).unwrap();
        let pipeline = PipelineId {
            tenant: name("shop"),
            pipeline: name("clicks"),
        };
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let arrival = Arrival {
            source: Source::Input,
            sequence: 7,
            event: InputEvent {
                sequence: 7,
                time_ms: 0,
                subject: "s".to_owned(),
                key: "k".to_owned(),
                headers: vec![Header {
                    name: "traceparent".to_owned(),
                    value: parent.to_owned(),
                }],
                payload: "".into(),
            },
            refused: None,
            dedup_id: None,
            measured: Vec::new(),
            from_step: None,
            room: None,
        };
        let seen = Seen::default();
        tracing::subscriber::with_default(seen.clone(), || drop(event(&pipeline, 2, &arrival)));
        let fields = seen.0.lock().unwrap().join(" ");
        for field in [
            "partition=2",
            "sequence=7",
            "trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"",
            "parent_id=\"00f067aa0ba902b7\"",
            "sampled=true",
        ] {
            assert!(fields.contains(field), "{field}: {fields}");
        }
    }
}
