//! Query 6: the average closing price of a seller's last auctions, from the results of query 9.
//!
//! The auctions of a seller stand in the order of their winning bids. Each has the average of itself and the ten before
//! it. A winning bid that changes moves its auction in that order, so some twenty others may have another average.

use tailrace_sdk::prelude::*;

/// Auctions before the one that an average is for.
const PRECEDING: usize = 10;

/// A result of query 9, as far as it is needed. It replaces the one before it of the same auction.
#[derive(Deserialize)]
pub struct Winning {
    id: u64,
    seller: u64,
    price: u64,
    bid_date_time: u64,
}

/// An auction of a seller. The order of the fields is that of auctions.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Sold {
    bid_date_time: u64,
    auction: u64,
    price: u64,
}

/// An auction with its average.
type Row = (u64, f64);

pub fn averages(winning: &Winning, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    let key = format!("seller/{}", winning.seller);
    let mut sold: Vec<Sold> = host.state().get_packed(&key)?.unwrap_or_default();
    let before = rows(&sold);
    sold.retain(|sold| sold.auction != winning.id);
    sold.push(Sold {
        bid_date_time: winning.bid_date_time,
        auction: winning.id,
        price: winning.price,
    });
    sold.sort_unstable();
    host.state().set_packed(&key, &sold)?;
    let changed = rows(&sold).into_iter().filter(|row| !before.contains(row));
    let messages: Result<Vec<_>, _> = changed.map(|row| tell(winning.seller, row)).collect();
    Ok(messages?.into())
}

fn rows(sold: &[Sold]) -> Vec<Row> {
    let row = |(place, of): (usize, &Sold)| {
        let frame = &sold[place.saturating_sub(PRECEDING)..=place];
        let sum: f64 = frame.iter().map(|sold| sold.price as f64).sum();
        (of.auction, sum / frame.len() as f64)
    };
    sold.iter().enumerate().map(row).collect()
}

/// The subject has the auction, so that each row replaces the one before it.
fn tell(seller: u64, (auction, average): Row) -> Result<Message, Failure> {
    let row = json!({ "seller": seller, "auction": auction, "avg": average });
    Ok(Message::json(&row)?.with_key(auction.to_string()))
}
