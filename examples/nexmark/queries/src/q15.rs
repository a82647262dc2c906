//! Query 15: statistics of the bids of each day.

use tailrace_sdk::prelude::*;

use crate::{bid_statistics::Statistics, calendar, events::Record};

pub fn by_day(record: Record, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    let Some(bid) = record.bid() else {
        return Ok(Verdict::Drop);
    };
    let day = calendar::day(bid.date_time)?;
    let mut row = Statistics::take(&day, &bid, host)?.members();
    row["day"] = day.as_str().into();
    Ok(Message::json(&row)?.with_key(day).into())
}
