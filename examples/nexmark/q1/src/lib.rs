//! Nexmark query 1, a change of every event:
//! `SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid`, dollars into euros.
//!
//! The product is a decimal and no float: all of its digits are right.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use std::borrow::Cow;

use tailrace_sdk::prelude::*;

/// Euros for a thousand dollars.
const EUROS_A_THOUSAND: u64 = 908;

/// An event of Nexmark: a bid, or something else.
#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow, rename = "Bid")]
    bid: Option<Bid<'a>>,
}

#[derive(Deserialize)]
struct Bid<'a> {
    auction: u64,
    bidder: u64,
    price: u64,
    date_time: u64,
    #[serde(borrow)]
    extra: Cow<'a, str>,
}

/// What the query selects.
#[derive(Serialize)]
struct Converted<'a> {
    auction: u64,
    bidder: u64,
    price: String,
    date_time: u64,
    extra: Cow<'a, str>,
}

struct Currency;

impl Plugin for Currency {
    type Config = ();

    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, event: &Event, _host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let Some(bid) = event.json::<Incoming<'_>>()?.bid else {
            return Ok(Verdict::Drop);
        };
        let converted = Converted {
            auction: bid.auction,
            bidder: bid.bidder,
            price: euros(bid.price)?,
            date_time: bid.date_time,
            extra: bid.extra,
        };
        Ok(Message::json(&converted)?.into())
    }
}

fn euros(dollars: u64) -> Result<String, Failure> {
    let thousandths = dollars
        .checked_mul(EUROS_A_THOUSAND)
        .ok_or_else(|| Failure::invalid("out-of-range", format!("a price of {dollars} is too high")))?;
    Ok(format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000))
}

export!(Currency);
