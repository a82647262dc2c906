//! Query 21: the id of a bid's channel, of four known names or as the url has it. A bid without one is left out.

use tailrace_sdk::prelude::*;

use crate::events::Record;

pub fn channel_id(record: Record) -> Result<Verdict, Failure> {
    let Some(bid) = record.bid() else {
        return Ok(Verdict::Drop);
    };
    let known = match bid.channel.to_lowercase().as_str() {
        "apple" => Some("0"),
        "google" => Some("1"),
        "facebook" => Some("2"),
        "baidu" => Some("3"),
        _ => None,
    };
    let Some(id) = known.or_else(|| in_url(&bid.url)) else {
        return Ok(Verdict::Drop);
    };
    let row = json!({
        "auction": bid.auction,
        "bidder": bid.bidder,
        "price": bid.price,
        "channel": bid.channel,
        "channel_id": id,
    });
    Ok(Message::json(&row)?.into())
}

/// The first parameter of this name. As in the query, one right behind the `?` is not seen.
fn in_url(url: &str) -> Option<&str> {
    url.split('&').find_map(|part| part.strip_prefix("channel_id="))
}
