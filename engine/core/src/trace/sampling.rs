//! Which events are traced. The publisher's word comes first: what it records is followed, what it does
//! not is left alone. Of the events without a context a share is picked by a hash, so that an event is
//! picked, and its trace named, the same at every try and in every pipeline of its tenant that reads it.

use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::{event::Event, name::Name, trace::TraceContext};

/// Who decides for events that bear no context. Records hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    /// A trace of ours is picked if the lower half of its id is below this.
    below: u64,
    all: bool,
}

/// A trace that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The trace.
    pub trace_id: u128,
    /// The publisher's span, where there is one.
    pub parent_id: Option<u64>,
    /// The vendors' part.
    pub state: Option<String>,
}

impl Sampling {
    /// This share of the events without a context, between 0 and 1.
    pub fn ratio(share: f64) -> Self {
        let share = share.clamp(0.0, 1.0);
        Self {
            below: (share * u64::MAX as f64) as u64,
            all: share >= 1.0,
        }
    }

    /// The trace of this event, if it is to be followed.
    pub fn follow(self, tenant: &Name, event: &Event) -> Option<Followed> {
        if let Some(context) = TraceContext::of(&event.headers) {
            if !context.sampled {
                return None;
            }
            return Some(Followed {
                trace_id: u128::from_str_radix(&context.trace_id, 16).ok()?,
                parent_id: u64::from_str_radix(&context.parent_id, 16).ok(),
                state: context.state,
            });
        }
        if self.below == 0 && !self.all {
            return None;
        }
        let trace_id = name_trace(tenant, event);
        (self.all || (trace_id as u64) < self.below).then_some(Followed {
            trace_id,
            parent_id: None,
            state: None,
        })
    }
}

fn name_trace(tenant: &Name, event: &Event) -> u128 {
    let mut hasher = SipHasher13::new();
    hasher.write(tenant.as_str().as_bytes());
    hasher.write_u8(0xff);
    hasher.write(event.subject.as_bytes());
    hasher.write_u64(event.sequence);
    hasher.write_u64(event.time_ms);
    // All zeros stand for no trace.
    hasher.finish128().as_u128().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Header;

    fn event(sequence: u64, parent: Option<&str>) -> Event {
        let header = |value: &str| Header {
            name: "traceparent".to_owned(),
            value: value.to_owned(),
        };
        Event {
            sequence,
            time_ms: 5,
            subject: "shop.x".to_owned(),
            key: "k".to_owned(),
            headers: parent.into_iter().map(header).collect(),
            payload: "".into(),
        }
    }

    fn tenant() -> Name {
        Name::new("shop").unwrap()
    }

    #[test]
    fn the_publishers_word_comes_before_the_ratio() {
        let recorded = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let followed = Sampling::ratio(0.0).follow(&tenant(), &event(1, Some(recorded)));
        let expected = Followed {
            trace_id: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
            parent_id: Some(0x00f0_67aa_0ba9_02b7),
            state: None,
        };
        assert_eq!(followed, Some(expected));
        let not_recorded = recorded.replace("-01", "-00");
        let all = Sampling::ratio(1.0);
        assert_eq!(all.follow(&tenant(), &event(1, Some(&not_recorded))), None);
    }

    #[test]
    fn the_ratio_picks_its_share_and_the_same_events_at_every_try() {
        let tenth = Sampling::ratio(0.1);
        let picked = |sequence| tenth.follow(&tenant(), &event(sequence, None));
        let first: Vec<_> = (0..10_000).filter_map(picked).collect();
        assert!((850..1_150).contains(&first.len()), "{}", first.len());
        assert_eq!(first, (0..10_000).filter_map(picked).collect::<Vec<_>>());
        for (share, expected) in [
            (0.0, false),
            (1.0, true),
            (7.0, true),
            (-1.0, false),
            (f64::NAN, false),
        ] {
            let follows = Sampling::ratio(share).follow(&tenant(), &event(3, None));
            assert_eq!(follows.is_some(), expected, "{share}");
        }
    }
}
