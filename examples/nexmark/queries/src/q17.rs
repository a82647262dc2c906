//! Query 17: statistics of the bids on each auction of each day.

use tailrace_sdk::prelude::*;

use crate::{calendar, events::Record, rank::Rank};

/// What is known of an auction on a day.
#[derive(Serialize, Deserialize, Default)]
struct Known {
    bids: u64,
    ranks: [u64; 3],
    least: Option<u64>,
    most: u64,
    sum: u64,
}

impl Known {
    fn take(&mut self, price: u64) -> Result<(), Failure> {
        self.bids += 1;
        self.ranks[Rank::of(price).index()] += 1;
        self.least = Some(self.least.map_or(price, |least| least.min(price)));
        self.most = self.most.max(price);
        self.sum = self
            .sum
            .checked_add(price)
            .ok_or_else(|| Failure::invalid("out-of-range", "the sum of all prices is too high"))?;
        Ok(())
    }
}

pub fn by_auction_and_day(record: Record, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    let Some(bid) = record.bid() else {
        return Ok(Verdict::Drop);
    };
    let day = calendar::day(bid.date_time)?;
    let key = format!("{}/{day}", bid.auction);
    let mut known: Known = host.state().get_packed(&key)?.unwrap_or_default();
    known.take(bid.price)?;
    host.state().set_packed(&key, &known)?;
    let row = json!({
        "auction": bid.auction,
        "day": day,
        "total_bids": known.bids,
        "rank1_bids": known.ranks[0],
        "rank2_bids": known.ranks[1],
        "rank3_bids": known.ranks[2],
        "min_price": known.least,
        "max_price": known.most,
        "avg_price": known.sum as f64 / known.bids as f64,
        "sum_price": known.sum,
    });
    Ok(Message::json(&row)?.with_key(key).into())
}
