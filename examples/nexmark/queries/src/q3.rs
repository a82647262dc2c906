//! Query 3, the step before the join: auctions of category 10, and persons of three states.

use tailrace_sdk::prelude::*;

use crate::events::Record;

const CATEGORY: u64 = 10;
const STATES: [&str; 3] = ["or", "id", "ca"];

pub fn select(record: Record) -> Result<Verdict, Failure> {
    let selected = match record {
        Record::Auction(auction) if auction.category == CATEGORY => json!({ "id": auction.id }),
        Record::Person(person) if STATES.contains(&person.state.as_str()) => {
            json!({ "name": person.name, "city": person.city, "state": person.state })
        }
        _ => return Ok(Verdict::Drop),
    };
    Ok(Message::json(&selected)?.into())
}
