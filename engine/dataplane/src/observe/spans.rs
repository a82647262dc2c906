//! The spans of a traced event, a tree: `consume` (read from the broker, until its turn comes) is a child
//! of the publisher's span, `event` (one try of it) of `consume`; `step` (one call) and `commit` (until
//! the batch is stored) of `event`. Messages that the event causes name `event` as their parent.
//!
//! They are handed over once the event's effects are committed, or when a try fails and is to be
//! repeated, so a batch that nobody stored is never shown. Ids are hashes of what an event is, not
//! random: work on an event that is not traced costs one look at an empty field, and a replay after a crash
//! names its spans as the first run did, unless the count of tries differs.
//!
//! Why: docs/decisions/0035-spans-are-data-of-core.md

use std::{hash::Hasher as _, time::Duration};

use siphasher::sip::SipHasher13;
use tailrace_core::{
    event::Event,
    identity::PipelineId,
    name::Name,
    ports::{
        clock::Clock,
        tracer::{Attribute, SpanRecord, Tracer},
    },
    trace::{TraceContext, sampling::Sampling},
};

use crate::arrival::{Arrival, Source, Traced};

/// Steps that a trace shows of one event; an event can cause 2,000 calls, and a batch hold 2,000 events.
const MAX_STEPS: u64 = 64;
/// Bytes of the reason for a failure that a span bears.
const MAX_FAILURE_CHARS: usize = 512;

/// Looks whether the trace of an event is followed.
pub fn take_up(sampling: Sampling, tenant: &Name, event: &Event, clock: &dyn Clock) -> Option<Box<Traced>> {
    let followed = sampling.follow(tenant, event)?;
    Some(Box::new(Traced {
        followed,
        read_unix: Duration::from_millis(clock.unix_ms()),
        read_at: clock.monotonic(),
    }))
}

/// Spans of a batch.
#[derive(Debug, Default)]
pub struct BatchSpans {
    /// Of its events that are traced; handed over when the batch is stored.
    pub traced: Vec<EventSpans>,
    /// Of tries that were taken back.
    pub repeated: Vec<EventSpans>,
}

/// The spans of one try of an event.
#[derive(Debug, Clone)]
pub struct EventSpans {
    traced: Traced,
    event_id: u64,
    began: Duration,
    calls: u64,
    spans: Vec<SpanRecord>,
}

impl EventSpans {
    /// A try begins; `attempt` counts from 0.
    pub fn begin(
        traced: &Traced,
        pipeline: &PipelineId,
        partition: u32,
        arrival: &Arrival,
        attempt: u32,
        now: Duration,
    ) -> Self {
        let mut spans = Self {
            traced: traced.clone(),
            event_id: 0,
            began: now,
            calls: 0,
            spans: Vec::new(),
        };
        let consume_id = hash(&[
            (traced.followed.trace_id >> 64) as u64,
            traced.followed.trace_id as u64,
            hash_text(&pipeline.to_string()),
            u64::from(arrival.source == Source::Redrive),
            arrival.sequence,
        ]);
        spans.event_id = hash(&[consume_id, u64::from(attempt)]);
        let about = [
            ("tailrace.tenant", Attribute::Text(pipeline.tenant.to_string())),
            (
                "tailrace.pipeline",
                Attribute::Text(pipeline.pipeline.to_string()),
            ),
            ("tailrace.partition", Attribute::Number(u64::from(partition))),
            ("tailrace.sequence", Attribute::Number(arrival.sequence)),
        ];
        if attempt == 0 {
            let mut consume = spans.span("consume", consume_id, traced.read_at, now);
            consume.is_consumer = true;
            consume.parent_id = traced.followed.parent_id;
            consume.has_remote_parent = consume.parent_id.is_some();
            consume.attributes = about.to_vec();
            let subject = Attribute::Text(arrival.event.subject.clone());
            consume
                .attributes
                .push(("messaging.system", Attribute::Text("nats".to_owned())));
            consume.attributes.push(("messaging.destination.name", subject));
            spans.spans.push(consume);
        }
        let mut event = spans.span("event", spans.event_id, now, now);
        event.parent_id = Some(consume_id);
        event.attributes = about.to_vec();
        event
            .attributes
            .push(("tailrace.attempt", Attribute::Number(u64::from(attempt) + 1)));
        spans.spans.push(event);
        spans
    }

    /// What the messages of the event bear.
    pub fn context(&self) -> TraceContext {
        let followed = &self.traced.followed;
        TraceContext::ours(followed.trace_id, self.event_id, followed.state.clone())
    }

    /// A call is over.
    pub fn step(
        &mut self,
        step: &Name,
        began: Duration,
        took: Duration,
        fuel: u64,
        failure: Option<(&str, &str)>,
    ) {
        self.calls += 1;
        if self.calls > MAX_STEPS {
            return;
        }
        let mut span = self.span("step", hash(&[self.event_id, self.calls]), began, began + took);
        span.parent_id = Some(self.event_id);
        span.attributes = vec![
            ("tailrace.step", Attribute::Text(step.to_string())),
            ("tailrace.fuel", Attribute::Number(fuel)),
        ];
        span.failure = failure.map(|(code, reason)| {
            let reason: String = reason.chars().take(MAX_FAILURE_CHARS).collect();
            format!("{code}: {reason}")
        });
        self.spans.push(span);
    }

    /// The try is over.
    pub fn end(&mut self, now: Duration, outcome: &'static str, failure: Option<String>) {
        let began = self.began;
        let calls = self.calls;
        let event = self.spans.iter_mut().find(|span| span.name == "event");
        if let Some(event) = event {
            event.took = now.saturating_sub(began);
            event
                .attributes
                .push(("tailrace.fate", Attribute::Text(outcome.to_owned())));
            event
                .attributes
                .push(("tailrace.calls", Attribute::Number(calls)));
            event.failure = failure;
        }
    }

