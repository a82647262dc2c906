//! Events of crate `nexmark`, in disorder, from three times of a day at which results change their kind.

use nexmark::{EventGenerator, config::NexmarkConfig, event::Event};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// 2026-11-28 in UTC.
const DAY_MS: u64 = 1_795_824_000_000;
const HOUR_MS: u64 = 3_600_000;
/// Query 14 tells hours apart, and queries 15 to 17 days.
const TURNS_MS: [u64; 3] = [DAY_MS + 8 * HOUR_MS, DAY_MS + 20 * HOUR_MS, DAY_MS + 24 * HOUR_MS];
/// Events of each of these times, half of them before it.
const EVENTS: usize = 7_000;
const RATE: usize = 500;
/// How far an event may be behind the latest, as `input.watermark.delay` has it by default.
const DELAY_MS: u64 = 5_000;
/// One of so many early events comes hours too late.
const LATE: usize = 97;

/// An event, as it is published.
#[derive(Clone)]
pub struct Sent {
    pub subject: String,
    pub payload: String,
    /// Whether it comes long after all windows that it is in.
    pub is_late: bool,
}

/// All events in the order in which they come.
pub fn all() -> Vec<Sent> {
    let random = &mut StdRng::seed_from_u64(20);
    let mut comes = Vec::new();
    for (place, turn_ms) in TURNS_MS.into_iter().enumerate() {
        for (number, event) in events_at(place, turn_ms).enumerate() {
            let is_late = place == 0 && number % LATE == 0;
            let at = if is_late {
                u64::MAX
            } else {
                event.timestamp() + random.random_range(0..DELAY_MS - 1)
            };
            comes.push((at, sent(&event, is_late)));
        }
    }
    comes.sort_by_key(|(at, _)| *at);
    comes.into_iter().map(|(_, sent)| sent).collect()
}

fn events_at(place: usize, turn_ms: u64) -> impl Iterator<Item = Event> {
    let before = (place * EVENTS + EVENTS / 2) * 1_000 / RATE;
    let config = NexmarkConfig {
        base_time: turn_ms - before as u64,
        first_rate: RATE,
        next_rate: RATE,
        ..NexmarkConfig::default()
    };
    // Later ones go on with the numbers, so that no id comes twice.
    let events = EventGenerator::new(config).with_offset((place * EVENTS) as u64);
    events.take(EVENTS)
}

fn sent(event: &Event, is_late: bool) -> Sent {
    let subject = match event {
        Event::Person(person) => format!("nexmark.person.{}", person.id),
        Event::Auction(auction) => format!("nexmark.auction.{}", auction.seller),
        Event::Bid(bid) => format!("nexmark.bid.{}", bid.bidder),
    };
    Sent {
        subject,
        payload: serde_json::to_string(event).unwrap(),
        is_late,
    }
}
