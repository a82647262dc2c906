//! Keeps each user's list of recommendations, made anew at every event of the user, of rows in a table.
//!
//! It is the ranking half of `ranker`. `item-learner` publishes what it has learnt of items in another pipeline, and a
//! table with the scope `everywhere` has that in each partition. Nothing that is learnt is state of this step. So the
//! events are divided by user, and the pipeline has as many partitions as it needs.
//!
//! The signals are those of `ranker`, but for similarity. There the user has a vector. Here each of the user's items
//! brings the items that are nearest to its own vector.
//!
//! State, all of it this step's own:
//!
//! | key | holds |
//! | --- | --- |
//! | `list/<user>` | the list, JSON, as it is handed on |
//! | `user/<user>`, `seen/<n>/<user>` | what is known of the user (`ranking::profile`) |
//! | `candidates/<user>`, `similar/<user>` | what the rows of the user's items have said so far (`ranking::candidates`) |
//! | `fallback/list` | with `fallback: popular`, the list for users who have none; the API gives it for them |
//!
//! Why: docs/decisions/0171-learning-and-ranking-in-two-pipelines.md

mod config;
mod spoken;

pub use config::Config;
use ranking::{blend::Blend, board::Boards, item::Item, list::SPARE, profile::Profile, published::ItemRow};
pub use ranking::{
    blend::Weights,
    list::{Fallback, FallbackList, List, Scored},
};
use spoken::Spoken;
use tailrace_sdk::prelude::*;

/// The plugin.
pub struct TableRanker {
    config: Config,
}

impl Plugin for TableRanker {
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        config.check()?;
        Ok(Self { config })
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let fields = event.fields()?;
        let user = fields.id(&self.config.user)?;
        let item = Item::of(&fields.id(&self.config.item)?);
        let evidence = self.config.reading().of(&fields)?;

        let mut profile = Profile::load(host, &user)?;
        let is_new = profile.see(item);
        profile.save(host, &user)?;
        let mut spoken = Spoken::load(host, &user)?;
        if is_new && let Some(row) = ItemRow::of(host, &self.config.table, item)? {
            spoken.add(&row, evidence, event.time, &profile);
            spoken.save(host, &user)?;
        }
        let boards = Boards::of(host, &self.config.table)?;
        self.keep_fallback(host, event.time, &boards)?;

        let mut blend = Blend::new(&profile);
        blend.add(self.config.weights.co_occurrence, spoken.votes());
        blend.add(self.config.weights.similarity, spoken.similar());
        blend.add(self.config.weights.popularity, boards.popular());
        blend.add(self.config.weights.freshness, boards.fresh());
        let best = blend.best(self.config.list + SPARE);
        let list = List::make(&user, event.time, &best, self.config.list, |item| {
            self.id_of(host, item)
        })?;
        let message = Message::json(&list)?;
        host.state().set(&List::key(&user), &message.payload);
        Ok(message.with_key(user).into())
    }
}

impl TableRanker {
    /// Writes the list for users who have none, where the config asks for one. Each partition has its own, of the same
    /// row.
    fn keep_fallback(&self, host: &mut Host<'_>, time: u64, boards: &Boards) -> Result<(), Failure> {
        let Some(fallback) = self.config.fallback else {
            return Ok(());
        };
        let items = match fallback {
            Fallback::Popular => boards.popular(),
        };
        let list = FallbackList::make(fallback, time, items, self.config.list, |item| {
            self.id_of(host, item)
        })?;
        let before: Option<FallbackList> = host.state().get_json(FallbackList::KEY)?;
        if before.is_some_and(|before| before.items == list.items) {
            return Ok(());
        }
        host.state().set_json(FallbackList::KEY, &list)
    }

    /// The id of an item. One whose row the table does not have yet is not recommended.
    fn id_of(&self, host: &mut Host<'_>, item: Item) -> Result<Option<String>, Failure> {
        let row = ItemRow::of(host, &self.config.table, item)?;
        Ok(row.map(|row| row.id))
    }
}

export!(TableRanker, config_schema: "config.schema.json");
