//! An event meets the kept events of the other input, and is kept for those that are to come.

use tailrace_core::{
    codes::LetterCode,
    due::Due,
    event_time::CALENDAR_ENDS_MS,
    extract::check_json,
    join::{Kept, Partner, RowId, key, read_key, side_prefix, time_prefix},
    manifest::JoinSide,
    waiting::SetBy,
};

use crate::{
    joins::{plan::PlannedJoin, tell::Row},
    process::{
        Walk,
        halt::Halt,
        processor::{Processor, Role},
    },
    windows::plan::Leaving,
};

/// Longest value, in bytes of JSON: it is part of keys of the local store.
const MAX_VALUE_BYTES: usize = 2_048;
/// Kept events read at a time.
const PAGE: usize = 100;

/// An event on its way into a join.
struct Coming<'a> {
    side: JoinSide,
    value: String,
    time_ms: u64,
    payload: &'a str,
}

impl Processor {
    /// Takes what leaves the last step into the joins of its input.
    pub(crate) fn pair(&mut self, walk: &mut Walk<'_>, leaving: Leaving<'_>) -> Result<(), Halt> {
        // What a shadow does becomes of nothing. What a join has made does not join again.
        if self.plan.joins.is_empty() || self.role == Role::Shadow || walk.join.is_some() {
            return Ok(());
        }
        let Some(input) = &walk.arrival.input else {
            return Ok(());
        };
        let plan = self.plan.clone();
        for (join, side) in plan.joins.of_input(input) {
            let payload = text(leaving.payload)?;
            let Some(value) = join.value(side, leaving) else {
                // Nothing is the same as nothing, as in SQL.
                self.stats.counts.skipped += 1;
                self.tell_alone(walk, join, Row::alone(side, "null", payload, leaving.time_ms))?;
                continue;
            };
            let found_by = value;
            let value = serde_json::to_string(&found_by).unwrap_or_default();
            check_value(join, &value)?;
            if join.is_with_table {
                self.look_up(walk, join, (&found_by, &value), (payload, leaving.time_ms))?;
                continue;
            }
            let coming = Coming {
                side,
                value,
                time_ms: leaving.time_ms,
                payload,
            };
            let is_paired = self.meet(walk, join, &coming)?;
            self.keep_for_partners(walk, join, &coming, is_paired)?;
        }
        Ok(())
    }

    /// Tells a row for each kept partner. Says whether there was one.
    fn meet(&mut self, walk: &mut Walk<'_>, join: &PlannedJoin, coming: &Coming<'_>) -> Result<bool, Halt> {
        let (first_ms, last_ms) = join.manifest.partners(coming.side, coming.time_ms);
        let other = coming.side.other();
        let is_told_alone = join.manifest.tells_alone(other);
        let prefix = side_prefix(&coming.value, other);
        let mut after = time_prefix(&coming.value, other, first_ms);
        let mut is_paired = false;
        self.effects.enter(&join.step, walk.now_ms);
        loop {
            let page = self.effects.scan_of(&join.step, &prefix, Some(&after), PAGE)?;
            let is_last = page.len() < PAGE;
            for (key, stored) in page {
                let id = read_key(&key).map(|(_, id)| id);
                if id.is_none_or(|id| id.time_ms > last_ms) {
                    return Ok(is_paired);
                }
                if let Some(kept) = join.decode(&key, &stored.value)? {
                    let partner = join.kept_text(&key, &kept)?;
                    let partner_ms = id.map_or(0, |id| id.time_ms);
                    let time_ms = coming.time_ms.max(partner_ms);
                    let row = Row::pair(coming.side, &coming.value, (coming.payload, partner), time_ms);
                    self.tell_row(walk, join, row)?;
                    self.stats.counts.joined += 1;
                    is_paired = true;
                    if is_told_alone && kept.partner != Partner::Had {
                        let kept = Kept {
                            partner: Partner::Had,
                            ..kept
                        };
                        let value = join.encode(&kept, stored.expires_ms);
                        self.effects.write_in(&join.step, &key, Some(value));
                    }
                }
                after = key;
            }
            if is_last {
                return Ok(is_paired);
            }
        }
    }

