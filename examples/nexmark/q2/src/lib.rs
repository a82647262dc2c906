//! Nexmark query 2, a filter that lets little through:
//! `SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0`.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

use tailrace_sdk::prelude::*;

/// Every auction of so many is chosen.
const ONE_OF: u64 = 123;

/// An event of Nexmark: a bid, or something else.
#[derive(Deserialize)]
struct Incoming {
    #[serde(rename = "Bid")]
    bid: Option<Bid>,
}

/// What the query selects, in and out.
#[derive(Deserialize, Serialize)]
struct Bid {
    auction: u64,
    price: u64,
}

struct Selection;

impl Plugin for Selection {
    type Config = ();

    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, event: &Event, _host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let bid = event.json::<Incoming>()?.bid;
        match bid.filter(|bid| bid.auction.is_multiple_of(ONE_OF)) {
            Some(bid) => Ok(Message::json(&bid)?.into()),
            None => Ok(Verdict::Drop),
        }
    }
}

export!(Selection);
