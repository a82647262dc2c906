//! What an engine from before has left behind: its records say nothing of their order.

use tailrace_core::{
    record::{self, Assembler, Record},
    subject,
};
use tailrace_testing::broker::{MemoryBroker, Options};

use super::scenario::Scenario;

/// A broker with the same streams, in which no record has an order log.
pub fn broker_from_before(scenario: &Scenario, options: Options) -> Result<MemoryBroker, String> {
    let max_payload = options.max_payload;
    let broker = scenario.broker.beginning_with("IN", options);
    broker.begin_pipeline(&scenario.pipeline, scenario.life, scenario.partitions);
    let stream = subject::stream_name(&scenario.pipeline);
    let begun = broker.messages(&stream, ">").len();
    for message in scenario.broker.messages(&stream, ">").into_iter().skip(begun) {
        let payload = match record::decode_part(&message.payload) {
            Ok((head, _)) if head.parts == 1 => {
                let read = Assembler::default().push(&message.payload);
                let read = read.map_err(|cause| cause.to_string())?;
                let Record { head, delta, .. } = read.ok_or("a record in one part")?;
                record::encode(&head, &delta, None, max_payload).remove(0)
            }
            // Parts are counted, so those of others stay.
            _ => message.payload,
        };
        broker.publish_with(&stream, &message.subject, message.headers, payload);
    }
    Ok(broker)
}