    /// Keeps an event until no partner can come. One that comes behind that is told alone at once, if at all.
    fn keep_for_partners(
        &mut self,
        walk: &mut Walk<'_>,
        join: &PlannedJoin,
        coming: &Coming<'_>,
        is_paired: bool,
    ) -> Result<(), Halt> {
        let &Coming {
            side,
            time_ms,
            payload,
            ..
        } = coming;
        let ends_ms = join.manifest.kept_until_ms(side, time_ms).saturating_add(1);
        let tells_alone = join.manifest.tells_alone(side);
        let is_believed = self.effects.is_believed() && time_ms < CALENDAR_ENDS_MS;
        if !is_believed || ends_ms <= walk.now_ms {
            if is_paired {
                return Ok(());
            }
            // As if it had waited. Whether an event comes before or after the end of its wait changes no row.
            let told_ms = if is_believed { ends_ms } else { time_ms };
            return self.tell_alone(walk, join, Row::alone(side, &coming.value, payload, told_ms));
        }
        self.has_room()?;
        let id = RowId {
            side,
            time_ms,
            sequence: walk.arrival.event.sequence,
            number: walk.next_kept(),
        };
        let kept = Kept {
            payload: payload.as_bytes().to_vec(),
            partner: is_paired.into(),
        };
        if tells_alone {
            self.wake_kept(join, &coming.value, id, ends_ms);
        }
        let value = join.encode(&kept, (!tells_alone).then_some(ends_ms));
        self.effects
            .write_in(&join.step, &key(&coming.value, id), Some(value));
        Ok(())
    }

    /// The wait of a kept event ends then.
    pub(super) fn wake_kept(&mut self, join: &PlannedJoin, value: &str, id: RowId, at_ms: u64) {
        let due = Due {
            at_ms,
            key: value.to_owned(),
            owner: join.step.clone(),
            name: id.encode(),
        };
        let epoch = self.waiting.join(&join.step);
        self.effects.wake(&due, SetBy::encode(join.shape, epoch, &[]));
    }
}

impl Processor {
    /// An event finds the row that the table has at this moment, and waits for none.
    fn look_up(
        &mut self,
        walk: &mut Walk<'_>,
        join: &PlannedJoin,
        (key, value): (&str, &str),
        (payload, time_ms): (&str, u64),
    ) -> Result<(), Halt> {
        let plan = self.plan.clone();
        let table = plan.tables.named(join.manifest.right.as_str());
        let row = match table {
            Some(table) => self.effects.table_row(table, key)?,
            None => None,
        };
        let Some(row) = row else {
            return self.tell_alone(walk, join, Row::alone(JoinSide::Left, value, payload, time_ms));
        };
        let partner = text(&row).map_err(|halt| of_table(join, key, halt))?;
        self.stats.counts.joined += 1;
        self.tell_row(
            walk,
            join,
            Row::pair(JoinSide::Left, value, (payload, partner), time_ms),
        )
    }
}

/// A row that cannot be a part of another one is the table's fault, not the event's.
fn of_table(join: &PlannedJoin, key: &str, halt: Halt) -> Halt {
    let Halt::TooMuch { code, reason } = halt else {
        return halt;
    };
    let table = &join.manifest.right;
    let reason = format!("the row of table {table} with the key {key:?} cannot be joined: {reason}");
    Halt::TooMuch { code, reason }
}

fn check_value(join: &PlannedJoin, value: &str) -> Result<(), Halt> {
    let bytes = value.len();
    if bytes <= MAX_VALUE_BYTES {
        return Ok(());
    }
    let reason = format!(
        "the event's value in join {} has {bytes} bytes, and at most {MAX_VALUE_BYTES} are taken",
        join.name
    );
    Err(Halt::TooMuch {
        code: LetterCode::LongKey,
        reason,
    })
}

/// A payload as a part of rows.
fn text(payload: &[u8]) -> Result<&str, Halt> {
    let refuse = |why: String| Halt::TooMuch {
        code: LetterCode::UnreadablePayload,
        reason: format!("a join takes JSON: {why}"),
    };
    if payload.is_empty() {
        return Err(refuse("the payload is empty".to_owned()));
    }
    check_json(payload).map_err(|fault| refuse(fault.to_string()))?;
    std::str::from_utf8(payload).map_err(|cause| refuse(cause.to_string()))
}
