//! Keeps each user's list of recommendations, made anew at every event of the user.
//!
//! The order of the work is the order of `process`: read who did what; load what is known of the user;
//! learn from the event; take up what the item's row says; blend four signals into scores; leave out
//! what the user has seen; write the list to state and hand it on.
//!
//! - **co-occurrence**: items that came close to the user's items in other users' histories;
//! - **similarity**: nearest item vectors to the user's vector, which a step before this one learns;
//! - **popularity**: positive events of all time;
//! - **freshness**: the same, decaying with event time.
//!
//! Each alone is mediocre. `tests/movielens` prints how the blend does beside popularity and plain item-item cosine.
//!
//! State, all of it this step's own:
//!
//! | key | holds |
//! | --- | --- |
//! | `list/<user>` | the list, JSON, as it is handed on |
//! | `user/<user>` | latest items, and how many were seen (`ranking::profile`) |
//! | `seen/<n>/<user>` | all items that the user has seen, 256 a chunk (`ranking::profile`) |
//! | `candidates/<user>` | what rows have said for the user so far (`ranking::candidates`) |
//! | `neighbours/<item>` | an item's counts and its neighbours (`ranking::row`); items by hash (`ranking::item`) |
//! | `id/<item>` | the id behind a hash |
//! | `boards/popular`, `boards/fresh` | the leading items (`ranking::board`) |
//! | `fallback/list` | with `fallback: popular`, the list for users who have none; the API gives it for them |
//!
//! The work per event is bounded by the config, and by how much of what a user has seen is looked at.

mod config;
mod rows;

pub use config::Config;
use ranking::{
    blend::Blend, board::Boards, candidates::Candidates, item::Item, list::SPARE, profile::Profile,
};
pub use ranking::{
    blend::Weights,
    list::{Fallback, FallbackList, List, Scored},
};
use rows::Rows;
use tailrace_sdk::prelude::*;

/// The plugin.
pub struct Ranker {
    config: Config,
}

impl Plugin for Ranker {
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        config.check()?;
        Ok(Self { config })
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let fields = event.fields()?;
        let user = fields.id(&self.config.user)?;
        let id = fields.id(&self.config.item)?;
        let evidence = self.config.reading().of(&fields)?;

        let mut profile = Profile::load(host, &user)?;
        let item = Item::of(&id);
        let mut candidates = Candidates::load(host, &candidates_key(&user))?;
        let mut boards = Boards::load(host)?;
        if profile.see(item) {
            host.state().set(&item.id_key(), id.as_bytes());
            let learning = self.config.learning(event.time);
            let mut rows = Rows::load(host, item, &profile, learning.window)?;
            rows.learn(evidence, learning);
            rows.save(host)?;
            candidates.add(rows.row().votes(evidence.weight, learning.fading), &profile);
            candidates.save(host, &candidates_key(&user))?;
            if boards.note(host, item, rows.row())? {
                self.keep_fallback(host, event.time, &boards)?;
            }
        }
        profile.remember(item, evidence.weight);
        profile.save(host, &user)?;

        let mut blend = Blend::new(&profile);
        blend.add(self.config.weights.co_occurrence, candidates.iter());
        blend.add(
            self.config.weights.similarity,
            self.nearest(host, &user, &profile),
        );
        blend.add(self.config.weights.popularity, boards.popular());
        blend.add(self.config.weights.freshness, boards.fresh());
        let best = blend.best(self.config.list + SPARE);
        let list = List::make(&user, event.time, &best, self.config.list, |item| {
            id_of(host, item)
        })?;
        let message = Message::json(&list)?;
        host.state().set(&List::key(&user), &message.payload);
        Ok(message.with_key(user).into())
    }
}

/// State key of what rows have said for a user.
fn candidates_key(user: &str) -> String {
    format!("candidates/{user}")
}

/// Most items that a search may spend on what the user has seen already.
const MAX_SEEN_IN_SEARCH: usize = 500;

impl Ranker {
    /// Writes the list for users who have none, where the config asks for one.
    fn keep_fallback(&self, host: &mut Host<'_>, time: u64, boards: &Boards) -> Result<(), Failure> {
        let Some(fallback) = self.config.fallback else {
            // A config from before may have asked for one.
            if host.state().get(FallbackList::KEY).is_some() {
                host.state().delete(FallbackList::KEY);
            }
            return Ok(());
        };
        let items = match fallback {
            Fallback::Popular => boards.popular(),
        };
        let list = FallbackList::make(fallback, time, items, self.config.list, |item| id_of(host, item))?;
        host.state().set_json(FallbackList::KEY, &list)
    }

    /// The items nearest to the user's vector, if a step before this one has learnt it.
    fn nearest(&self, host: &mut Host<'_>, user: &str, profile: &Profile) -> Vec<(Item, f32)> {
        if self.config.weights.similarity == 0.0 {
            return Vec::new();
        }
        let Some(vector) = host.vectors(&self.config.users).get(user) else {
            return Vec::new();
        };
        let most = self.config.candidates + profile.seen_items().min(MAX_SEEN_IN_SEARCH);
        let found = host.vectors(&self.config.items).nearest(&vector, most as u32);
        found
            .iter()
            .map(|found| (Item::of(&found.id), found.score))
            .collect()
    }
}

/// The id behind a hash. An item that never came by this step has none.
#[allow(
    clippy::unnecessary_wraps,
    reason = "of the form that lists ask for; a table's rows may fail"
)]
fn id_of(host: &mut Host<'_>, item: Item) -> Result<Option<String>, Failure> {
    let id = host.state().get(&item.id_key());
    Ok(id.and_then(|id| String::from_utf8(id).ok()))
}

export!(Ranker, config_schema: "config.schema.json");
