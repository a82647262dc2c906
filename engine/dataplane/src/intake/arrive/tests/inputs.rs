//! Several inputs by name.

use super::*;

const INPUTS: &str = "input: {key: {json: /user}}
inputs:
  orders: {subjects: [\"shop.orders.*\"]}
  payments: {subjects: [\"shop.payments.>\"], key: {json: /by}, time: {json: /at, unit: s}}
";

fn on(subject: &str, payload: &str) -> Incoming {
    Incoming {
        subject: subject.to_owned(),
        ..message(&[("tr-input", "forged"), ("X", "1")], payload.as_bytes())
    }
}

#[test]
fn each_input_finds_its_key_and_time_and_an_event_bears_its_name() {
    let plan = plan_of(INPUTS);
    for (subject, payload, name, key, time_ms) in [
        (
            "shop.orders.eve",
            r#"{"user":"ann","at":7}"#,
            "orders",
            "ann",
            RECEIVED_MS,
        ),
        (
            "shop.payments.a.b",
            r#"{"by":"bob","at":7}"#,
            "payments",
            "bob",
            7_000,
        ),
    ] {
        let arrival = arrive(&plan, on(subject, payload));
        assert_eq!(arrival.refused, None);
        assert_eq!(
            (arrival.event.key.as_str(), arrival.event.time_ms),
            (key, time_ms)
        );
        assert_eq!(arrival.input.as_ref().map(Name::as_str), Some(name));
        assert_eq!(
            arrival.clock_source.as_deref(),
            Some(name),
            "it has a clock of its own"
        );
        let headers = arrival.event.headers.iter();
        let headers: Vec<_> = headers
            .map(|header| (header.name.as_str(), header.value.as_str()))
            .collect();
        assert_eq!(headers, [("X", "1"), ("Tr-Input", name)]);
    }
}

#[test]
fn what_is_wrong_is_said_of_the_input() {
    let plan = plan_of(INPUTS);
    let refused = arrive(&plan, on("shop.payments.a", r#"{"user":"ann"}"#)).refused;
    let (code, reason) = refused.unwrap();
    assert_eq!(code, LetterCode::NoKey);
    assert!(
        reason.contains("inputs.payments.key {\"json\":\"/by\"}"),
        "{reason}"
    );
}

#[test]
fn one_that_comes_again_is_of_the_input_that_it_was_of() {
    let plan = plan_of(INPUTS);
    let first = arrive(&plan, on("shop.payments.a", r#"{"by":"bob"}"#));
    let letter = |step: &str| {
        let mut letter = letter(&plan, step, "crash", b"{}");
        let mut reason = dead_letter::reason(&letter.headers).unwrap();
        // A step has changed the subject.
        reason.subject = "elsewhere".to_owned();
        reason.input = first.input.as_ref().map(Name::to_string);
        letter.headers = dead_letter::headers(&first.event.headers, &reason);
        letter
    };
    let again = arrive_again(&plan, letter("s")).unwrap();
    assert_eq!(again.input.as_ref().map(Name::as_str), Some("payments"));
    assert_eq!(again.from_step.as_deref(), Some("s"));
}

#[test]
fn the_watermark_waits_for_an_input_of_which_nothing_has_come_and_no_longer_than_the_lag() {
    let plan = plan_of(&INPUTS.replace("input: {", "input: {watermark: {delay: 0s, lag: 1m}, "));
    let mut clock = crate::intake::clock::IntakeClock::default();
    let mut watermark = |subject: &str, payload: &str, sequence: u64| {
        let mut arrival = arrive(
            &plan,
            Incoming {
                sequence,
                ..on(subject, payload)
            },
        );
        clock.stamp(&plan, &mut arrival, std::time::Duration::ZERO);
        (
            arrival.clock.watermark_ms,
            arrival.clock.held_by(&plan.clock_rule),
        )
    };
    let paid = |ms: u64| format!(r#"{{"by":"bob","at":{}}}"#, ms / 1_000);
    let (first, held) = watermark("shop.payments.a", &paid(RECEIVED_MS), 1);
    assert_eq!(first, RECEIVED_MS - 60_000);
    assert!(held.is_some_and(|why| why.contains("\"orders\", of which nothing has come")));
    let (both, held) = watermark("shop.orders.eve", r#"{"user":"ann"}"#, 2);
    assert_eq!((both, held), (RECEIVED_MS, None));
}
