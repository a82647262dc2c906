//! Query 9: the winning bid of each auction so far. The highest bid between the auction's beginning and its end wins; of
//! equals, the earliest one.
//!
//! A bid may come before its auction, and nobody knows yet whether it is in time. It waits in state until then.

use std::cmp::Reverse;

use tailrace_sdk::prelude::*;

use crate::events::{Auction, Bid, Record};

/// Waiting bids that are read at once.
const PAGE: u32 = 100;

pub fn winning(record: Record, sequence: u64, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    match record {
        Record::Auction(auction) => open(&auction, host),
        Record::Bid(bid) => bid_on(&bid, sequence, host),
        Record::Person(_) => Ok(Verdict::Drop),
    }
}

fn open(auction: &Auction, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    host.state().set_packed(&auction_key(auction.id), auction)?;
    let mut best: Option<Bid> = None;
    let waiting = waiting_prefix(auction.id);
    loop {
        let page = host.state().scan(&waiting, None, PAGE);
        if page.is_empty() {
            break;
        }
        for entry in page {
            if let Some(bid) = host.state().get_packed(&entry.key)?
                && wins(&bid, auction, best.as_ref())
            {
                best = Some(bid);
            }
            host.state().delete(&entry.key);
        }
    }
    best.map_or(Ok(Verdict::Drop), |bid| tell(auction, &bid, host))
}

fn bid_on(bid: &Bid, sequence: u64, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    let Some(auction) = host.state().get_packed::<Auction>(&auction_key(bid.auction))? else {
        let key = format!("{}{sequence:020}", waiting_prefix(bid.auction));
        host.state().set_packed(&key, bid)?;
        return Ok(Verdict::Drop);
    };
    let best: Option<Bid> = host.state().get_packed(&best_key(auction.id))?;
    if !wins(bid, &auction, best.as_ref()) {
        return Ok(Verdict::Drop);
    }
    tell(&auction, bid, host)
}

fn wins(bid: &Bid, auction: &Auction, best: Option<&Bid>) -> bool {
    // The bidder decides between bids of one price and time, so that the order in which they come does not.
    let place = |bid: &Bid| (Reverse(bid.price), bid.date_time, bid.bidder);
    let is_in_time = (auction.date_time..=auction.expires).contains(&bid.date_time);
    is_in_time && best.is_none_or(|best| place(bid) < place(best))
}

fn tell(auction: &Auction, bid: &Bid, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    host.state().set_packed(&best_key(auction.id), bid)?;
    let row = json!({
        "id": auction.id,
        "item_name": auction.item_name,
        "description": auction.description,
        "initial_bid": auction.initial_bid,
        "reserve": auction.reserve,
        "date_time": auction.date_time,
        "expires": auction.expires,
        "seller": auction.seller,
        "category": auction.category,
        "extra": auction.extra,
        "auction": bid.auction,
        "bidder": bid.bidder,
        "price": bid.price,
        "bid_date_time": bid.date_time,
        "bid_extra": bid.extra,
    });
    Ok(Message::json(&row)?.into())
}

fn auction_key(id: u64) -> String {
    format!("auction/{id}")
}

fn best_key(id: u64) -> String {
    format!("best/{id}")
}

fn waiting_prefix(auction: u64) -> String {
    format!("waiting/{auction}/")
}
