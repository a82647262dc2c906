//! Query 19: the ten highest bids on each auction, with their ranks. The earlier one is first of two equals, then the
//! lesser bidder.

use std::cmp::Reverse;

use tailrace_sdk::prelude::*;

use crate::events::{Bid, Record};

/// Bids of an auction that have a rank.
const MOST: usize = 10;

pub fn top_ten(record: Record, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    let Some(bid) = record.bid() else {
        return Ok(Verdict::Drop);
    };
    let key = bid.auction.to_string();
    let mut top: Vec<Bid> = host.state().get_packed(&key)?.unwrap_or_default();
    let rank = top.partition_point(|other| place(other) <= place(&bid));
    if rank == MOST {
        return Ok(Verdict::Drop);
    }
    top.insert(rank, bid);
    top.truncate(MOST);
    host.state().set_packed(&key, &top)?;
    // Those behind it have moved by one.
    let changed = top.iter().enumerate().skip(rank);
    let messages: Result<Vec<_>, _> = changed.map(|(index, bid)| tell(bid, index + 1)).collect();
    Ok(messages?.into())
}

fn place(bid: &Bid) -> (Reverse<u64>, u64, u64, &str) {
    (Reverse(bid.price), bid.date_time, bid.bidder, &bid.extra)
}

/// The subject has auction and rank, so that each row replaces the one before it.
fn tell(bid: &Bid, rank: usize) -> Result<Message, Failure> {
    let row = json!({
        "auction": bid.auction,
        "bidder": bid.bidder,
        "price": bid.price,
        "channel": bid.channel,
        "url": bid.url,
        "date_time": bid.date_time,
        "extra": bid.extra,
        "rank_number": rank,
    });
    Ok(Message::json(&row)?.with_key(format!("{}/{rank}", bid.auction)))
}
