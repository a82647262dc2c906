//! The events of all measurements: JSON of a stated size, so many keys in turn. What a valid event is
//! stands here twice, for the plugin and for the worker written by hand, and means the same; the peers
//! have it a third time, in their own language.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

/// Keys of the events, where nothing else is said.
pub const KEYS: u64 = 1_000;
/// Bytes of an event, where nothing else is said.
pub const BYTES: usize = 256;
/// Prime to every number of keys here, so that keys come in an order that no tree likes.
const STRIDE: u64 = 7_919;

/// An event of about this many bytes.
pub fn event(number: u64, bytes: usize, keys: u64) -> Bytes {
    written(number, bytes, keys, "")
}

/// An event that bears the moment at which it should have been sent.
pub fn timed_event(number: u64, bytes: usize, intended_us: u64) -> Bytes {
    written(number, bytes, KEYS, &format!(r#""at":{intended_us},"#))
}

fn written(number: u64, bytes: usize, keys: u64, more: &str) -> Bytes {
    let user = number.wrapping_mul(STRIDE) % keys;
    let head = format!(
        r#"{{{more}"user":"u{user}","item":"i{}","amount":{}.5,"ts":{},"note":""#,
        number % 5_000,
        number % 900,
        1_700_000_000_000 + number
    );
    let mut text = head.into_bytes();
    let end = bytes.saturating_sub(2).max(text.len());
    text.resize(end, b'x');
    text.extend_from_slice(b"\"}");
    text.into()
}

/// The moment that [`timed_event`] wrote at the head of an event.
pub fn intended_us(payload: &[u8]) -> Option<u64> {
    let rest = payload.strip_prefix(br#"{"at":"#)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0_u64, |sum, digit| {
        sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
    }))
}

/// The config of the validator.
pub const SCHEMA: &str = r#"{"schema":{"unknown":"keep","fields":{
    "user":{"type":"text","required":true,"length":{"min":1,"max":64}},
    "item":{"type":"text","required":true,"length":{"min":1,"max":64}},
    "amount":{"type":"number","required":true,"min":0,"max":1000},
    "ts":{"type":"timestamp","required":true}}}}"#;

/// The same by hand: what the schema lists, borrowed where it can be.
#[derive(Deserialize)]
pub struct Valid<'a> {
    /// The key.
    #[serde(borrow)]
    pub user: Cow<'a, str>,
    #[serde(borrow)]
    item: Cow<'a, str>,
    amount: f64,
    ts: u64,
}

/// Checks an event by hand.
pub fn validate(payload: &[u8]) -> Option<Valid<'_>> {
    let event: Valid<'_> = serde_json::from_slice(payload).ok()?;
    let within = |text: &str| (1..=64).contains(&text.chars().count());
    let valid = within(&event.user)
        && within(&event.item)
        && (0.0..=1_000.0).contains(&event.amount)
        && event.ts <= 253_402_300_799_999;
    valid.then_some(event)
}
