//! Query 4: the average closing price of the auctions of each category, from the results of query 9.

use tailrace_sdk::prelude::*;

/// A result of query 9, as far as it is needed. It replaces the one before it of the same auction.
#[derive(Deserialize)]
pub struct Winning {
    id: u64,
    category: u64,
    price: u64,
}

/// What is known of a category.
#[derive(Serialize, Deserialize, Default)]
struct Category {
    auctions: u64,
    sum: u64,
}

pub fn average(winning: &Winning, host: &mut Host<'_>) -> Result<Verdict, Failure> {
    let auction = format!("auction/{}", winning.id);
    let before: Option<u64> = host.state().get_packed(&auction)?;
    host.state().set_packed(&auction, &winning.price)?;
    let key = format!("category/{}", winning.category);
    let mut category: Category = host.state().get_packed(&key)?.unwrap_or_default();
    category.auctions += u64::from(before.is_none());
    category.sum = (category.sum - before.unwrap_or(0))
        .checked_add(winning.price)
        .ok_or_else(|| Failure::invalid("out-of-range", "the sum of all prices is too high"))?;
    host.state().set_packed(&key, &category)?;
    let average = category.sum as f64 / category.auctions as f64;
    Ok(Message::json(&json!({ "category": winning.category, "avg": average }))?.into())
}
