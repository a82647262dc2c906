//! The wait of a kept event is over: if it had no partner it is told, and it goes.

use tailrace_core::{
    due::Due,
    event::Event,
    join::{Partner, RowId, key},
    ports::store::StoreError,
    waiting::SetBy,
};

use crate::{
    arrival::{Arrival, Source},
    effects::moment::Moment,
    joins::{anew::Adopt, plan::PlannedJoin, tell::Row},
    process::{TurnEnd, Walk, halt::Halt, processor::Processor},
};

impl Processor {
    /// The wait of a kept event is over. With the wake-up goes what the join was when that was set, and how
    /// it waited. Says why the turn must stop, if it must.
    pub(crate) fn wake_of_join(&mut self, due: &Due, set_by: &[u8]) -> Result<Option<TurnEnd>, StoreError> {
        let plan = self.plan.clone();
        self.effects.let_sleep(due);
        let set_by = SetBy::decode(set_by);
        let join = plan.joins.owned_by(&due.owner);
        let join = join.filter(|join| set_by.shape == Some(join.shape));
        if Adopt::is_one(due) {
            let adopted = join.map(|join| self.keep_anew(join, due, set_by.rest));
            return adopted.unwrap_or(Ok(())).map(|()| None);
        }
        // Under the rules in force, what is kept has another wake-up, or none.
        if join.is_some_and(|join| set_by.epoch != self.waiting.join(&join.step)) {
            return Ok(None);
        }
        let id = RowId::decode(&due.name)
            .ok_or_else(|| StoreError::Damaged(format!("the wake-up {due:?} is of no kept event")))?;
        let at = key(&due.key, id);
        let stored = self.effects.read_of(&due.owner, &at)?;
        self.effects.write_in(&due.owner, &at, None);
        let Some(stored) = stored else {
            // A wake-up that rules from before have set was first.
            return Ok(None);
        };
        let Some(join) = join else {
            self.stats.counts.joins_lost += 1;
            return Ok(None);
        };
        match join.decode(&at, &stored.value)? {
            Some(kept) if kept.partner == Partner::Had => Ok(None),
            Some(kept) if kept.partner == Partner::None => {
                let payload = join.kept_text(&at, &kept)?;
                Ok(self.tell_kept(join, due, id, payload))
            }
            Some(_) | None => {
                self.stats.counts.joins_lost += 1;
                Ok(None)
            }
        }
    }

    /// Its row is of the time at which its wait ended, for until then it could have had a partner.
    fn tell_kept(&mut self, join: &PlannedJoin, due: &Due, id: RowId, payload: &str) -> Option<TurnEnd> {
        let event = Event {
            sequence: id.sequence,
            time_ms: due.at_ms,
            subject: String::new(),
            key: due.key.clone(),
            headers: Vec::new(),
            payload: payload.to_owned().into(),
        };
        let arrival = Arrival {
            timer: Some(due.name.clone()),
            input: Some(join.manifest.input(id.side).clone()),
            ..Arrival::of(Source::Input, id.sequence, event)
        };
        let mut walk = Walk::at(&arrival, due.at_ms, self.effects.bytes());
        self.effects.arrive(Moment {
            time_ms: due.at_ms,
            clock_ms: due.at_ms,
            is_believed: true,
            groups: Vec::new(),
        });
        let mark = self.effects.mark();
        let counts_before = self.stats.counts.clone();
        let row = Row::alone(id.side, &due.key, payload, due.at_ms);
        match self.tell_alone(&mut walk, join, row) {
            Ok(()) => None,
            Err(Halt::Turn(end)) => Some(end),
            Err(Halt::TooMuch { code, reason }) => {
                self.effects.roll_back(&mark);
                self.stats.counts.take_back_messages(&counts_before);
                self.stats.counts.joins_lost += 1;
                let (pipeline, name) = (&self.plan.pipeline, &join.name);
                let (code, value) = (code.as_str(), &due.key);
                tracing::warn!(%pipeline, join = %name, value, code, reason, "the row of an event without a partner is lost");
                None
            }
        }
    }
}
