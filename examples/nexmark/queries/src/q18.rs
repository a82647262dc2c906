//! Query 18: the last bid of each bidder on each auction. The price decides between two of one time, then the rest.

use tailrace_sdk::prelude::*;

use crate::events::{Bid, Record};

pub fn last_bid(record: Record, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    let Some(bid) = record.bid() else {
        return Ok(Verdict::Drop);
    };
    let key = format!("{}/{}", bid.bidder, bid.auction);
    let last: Option<Bid> = host.state().get_packed(&key)?;
    if last.is_some_and(|last| place(&last) >= place(&bid)) {
        return Ok(Verdict::Drop);
    }
    host.state().set_packed(&key, &bid)?;
    Ok(Message::json(&bid)?.with_key(key).into())
}

/// The order of bids of one bidder on one auction.
fn place(bid: &Bid) -> (u64, u64, &str) {
    (bid.date_time, bid.price, &bid.extra)
}
