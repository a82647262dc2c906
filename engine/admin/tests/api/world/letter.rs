//! The only dead letter there is.

use tailrace_core::{
    dead_letter::{REASON_HEADER, Reason},
    event::Header,
    identity::PipelineId,
    state_deletion, subject,
};
use tailrace_testing::broker::MemoryBroker;

/// Its sequence: beyond the first one of any life.
const LETTER: u64 = 1 << 50;

/// Leaves it in the pipeline's stream, behind an output and before an order to delete state.
pub fn leave(broker: &MemoryBroker, pipeline: &PipelineId) {
    let stream = subject::stream_name(pipeline);
    broker.publish(&stream, "results.a", "output");
    broker.skip_to(&stream, LETTER);
    let reason = Reason {
        step: "count".into(),
        code: "crash".into(),
        reason: "divided by zero".into(),
        plugin: None,
        revision: 1,
        fuel: 2,
        attempts: 2,
        backtrace: Vec::new(),
        sequence: 3,
        time_ms: 4,
        subject: "shop.a".into(),
        key: "k".into(),
        cut_from: None,
        dedup_id: None,
        timer: None,
        input: None,
    };
    let reason = Header {
        name: REASON_HEADER.into(),
        value: serde_json::to_string(&reason).unwrap(),
    };
    let dead = subject::dead_subject(pipeline);
    let sequence = broker.publish_with(&stream, &dead, vec![reason], "payload");
    assert_eq!(sequence, LETTER);
    let order = subject::order_subject(pipeline, &state_deletion::subject_token(1));
    broker.publish(&stream, &order, "order");
}
