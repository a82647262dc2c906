//! Query 20, the step before the join: bids, and auctions of category 10.

use tailrace_sdk::prelude::*;

use crate::events::Record;

const CATEGORY: u64 = 10;

pub fn select(record: Record) -> Result<Verdict, Failure> {
    let message = match record {
        Record::Bid(bid) => Message::json(&bid)?,
        Record::Auction(auction) if auction.category == CATEGORY => Message::json(&auction)?,
        _ => return Ok(Verdict::Drop),
    };
    Ok(message.into())
}
