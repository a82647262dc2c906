//! Query 16: statistics of the bids of each channel and day.

use tailrace_sdk::prelude::*;

use crate::{bid_statistics::Statistics, calendar, events::Record};

pub fn by_channel_and_day(record: Record, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    let Some(bid) = record.bid() else {
        return Ok(Verdict::Drop);
    };
    let day = calendar::day(bid.date_time)?;
    let group = format!("{day}/{}", bid.channel);
    let known = Statistics::take(&group, &bid, host)?;
    let mut row = known.members();
    row["channel"] = bid.channel.into();
    row["day"] = day.into();
    row["minute"] = known.minute.into();
    Ok(Message::json(&row)?.with_key(group).into())
}
