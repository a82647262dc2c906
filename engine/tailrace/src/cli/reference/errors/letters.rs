//! The codes of dead letters.

use tailrace_core::codes::LetterCode;

use super::entry::{Entry, TENANT, entry};

pub(super) fn letter(code: LetterCode) -> Entry {
    match code {
        LetterCode::Ahead => entry(
            TENANT,
            "The event's time is later than the broker's receive time by more than `input.watermark.ahead`. `late` of `input.watermark`, or of a window, is `dead-letter`.",
            "Correct the publisher's clock, or check `input.time.unit`. For invented times use `ahead: any`. A redriven event is processed. A letter of a window is redriven once its time is believed, and refused before.",
        ),
        LetterCode::DuplicateMember => entry(
            TENANT,
            "An object in the event's payload has the same member twice, so it means different things to different readers.",
            "Correct the publisher. The reason names the member.",
        ),
        LetterCode::Late => entry(
            TENANT,
            "The event's time is behind the watermark, and `input.watermark.late` is `dead-letter`. Or all its windows are over, and `late` of a window is `dead-letter`.",
            "Raise `input.watermark.delay`, or use `late: process`. A redriven event is processed. A letter of a window is refused when all its windows are over; see how to use windows.",
        ),
        LetterCode::LongKey => entry(
            TENANT,
            "The event's key has more than 1,024 bytes.",
            "Choose another place for `input.key`, or publish shorter keys.",
        ),
        LetterCode::MalformedCloudevent => entry(
            TENANT,
            "The pipeline takes CloudEvents (`input.cloudevents`), and the message is none, or not as the specification has it. With `output.cloudevents`, a message of a plugin may be the cause.",
            "The reason names the header or the place in the envelope. Correct the publisher, then redrive the event.",
        ),
        LetterCode::MalformedHeaders => entry(
            TENANT,
            "The broker stored headers that are none, or a subject that is no UTF-8 or holds white space. No client can read such a message. So the event has no headers here.",
            "The reason says what is wrong. Correct the publisher. A redriven event is processed without its headers.",
        ),
        LetterCode::NoKey => entry(
            TENANT,
            "The event has no key at the place that `input.key` names.",
            "Correct `input.key`, or correct the publisher.",
        ),
        LetterCode::OverCap => entry(
            TENANT,
            "The event caused more calls, messages or bytes in all steps together than one event may cause.",
            "Emit fewer messages for each event.",
        ),
        LetterCode::RateLimited => entry(
            TENANT,
            "A rate limit had no room for the event, and `rate.over` is `dead-letter`.",
            "Raise the limit, or use `over: wait`. A redriven event waits instead.",
        ),
        LetterCode::SchemaMismatch => entry(
            TENANT,
            "The payload does not fit `input.schema`, or a message that a step emitted does not fit `output.schema`.",
            "The reason names the place. Correct the publisher or the plugin, or push a version and apply it.",
        ),
        LetterCode::StateQuota => entry(
            TENANT,
            "The tenant's quota of state is used up, so no window can begin for the event.",
            "Delete state, make windows or groups fewer, or ask an operator to raise `state-bytes`. Then redrive the event.",
        ),
        LetterCode::TooLarge => entry(
            TENANT,
            "A message, its headers or its subject is larger than the broker takes.",
            "Emit smaller messages, or ask the operator to raise `max_payload` of the broker.",
        ),
        LetterCode::TooManyHops => entry(
            TENANT,
            "The event came through 16 pipelines. They probably feed themselves.",
            "Break the circle between the pipelines or between a pipeline and a program.",
        ),
        LetterCode::Transient => entry(
            TENANT,
            "The plugin reported a transient failure, and no retry was left.",
            "Correct the cause that the plugin names, then redrive the dead letter.",
        ),
        LetterCode::UnreadablePayload => entry(
            TENANT,
            "The payload is not JSON in UTF-8, and the pipeline needs a value in it. The reason says what it is: compressed, UTF-16 or JSON with a fault.",
            "Publish JSON in UTF-8, uncompressed, or take `input.key` from the subject or a header.",
        ),
        LetterCode::UnreadableTime => entry(
            TENANT,
            "The event's time is no RFC 3339 time with an offset and no number in `input.time.unit`, and `input.time.on-unreadable` is `reject`.",
            "Correct the publisher or `input.time`, or use `on-unreadable: receive-time`.",
        ),
    }
}
