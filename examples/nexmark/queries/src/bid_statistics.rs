//! Bids, bidders and auctions of a group, all of them and those of each rank of prices, for queries 15 and 16.
//!
//! Bidders and auctions are counted exactly. So each has an entry of state in its group, with the ranks it was seen in.

use serde::{Deserialize, Serialize};
use tailrace_sdk::prelude::*;

use crate::{calendar, events::Bid, rank::Rank};

/// How many, over all and of each rank.
#[derive(Serialize, Deserialize, Default)]
pub struct Counts {
    total: u64,
    ranks: [u64; 3],
}

/// What is known of a group.
#[derive(Serialize, Deserialize, Default)]
pub struct Statistics {
    bids: Counts,
    bidders: Counts,
    auctions: Counts,
    /// The latest minute of a bid.
    pub minute: String,
}

impl Statistics {
    /// Takes a bid into its group, and gives what is known then.
    pub fn take(group: &str, bid: &Bid, host: &mut Host<'_>) -> Result<Self, Failure> {
        let rank = Rank::of(bid.price);
        let key = format!("group/{group}");
        let mut known: Self = host.state().get_packed(&key)?.unwrap_or_default();
        known.bids.total += 1;
        known.bids.ranks[rank.index()] += 1;
        known
            .bidders
            .take(rank, &format!("bidder/{}/{group}", bid.bidder), host);
        known
            .auctions
            .take(rank, &format!("auction/{}/{group}", bid.auction), host);
        known.minute = known.minute.max(calendar::minute(bid.date_time));
        host.state().set_packed(&key, &known)?;
        Ok(known)
    }

    /// The members of a result, besides the group.
    pub fn members(&self) -> Value {
        let mut members = json!({});
        for (counts, what) in [
            (&self.bids, "bids"),
            (&self.bidders, "bidders"),
            (&self.auctions, "auctions"),
        ] {
            members[format!("total_{what}")] = counts.total.into();
            for (index, count) in counts.ranks.iter().enumerate() {
                members[format!("rank{}_{what}", index + 1)] = (*count).into();
            }
        }
        members
    }
}

impl Counts {
    /// Counts what has this key, unless it was counted before.
    fn take(&mut self, rank: Rank, key: &str, host: &mut Host<'_>) {
        let stored = host.state().get(key);
        let ranks = stored.and_then(|ranks| ranks.first().copied()).unwrap_or(0);
        let with_this = ranks | 1 << rank.index();
        if with_this != ranks {
            self.total += u64::from(ranks == 0);
            self.ranks[rank.index()] += 1;
            host.state().set(key, &[with_this]);
        }
    }
}
