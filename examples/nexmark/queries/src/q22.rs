//! Query 22: the three directories of a bid's url; `null` where there is none.

use tailrace_sdk::prelude::*;

use crate::events::Record;

/// Parts of a url before its first directory: `https:`, nothing, and the host.
const BEFORE: usize = 3;

pub fn directories(record: Record) -> Result<Verdict, Failure> {
    let Some(bid) = record.bid() else {
        return Ok(Verdict::Drop);
    };
    let mut parts = bid.url.split('/').skip(BEFORE);
    let row = json!({
        "auction": bid.auction,
        "bidder": bid.bidder,
        "price": bid.price,
        "channel": bid.channel,
        "dir1": parts.next(),
        "dir2": parts.next(),
        "dir3": parts.next(),
    });
    Ok(Message::json(&row)?.into())
}
