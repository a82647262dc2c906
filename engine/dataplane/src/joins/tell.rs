//! The row of a join, on its way out: into the windows that are of the join, and onto the output.

use bytes::Bytes;
use tailrace_core::{
    event::Event,
    join::row,
    manifest::{Delivery, JoinSide, Stands},
    outcome::Outcome,
    ports::broker::Output,
};

use crate::{
    joins::plan::PlannedJoin,
    message::hops,
    plan::{About, Written},
    process::{Walk, halt::Halt, processor::Processor, publish::count_messages},
    windows::plan::Leaving,
};

/// Two events, or one without a partner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    value: &'a str,
    left: Option<&'a str>,
    right: Option<&'a str>,
    time_ms: u64,
}

impl<'a> Row<'a> {
    /// An event of this side with its partner.
    pub(super) fn pair(
        side: JoinSide,
        value: &'a str,
        (own, partner): (&'a str, &'a str),
        time_ms: u64,
    ) -> Self {
        let (left, right) = match side {
            JoinSide::Left => (own, partner),
            JoinSide::Right => (partner, own),
        };
        Self {
            value,
            left: Some(left),
            right: Some(right),
            time_ms,
        }
    }

    /// An event of this side without a partner.
    pub(super) fn alone(side: JoinSide, value: &'a str, own: &'a str, time_ms: u64) -> Self {
        let (left, right) = match side {
            JoinSide::Left => (Some(own), None),
            JoinSide::Right => (None, Some(own)),
        };
        Self {
            value,
            left,
            right,
            time_ms,
        }
    }

    /// The side of one without a partner.
    fn lone_side(&self) -> Option<JoinSide> {
        match (self.left, self.right) {
            (Some(_), None) => Some(JoinSide::Left),
            (None, Some(_)) => Some(JoinSide::Right),
            _ => None,
        }
    }
}

impl Processor {
    /// Tells an event without a partner, where the join wants it.
    pub(super) fn tell_alone(
        &mut self,
        walk: &mut Walk<'_>,
        join: &PlannedJoin,
        row: Row<'_>,
    ) -> Result<(), Halt> {
        let is_wanted = row
            .lone_side()
            .is_some_and(|side| join.manifest.tells_alone(side));
        if !is_wanted {
            return Ok(());
        }
        self.stats.counts.unmatched += 1;
        self.tell_row(walk, join, row)
    }

    /// A row goes into windows and onto the output.
    pub(super) fn tell_row(
        &mut self,
        walk: &mut Walk<'_>,
        join: &PlannedJoin,
        told: Row<'_>,
    ) -> Result<(), Halt> {
        let key: String = serde_json::from_str(told.value).unwrap_or_default();
        let payload = row(&join.name, told.value, told.left, told.right);
        self.send_row(walk, join, (&key, told.time_ms), payload.into())
    }

    /// A row that was too late for its window, and is sent again.
    pub(crate) fn row_again(&mut self, walk: &mut Walk<'_>, event: &Event) -> Result<bool, Halt> {
        let plan = self.plan.clone();
        let join = walk.arrival.input.as_ref().and_then(|of| plan.joins.named(of));
        let Some(join) = join else { return Ok(false) };
        self.send_row(walk, join, (&event.key, event.time_ms), event.payload.clone())?;
        Ok(true)
    }

    fn send_row(
        &mut self,
        walk: &mut Walk<'_>,
        join: &PlannedJoin,
        (key, time_ms): (&str, u64),
        payload: Bytes,
    ) -> Result<(), Halt> {
        let leaving = Leaving {
            key,
            time_ms,
            subject: &walk.arrival.event.subject,
            headers: &[],
            payload: &payload,
        };
        walk.join = Some(join.name.clone());
        let goes_on = self.fold(walk, leaving);
        walk.join = None;
        if goes_on? {
            self.publish_row(walk, join, (key, time_ms), payload)?;
        }
        Ok(())
    }

    fn publish_row(
        &mut self,
        walk: &mut Walk<'_>,
        join: &PlannedJoin,
        (key, time_ms): (&str, u64),
        payload: Bytes,
    ) -> Result<(), Halt> {
        walk.outcome = walk.outcome.max(Outcome::Emitted);
        let plan = self.plan.clone();
        let Some(output) = &plan.manifest.output else {
            return Ok(());
        };
        let subject = output.subject_of(Stands {
            key,
            result: Some(join.name.as_str()),
        });
        let mut headers = Vec::new();
        hops::hand_on(&walk.arrival.event.headers, &mut headers);
        let name = row_name(walk, join);
        let about = About {
            name: &name,
            time_ms,
            key,
            result: Some(join.name.as_str()),
            is_the_event: false,
        };
        let written = plan.written(about, headers, payload);
        let Written { mut headers, payload } =
            written.map_err(|(code, reason)| Halt::TooMuch { code, reason })?;
        self.carry(&mut headers);
        self.check_fits(&subject, &headers, &payload)?;
        let is_named = plan.manifest.delivery != Delivery::ExactlyOnce;
        let id = is_named.then(|| format!("{}:{name}", plan.pipeline));
        count_messages(walk, 1)?;
        self.stats.counts.outcomes.outputs += 1;
        self.stats.counts.bytes_out += payload.len() as u64;
        self.effects.publish(Output {
            subject,
            headers,
            payload,
            id,
            keep: output.keep.age.map(|age| age.0),
        });
        Ok(())
    }
}

/// The same at every try: which of the messages it is that come of this event, or of the end of its wait.
fn row_name(walk: &Walk<'_>, join: &PlannedJoin) -> String {
    let name = &join.name;
    let (arrival, number) = (walk.arrival, walk.sent());
    let of = match &arrival.timer {
        Some(kept) => format!("alone:{}:{kept}", arrival.event.key),
        None => format!("{:?}:{}", arrival.source, arrival.sequence),
    };
    format!("join:{name}:{of}:{number}")
}
