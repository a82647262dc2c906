//! Events of Nexmark, in the JSON of crate `nexmark`.

use serde::{Deserialize, Serialize};

/// An event.
#[derive(Deserialize)]
pub enum Record {
    Person(Person),
    Auction(Auction),
    Bid(Bid),
}

impl Record {
    pub fn bid(self) -> Option<Bid> {
        match self {
            Self::Bid(bid) => Some(bid),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
pub struct Person {
    pub name: String,
    pub city: String,
    pub state: String,
}

#[derive(Deserialize, Serialize)]
pub struct Auction {
    pub id: u64,
    pub item_name: String,
    pub description: String,
    pub initial_bid: u64,
    pub reserve: u64,
    pub date_time: u64,
    pub expires: u64,
    pub seller: u64,
    pub category: u64,
    pub extra: String,
}

#[derive(Deserialize, Serialize, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bid {
    pub auction: u64,
    pub bidder: u64,
    pub price: u64,
    pub channel: String,
    pub url: String,
    pub date_time: u64,
    pub extra: String,
}
