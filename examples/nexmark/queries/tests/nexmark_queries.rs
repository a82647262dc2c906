//! What events of crate `nexmark` do not have: other urls, days of all years, and a config that is none.

use nexmark_queries::Queries;
use tailrace_sdk::{prelude::*, testing::TestHost};

fn bid(date_time: u64, url: &str) -> Event {
    let bid = json!({ "auction": 1, "bidder": 2, "price": 300, "channel": "channel-7", "url": url,
        "date_time": date_time, "extra": "" });
    Event::new("nexmark.bid.2", json!({ "Bid": bid }).to_string())
}

fn host(query: &str) -> TestHost {
    TestHost::of::<Queries>(json!({ "query": query })).expect("a query")
}

/// A member of the only row.
fn member(verdict: &Verdict, name: &str) -> Value {
    let [message] = verdict.messages() else {
        panic!("{verdict:?}");
    };
    let row: Value = serde_json::from_slice(&message.payload).expect("a row");
    row[name].clone()
}

#[test]
fn days_are_those_of_the_calendar() {
    for (ms, day) in [
        (0, "1970-01-01"),
        (951_782_399_999, "2000-02-28"),
        (951_782_400_000, "2000-02-29"),
        (1_709_251_200_000, "2024-03-01"),
        (1_798_761_599_999, "2026-12-31"),
        (1_798_761_600_000, "2027-01-01"),
        (253_402_300_799_999, "9999-12-31"),
    ] {
        let verdict = host("q15").send(bid(ms, "")).expect("a day");
        assert_eq!(member(&verdict, "day"), day);
    }
    for ms in [253_402_300_800_000, u64::MAX] {
        let failure = host("q15").send(bid(ms, "")).expect_err("no day");
        assert_eq!(failure.code(), Some("out-of-range"));
    }
}

#[test]
fn the_minute_of_a_channel_is_the_latest() {
    let mut host = host("q16");
    let midnight = 1_798_761_600_000;
    for (ms, minute) in [
        (midnight - 60_001, "23:58"),
        (midnight - 1, "23:59"),
        (midnight - 60_001, "23:59"),
        (midnight, "00:00"),
    ] {
        let verdict = host.send(bid(ms, "")).expect("a minute");
        assert_eq!(member(&verdict, "minute"), minute);
    }
}

#[test]
fn a_channel_stands_at_the_beginning_or_behind_an_ampersand() {
    for (url, id) in [
        ("https://a/b?query=1&channel_id=17", Some("17")),
        ("https://a/b?query=1&channel_id=17&channel_id=18", Some("17")),
        ("channel_id=&x", Some("")),
        ("https://a/b?channel_id=17", None),
        ("https://a/b?query=1", None),
    ] {
        let verdict = host("q21").send(bid(0, url)).expect("a verdict");
        match id {
            Some(id) => assert_eq!(member(&verdict, "channel_id"), id, "{url}"),
            None => assert_eq!(verdict, Verdict::Drop, "{url}"),
        }
    }
}

#[test]
fn a_url_without_directories_has_none() {
    let verdict = host("q22").send(bid(0, "https://a/b")).expect("a row");
    assert_eq!(member(&verdict, "dir1"), "b");
    assert_eq!(member(&verdict, "dir2"), Value::Null);
}

#[test]
fn a_query_that_is_not_there_is_refused() {
    for config in [
        json!({ "query": "q10" }),
        json!({}),
        json!({ "query": "q3", "more": 1 }),
    ] {
        assert!(TestHost::of::<Queries>(config).is_err());
    }
}
