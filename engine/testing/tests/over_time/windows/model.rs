//! Windows as the documentation says them, over a list of events: slow and plain.

use std::collections::BTreeMap;

/// A result: key, start, end, count, sum.
pub type Told = (String, u64, u64, u64, i64);

/// What the windows are.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Of this length, one every so often.
    Fixed(u64, u64),
    /// With this gap, of at most so long.
    Session(u64, u64),
}

/// An event that was taken.
#[derive(Debug, Clone, Copy)]
struct Event {
    time: u64,
    value: i64,
    /// The watermark when it came.
    came: u64,
}

/// The windows of all keys.
pub struct Model {
    kind: Kind,
    grace: u64,
    watermark: u64,
    events: BTreeMap<String, Vec<Event>>,
    pub late: u64,
    pub told: Vec<Told>,
}

impl Model {
    pub fn new(kind: Kind, grace: u64) -> Self {
        Self {
            kind,
            grace,
            watermark: 0,
            events: BTreeMap::new(),
            late: 0,
            told: Vec::new(),
        }
    }

    /// An event comes.
    pub fn take(&mut self, key: &str, time: u64, value: i64) {
        self.tick(self.watermark.max(time));
        let (came, grace) = (self.watermark, self.grace);
        let held = self.events.entry(key.to_owned()).or_default();
        let is_late = match self.kind {
            Kind::Fixed(length, every) => time - time % every + length + grace <= came,
            Kind::Session(gap, most) => {
                let joins = sessions(held, gap, most).iter().any(|session| {
                    let (first, last) = span(session);
                    time < last + gap && first < time + gap && last.max(time) - first.min(time) <= most
                });
                !joins && time + gap + grace <= came
            }
        };
        if is_late {
            self.late += 1;
        } else {
            held.push(Event { time, value, came });
        }
    }

    /// The watermark moves, and windows end.
    pub fn tick(&mut self, watermark: u64) {
        let (before, now) = (self.watermark, watermark.max(self.watermark));
        self.watermark = now;
        let ends = |end: u64, grace: u64| before < end + grace && end + grace <= now;
        for (key, events) in &mut self.events {
            match self.kind {
                Kind::Fixed(length, every) => {
                    let first = events.iter().map(|event| event.time - event.time % every).min();
                    let last = events.iter().map(|event| event.time).max();
                    let (Some(first), Some(last)) = (first, last) else {
                        continue;
                    };
                    let mut end = first + every;
                    while end <= last + length {
                        let inside: Vec<_> = events
                            .iter()
                            .filter(|event| event.time < end && event.time + length >= end)
                            .filter(|event| event.came < end + self.grace)
                            .copied()
                            .collect();
                        if ends(end, self.grace) && !inside.is_empty() {
                            let sum = inside.iter().map(|event| event.value).sum();
                            let start = end.saturating_sub(length);
                            self.told
                                .push((key.clone(), start, end, inside.len() as u64, sum));
                        }
                        end += every;
                    }
                    events.retain(|event| event.time - event.time % every + length + self.grace > now);
                }
                Kind::Session(gap, most) => {
                    let mut open = Vec::new();
                    for session in sessions(events, gap, most) {
                        let (first, last) = span(&session);
                        if last + gap + self.grace <= now {
                            let sum = session.iter().map(|event| event.value).sum();
                            self.told
                                .push((key.clone(), first, last + gap, session.len() as u64, sum));
                        } else {
                            open.extend(session);
                        }
                    }
                    *events = open;
                }
            }
        }
    }
}

fn span(session: &[Event]) -> (u64, u64) {
    let times = session.iter().map(|event| event.time);
    (times.clone().min().unwrap(), times.max().unwrap())
}

/// Events of a key put together to sessions, in the order in which they came.
fn sessions(events: &[Event], gap: u64, most: u64) -> Vec<Vec<Event>> {
    let mut sessions: Vec<Vec<Event>> = Vec::new();
    for event in events {
        let mut grown = vec![*event];
        while let Some(at) = sessions.iter().position(|other| {
            let ((a, b), (c, d)) = (span(&grown), span(other));
            a < d + gap && c < b + gap && b.max(d) - a.min(c) <= most
        }) {
            let other = sessions.remove(at);
            grown.extend(other);
        }
        sessions.push(grown);
    }
    sessions
}
