//! Nexmark queries that need code. The config of a step names one: `query: q14`.
//!
//! A query that groups or ranks publishes a changelog: each message replaces the one before it on its subject, and the
//! last ones are what the SQL gives for all events so far. No event is too late for that, and no order of events matters.
#![allow(missing_docs, reason = "the export macro's functions are the contract's")]

mod bid_statistics;
mod calendar;
mod events;
mod q13;
mod q14;
mod q15;
mod q16;
mod q17;
mod q18;
mod q19;
mod q20;
mod q21;
mod q22;
mod q3;
mod q4;
mod q6;
mod q9;
mod rank;

use tailrace_sdk::prelude::*;

/// The config of a step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    query: Query,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Query {
    Q3,
    Q4,
    Q6,
    Q9,
    Q13,
    Q14,
    Q15,
    Q16,
    Q17,
    Q18,
    Q19,
    Q20,
    Q21,
    Q22,
}

/// A step of a query.
pub struct Queries(Query);

impl Plugin for Queries {
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self(config.query))
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        match self.0 {
            Query::Q3 => q3::select(event.json()?),
            Query::Q4 => q4::average(&event.json()?, host),
            Query::Q6 => q6::averages(&event.json()?, host),
            Query::Q9 => q9::winning(event.json()?, event.sequence, host),
            Query::Q13 => q13::with_side_key(event.json()?),
            Query::Q14 => q14::calculate(event.json()?),
            Query::Q15 => q15::by_day(event.json()?, host),
            Query::Q16 => q16::by_channel_and_day(event.json()?, host),
            Query::Q17 => q17::by_auction_and_day(event.json()?, host),
            Query::Q18 => q18::last_bid(event.json()?, host),
            Query::Q19 => q19::top_ten(event.json()?, host),
            Query::Q20 => q20::select(event.json()?),
            Query::Q21 => q21::channel_id(event.json()?),
            Query::Q22 => q22::directories(event.json()?),
        }
    }
}

export!(Queries);