    /// Hands the spans over, without a commit: the try is to be repeated.
    pub fn hand_over(self, tracer: &dyn Tracer) {
        self.spans.into_iter().for_each(|span| tracer.record(span));
    }

    /// The batch that the event lies in was stored.
    pub fn committed(
        mut self,
        tracer: &dyn Tracer,
        commit: u64,
        events: u64,
        began: Duration,
        ended: Duration,
    ) {
        let mut span = self.span("commit", hash(&[self.event_id, 0]), began, ended);
        span.parent_id = Some(self.event_id);
        span.attributes = vec![
            ("tailrace.commit", Attribute::Number(commit)),
            ("tailrace.batch_events", Attribute::Number(events)),
        ];
        self.spans.push(span);
        self.hand_over(tracer);
    }

    fn span(&self, name: &'static str, span_id: u64, began: Duration, ended: Duration) -> SpanRecord {
        let since_read = began.saturating_sub(self.traced.read_at);
        SpanRecord {
            name,
            is_consumer: false,
            trace_id: self.traced.followed.trace_id,
            span_id,
            parent_id: None,
            has_remote_parent: false,
            state: self.traced.followed.state.clone(),
            began: self.traced.read_unix + since_read,
            took: ended.saturating_sub(began),
            attributes: Vec::new(),
            failure: None,
        }
    }
}

/// An id of these parts; never 0, which stands for no span.
fn hash(parts: &[u64]) -> u64 {
    let mut hasher = SipHasher13::new();
    for part in parts {
        hasher.write_u64(*part);
    }
    hasher.finish().max(1)
}

fn hash_text(text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use tailrace_core::{event::Header, ports::tracer::SpanCounts};

    #[derive(Default)]
    struct Seen(Mutex<Vec<SpanRecord>>);

    impl Tracer for Seen {
        fn sampling(&self) -> Option<Sampling> {
            None
        }
        fn record(&self, span: SpanRecord) {
            self.0.lock().unwrap().push(span);
        }
        fn counts(&self) -> SpanCounts {
            SpanCounts::default()
        }
    }

    struct At(u64);

    impl Clock for At {
        fn unix_ms(&self) -> u64 {
            1_000_000 + self.0
        }
        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0)
        }
    }

    fn arrival() -> Arrival {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let event = Event {
            sequence: 7,
            time_ms: 0,
            subject: "s".to_owned(),
            key: "k".to_owned(),
            headers: vec![Header {
                name: "traceparent".to_owned(),
                value: parent.to_owned(),
            }],
            payload: "".into(),
        };
        Arrival::of(Source::Input, 7, event)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn one_try(attempt: u32) -> EventSpans {
        let name = |text: &str| Name::new(text).unwrap();
        let pipeline = PipelineId {
            tenant: name("shop"),
            pipeline: name("clicks"),
        };
        let arrival = arrival();
        let sampling = Sampling::ratio(0.0);
        let traced = take_up(sampling, &pipeline.tenant, &arrival.event, &At(10)).unwrap();
        let mut spans = EventSpans::begin(&traced, &pipeline, 2, &arrival, attempt, ms(14));
        spans.step(
            &name("check"),
            ms(15),
            ms(2),
            99,
            Some(("unreachable", "it fell")),
        );
        spans.end(ms(18), "dead", None);
        spans
    }

    #[test]
    fn the_spans_of_an_event_are_a_tree_under_the_publishers_span() {
        let seen = Seen::default();
        one_try(0).committed(&seen, 3, 20, ms(20), ms(26));
        let spans = seen.0.into_inner().unwrap();
        let shape: Vec<_> = spans
            .iter()
            .map(|span| (span.name, span.began.as_millis(), span.took.as_millis()))
            .collect();
        let expected = [
            ("consume", 1_000_010, 4),
            ("event", 1_000_014, 4),
            ("step", 1_000_015, 2),
            ("commit", 1_000_020, 6),
        ];
        assert_eq!(shape, expected);
        let parents: Vec<_> = spans.iter().map(|span| span.parent_id.unwrap()).collect();
        let (consume, event) = (spans[0].span_id, spans[1].span_id);
        assert_eq!(parents, [0x00f0_67aa_0ba9_02b7, consume, event, event]);
        let traces = spans.iter().map(|span| span.trace_id);
        assert!(
            traces
                .into_iter()
                .all(|trace| trace == 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)
        );
        assert_eq!(spans[2].failure.as_deref(), Some("unreachable: it fell"));
    }

    #[test]
    fn a_repeated_try_is_another_span_below_the_same_consume_and_a_replay_bears_the_same_ids() {
        let handed = |attempt| {
            let seen = Seen::default();
            one_try(attempt).hand_over(&seen);
            seen.0.into_inner().unwrap()
        };
        let (first, second) = (handed(0), handed(1));
        assert_eq!(second[0].name, "event");
        assert_eq!(first[1].parent_id, second[0].parent_id);
        assert_ne!(first[1].span_id, second[0].span_id);
        assert_eq!(first, handed(0));
        assert_eq!(one_try(0).context(), one_try(0).context());
    }

    #[test]
    fn an_event_of_many_calls_shows_the_first_and_counts_all() {
        let mut spans = one_try(0);
        let step = Name::new("check").unwrap();
        for _ in 0..500 {
            spans.step(&step, ms(15), ms(2), 1, None);
        }
        spans.end(ms(18), "emitted", None);
        assert_eq!(spans.spans.len() as u64, MAX_STEPS + 2);
        let counted = ("tailrace.calls", Attribute::Number(501));
        assert!(spans.spans[1].attributes.contains(&counted));
    }
}
