//! Nexmark query 0, the cost of passing through:
//! `SELECT auction, bidder, price, date_time, extra FROM bid`.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use std::borrow::Cow;

use tailrace_sdk::prelude::*;

/// An event of Nexmark: a bid, or something else.
#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow, rename = "Bid")]
    bid: Option<Bid<'a>>,
}

/// What the query selects, in and out.
#[derive(Deserialize, Serialize)]
struct Bid<'a> {
    auction: u64,
    bidder: u64,
    price: u64,
    date_time: u64,
    #[serde(borrow)]
    extra: Cow<'a, str>,
}

struct PassThrough;

impl Plugin for PassThrough {
    type Config = ();

    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, event: &Event, _host: &mut Host<'_>) -> Result<Verdict, Failure> {
        match event.json::<Incoming<'_>>()?.bid {
            Some(bid) => Ok(Message::json(&bid)?.into()),
            None => Ok(Verdict::Drop),
        }
    }
}

export!(PassThrough);
