//! Learns which items go together, and publishes the rows that have changed.
//!
//! It is the learning half of `ranker`, for pipelines that are too busy to rank in one partition. It runs in one
//! partition, for all users teach the same rows. `table-ranker` looks the rows up in a table, in as many partitions as
//! it needs.
//!
//! An event that forwards nothing publishes nothing: messages are rows, and leave in the commit that has learnt them.
//! Their key is the item's hash, so each item has a subject of its own, and a stream keeps the newest.
//!
//! State, all of it this step's own:
//!
//! | key | holds |
//! | --- | --- |
//! | `neighbours/<item>` | an item's id, counts, neighbours, and how much was published (`learned`) |
//! | `user/<user>`, `seen/<n>/<user>` | what is known of the user (`ranking::profile`) |
//! | `boards/popular`, `boards/fresh` | the leading items (`ranking::board`) |
//! | `likes` | positive events, which say when the boards are due |
//!
//! Why: docs/decisions/0171-learning-and-ranking-in-two-pipelines.md

mod config;
mod learned;

pub use config::Config;
use learned::Learned;
use ranking::{
    board::Boards,
    evidence::Evidence,
    item::Item,
    profile::{Profile, Visit},
    published::{BOARDS_KEY, ItemRow},
};
use tailrace_sdk::prelude::*;

/// Counts positive events.
const LIKES_KEY: &str = "likes";

/// The plugin.
pub struct ItemLearner {
    config: Config,
}

/// Who came to what.
struct Visited<'a> {
    item: Item,
    id: &'a str,
    evidence: Evidence,
    time_ms: u64,
}

impl Plugin for ItemLearner {
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        config.check()?;
        Ok(Self { config })
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let fields = event.fields()?;
        let user = fields.id(&self.config.user)?;
        let id = fields.id(&self.config.item)?;
        let visited = Visited {
            item: Item::of(&id),
            id: &id,
            evidence: self.config.reading().of(&fields)?,
            time_ms: event.time,
        };
        let mut profile = Profile::load(host, &user)?;
        let mut messages = Vec::new();
        if profile.see(visited.item) {
            messages = self.learn(host, &visited, &profile)?;
        }
        profile.remember(visited.item, visited.evidence.weight);
        profile.save(host, &user)?;
        Ok(messages.into())
    }
}

impl ItemLearner {
    /// Learns from a first visit, and returns the rows that are due.
    fn learn(
        &self,
        host: &mut Host<'_>,
        visited: &Visited<'_>,
        profile: &Profile,
    ) -> Result<Vec<Message>, Failure> {
        let learning = self.config.learning(visited.time_ms);
        let mut own = Learned::load(host, visited.item)?;
        visited.id.clone_into(&mut own.id);
        own.row.see(visited.evidence, learning);
        let mut before = self.rows_before(host, visited.item, profile)?;
        let rows = before
            .iter_mut()
            .map(|(visit, learned)| (*visit, &mut learned.row));
        let changed = own.row.join(visited.item, visited.evidence, rows, learning);
        before.truncate(changed);

        let mut messages = Vec::new();
        messages.extend(self.boards(host, visited, &own)?);
        let before = before.into_iter().map(|(visit, learned)| (visit.item, learned));
        let rows = std::iter::once((visited.item, own)).chain(before);
        for (distance, (item, mut learned)) in rows.enumerate() {
            let is_due = learned.note_change(distance == learning.window, self.config.growth());
            learned.save(host, item)?;
            if is_due {
                messages.push(self.published(host, item, learned)?);
            }
        }
        Ok(messages)
    }

    /// The rows of the user's latest items, latest first.
    fn rows_before(
        &self,
        host: &mut Host<'_>,
        item: Item,
        profile: &Profile,
    ) -> Result<Vec<(Visit, Learned)>, Failure> {
        let others = profile.latest().filter(|visit| visit.item != item);
        let latest = others.take(self.config.window);
        latest
            .map(|visit| Ok((visit, Learned::load(host, visit.item)?)))
            .collect()
    }

    /// The boards, where they are due.
    fn boards(
        &self,
        host: &mut Host<'_>,
        visited: &Visited<'_>,
        own: &Learned,
    ) -> Result<Option<Message>, Failure> {
        if !visited.evidence.is_positive {
            return Ok(None);
        }
        let mut boards = Boards::load(host)?;
        boards.note(host, visited.item, &own.row)?;
        let likes = host
            .state()
            .update_json(LIKES_KEY, |likes: &mut u64| *likes += 1)?;
        if likes % u64::from(self.config.boards_every) != 1 % u64::from(self.config.boards_every) {
            return Ok(None);
        }
        Ok(Some(Message::new(boards.encode()?).with_key(BOARDS_KEY)))
    }

    /// An item as a message.
    fn published(&self, host: &mut Host<'_>, item: Item, learned: Learned) -> Result<Message, Failure> {
        let similar = self.similar(host, &learned.id);
        let row = ItemRow {
            id: learned.id,
            row: learned.row,
            row_half_life_days: self.config.row_half_life_days,
            similar,
        };
        Ok(Message::new(row.encode()?).with_key(item.key()))
    }

    /// The items whose vectors are nearest to the item's own, if a step before this one has learnt it.
    fn similar(&self, host: &mut Host<'_>, id: &str) -> Vec<(Item, f32)> {
        if self.config.similar == 0 {
            return Vec::new();
        }
        let Some(vector) = host.vectors(&self.config.items).get(id) else {
            return Vec::new();
        };
        // One more, for the nearest is often the item itself.
        let found = host
            .vectors(&self.config.items)
            .nearest(&vector, self.config.similar as u32 + 1);
        let others = found.iter().filter(|found| found.id != id);
        let others = others.map(|found| (Item::of(&found.id), found.score));
        others.take(self.config.similar).collect()
    }
}

export!(ItemLearner, config_schema: "config.schema.json");
