//! Query 14: prices in euros within bounds, the kind of the hour, and how often an `extra` has the letter c.
//!
//! The price is a decimal and no float: all of its digits are right.

use tailrace_sdk::prelude::*;

use crate::{calendar, events::Record};

/// Euros for a thousand dollars.
const EUROS_A_THOUSAND: u64 = 908;
/// Both bounds are left out, in thousandths of euros.
const MORE_THAN: u64 = 1_000_000_000;
const LESS_THAN: u64 = 50_000_000_000;

pub fn calculate(record: Record) -> Result<Verdict, Failure> {
    let Some(bid) = record.bid() else {
        return Ok(Verdict::Drop);
    };
    // A price whose product is too high is over the bound.
    let thousandths = bid.price.saturating_mul(EUROS_A_THOUSAND);
    if thousandths <= MORE_THAN || thousandths >= LESS_THAN {
        return Ok(Verdict::Drop);
    }
    let row = json!({
        "auction": bid.auction,
        "bidder": bid.bidder,
        "price": format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000),
        "bid_time_type": kind_of(calendar::hour(bid.date_time)),
        "date_time": bid.date_time,
        "c_counts": bid.extra.matches('c').count(),
        "extra": bid.extra,
    });
    Ok(Message::json(&row)?.into())
}

fn kind_of(hour: u64) -> &'static str {
    match hour {
        8..=18 => "dayTime",
        0..=6 | 20..=23 => "nightTime",
        _ => "otherTime",
    }
}
