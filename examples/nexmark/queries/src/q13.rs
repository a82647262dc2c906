//! Query 13, the step before the join: a bid with the key of its row in the side input.

use tailrace_sdk::prelude::*;

use crate::events::Record;

/// Rows of the side input.
const ROWS: u64 = 10_000;

pub fn with_side_key(record: Record) -> Result<Verdict, Failure> {
    let Some(bid) = record.bid() else {
        return Ok(Verdict::Drop);
    };
    let row = json!({
        "auction": bid.auction,
        "bidder": bid.bidder,
        "price": bid.price,
        "date_time": bid.date_time,
        "side": bid.auction % ROWS,
    });
    Ok(Message::json(&row)?.into())
}
