//! The form in two pipelines: what learns, what ranks, and the rows on their way between them.

use std::collections::VecDeque;

use embedding_updater::EmbeddingUpdater;
use evaluation::Rating;
use item_learner::ItemLearner;
use ranker::List;
use serde_json::json;
use table_ranker::TableRanker;
use tailrace_sdk::{
    Failure, Message,
    testing::{Metric, TestHost},
};

use crate::event;

/// So long after a rating, in event time, the table has the rows that it has changed. An engine takes a fraction of a
/// second for that.
const LAG_MS: u64 = 10_000;

pub(crate) struct Divided {
    learn: TestHost,
    rank: TestHost,
    /// The rows that the table does not have yet, with the times of their ratings.
    under_way: VecDeque<(u64, Vec<Message>)>,
    ratings: usize,
    rows: usize,
    bytes: usize,
}

impl Divided {
    pub(crate) fn new() -> Result<Self, String> {
        let learn = TestHost::default()
            .step::<EmbeddingUpdater>("embed", json!({}))?
            .step::<ItemLearner>("learn", json!({}))?
            .collection("users", 32, Metric::Dot)
            .collection("items", 32, Metric::Dot);
        Ok(Self {
            learn,
            rank: TestHost::of::<TableRanker>(json!({}))?,
            under_way: VecDeque::new(),
            ratings: 0,
            rows: 0,
            bytes: 0,
        })
    }

    /// The rating is ranked by what the table has, before anything is learnt from it.
    pub(crate) fn rank_then_learn(&mut self, rating: &Rating) -> Result<List, String> {
        self.take_in(rating.ts);
        let told = |failure: Failure| failure.reason().to_owned();
        let ranked = self.rank.send(event(rating)).map_err(told)?;
        let learnt = self.learn.send(event(rating)).map_err(told)?;
        self.under_way.push_back((rating.ts, learnt.messages().to_vec()));
        self.ratings += 1;
        serde_json::from_slice(&ranked.messages()[0].payload).map_err(|cause| cause.to_string())
    }

    fn take_in(&mut self, now_ms: u64) {
        while let Some((_, rows)) = self
            .under_way
            .pop_front_if(|(time_ms, _)| *time_ms + LAG_MS <= now_ms)
        {
            for row in rows {
                self.rows += 1;
                self.bytes += row.payload.len();
                self.rank
                    .set_row("items", row.key.as_deref().unwrap_or_default(), row.payload);
            }
        }
    }

    /// How much was published.
    pub(crate) fn published(&self) -> String {
        format!(
            "{:.2} rows of {} bytes a rating",
            self.rows as f64 / self.ratings as f64,
            self.bytes / self.rows.max(1)
        )
    }
}
