//! Nexmark queries that are windows, from the files of `examples/nexmark`, on events in disorder and through crashes:
//! the results are those of a plain computation.

use std::{collections::BTreeMap, path::Path};

use nexmark::{
    EventGenerator,
    config::NexmarkConfig,
    event::{Bid, Event},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Bids that are taken.
const BIDS: usize = 20_000;
/// How far an event may be behind the latest, as `input.watermark.delay` has it by default.
const DELAY_MS: u64 = 5_000;

/// Bids in the order in which they come: some are late, and none too late.
fn bids() -> Vec<Bid> {
    // Slow enough for many windows.
    let config = NexmarkConfig {
        first_rate: 500,
        next_rate: 500,
        ..NexmarkConfig::default()
    };
    let events = EventGenerator::new(config).filter_map(|event| match event {
        Event::Bid(bid) => Some(bid),
        _ => None,
    });
    let mut bids: Vec<Bid> = events.take(BIDS).collect();
    let random = &mut StdRng::seed_from_u64(7);
    let mut comes: Vec<(u64, Bid)> = bids
        .drain(..)
        .map(|bid| (bid.date_time + random.random_range(0..DELAY_MS - 1), bid))
        .collect();
    comes.sort_by_key(|(at, _)| *at);
    comes.into_iter().map(|(_, bid)| bid).collect()
}

/// Runs the pipeline of this file on these payloads; dies now and then.
fn run(file: &str, payloads: impl IntoIterator<Item = String>) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/nexmark/{file}.yaml"));
    let mut stage = Stage::of(&std::fs::read_to_string(path).unwrap());
    let mut results = Vec::new();
    for (number, payload) in payloads.into_iter().enumerate() {
        stage.send_payload(payload);
        match number % 2_500 {
            1_100 => stage.crash(),
            2_400 => {
                stage.commit();
                results.append(&mut stage.results());
            }
            _ => {}
        }
    }
    stage.commit();
    stage.tick(stage.watermark_ms() + 600_000);
    stage.commit();
    results.append(&mut stage.results());
    assert_eq!(
        (stage.counts.window_late, stage.counts.windows_lost),
        (0, 0),
        "{file}"
    );
    results
}

fn run_on(file: &str, bids: &[Bid]) -> Vec<Value> {
    run(file, bids.iter().map(|bid| json!({ "Bid": bid }).to_string()))
}

fn ms(result: &Value, name: &str) -> u64 {
    u64::try_from(tailrace_time::rfc3339_ms(result[name].as_str().unwrap()).unwrap()).unwrap()
}

/// Bids of each group in each window with this length and step, by the window's end.
fn counts(
    bids: &[Bid],
    (length, every): (u64, u64),
    group: fn(&Bid) -> usize,
) -> BTreeMap<(u64, usize), u64> {
    let mut counts = BTreeMap::new();
    for bid in bids {
        let mut end = bid.date_time - bid.date_time % every + every;
        while end <= bid.date_time - bid.date_time % every + length {
            *counts.entry((end, group(bid))).or_default() += 1;
            end += every;
        }
    }
    counts
}

fn told(results: &[Value], group: &str) -> BTreeMap<(u64, usize), u64> {
    let told: Vec<_> = results
        .iter()
        .map(|result| {
            let group = result[group]
                .as_str()
                .map_or_else(|| result[group].to_string(), str::to_owned);
            (
                (ms(result, "end"), group.parse().unwrap()),
                result["bids"].as_u64().unwrap(),
            )
        })
        .collect();
    let number = told.len();
    let told: BTreeMap<_, _> = told.into_iter().collect();
    assert_eq!(told.len(), number, "each result once");
    told
}

#[test]
fn hot_items_are_those_with_the_most_bids() {
    let bids = bids();
    let results = run_on("q5-counts", &bids);
    let expected = counts(&bids, (10_000, 2_000), |bid| bid.auction);
    assert_eq!(told(&results, "auction"), expected);
    assert!(expected.len() > 1_000, "{}", expected.len());
    // In the order in which they were told, which is that of their ends.
    let hot = run("q5", results.iter().map(Value::to_string));
    let mut most: BTreeMap<u64, u64> = BTreeMap::new();
    for ((end, _), bids) in &expected {
        let held = most.entry(*end).or_default();
        *held = (*held).max(*bids);
    }
    assert_eq!(hot.len(), most.len());
    for result in &hot {
        let (end, hot) = (ms(result, "start"), &result["hot"]);
        let (auction, bids) = (hot["auction"].as_u64().unwrap(), hot["value"].as_u64().unwrap());
        assert_eq!(most[&end], bids, "{result}");
        assert_eq!(expected[&(end, auction as usize)], bids, "{result}");
    }
}

#[test]
fn the_highest_bid_is_told_with_its_bidder() {
    let bids = bids();
    let results = run_on("q7", &bids);
    let mut highest: BTreeMap<u64, usize> = BTreeMap::new();
    for bid in &bids {
        let held = highest.entry(bid.date_time - bid.date_time % 10_000).or_default();
        *held = (*held).max(bid.price);
    }
    assert_eq!(results.len(), highest.len());
    for result in &results {
        let (start, found) = (ms(result, "start"), &result["bid"]);
        assert_eq!(json!(highest[&start]), found["value"], "{result}");
        let is_it = |bid: &&Bid| {
            json!(bid.price) == found["value"]
                && json!(bid.bidder) == found["bidder"]
                && json!(bid.auction) == found["auction"]
                && bid.date_time - bid.date_time % 10_000 == start
        };
        assert!(bids.iter().any(|bid| is_it(&bid)), "{result}");
    }
}

#[test]
fn sessions_of_bidders_are_counted() {
    let bids = bids();
    let results = run_on("q11", &bids);
    let mut times: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for bid in &bids {
        times.entry(bid.bidder).or_default().push(bid.date_time);
    }
    let mut expected = BTreeMap::new();
    for (bidder, mut times) in times {
        times.sort_unstable();
        for session in times.chunk_by(|one, next| next - one < 10_000) {
            expected.insert(
                (session[session.len() - 1] + 10_000, bidder),
                session.len() as u64,
            );
        }
    }
    assert_eq!(told(&results, "key"), expected);
}

#[test]
fn bids_of_bidders_are_counted() {
    let bids = bids();
    let results = run_on("q12", &bids);
    assert_eq!(
        told(&results, "key"),
        counts(&bids, (10_000, 10_000), |bid| bid.bidder)
    );
}
