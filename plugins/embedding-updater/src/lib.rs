//! Learns user and item vectors online, one positive event at a time.
//!
//! Incremental matrix factorisation (ISGD; Vinagre, Jorge, Gama, "Fast incremental matrix
//! factorization for recommendation with positive-only feedback", 2014) with the ranking loss of BPR
//! (Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian personalized ranking from implicit
//! feedback", 2009): the vectors of the user and of the item that the user liked move towards each
//! other, away from a few items drawn at random. Squared loss, as in plain ISGD, ranks worse than
//! counting on real ratings; the ranking loss does not.
//!
//! - The user's vectors go into one collection, the items' into another; a ranker after this step
//!   asks `nearest` of the items with the vector of a user, under the metric `dot`.
//! - The event is always forwarded as it came, positive or not.
//! - What is drawn at random comes from the event's sequence, so a replay learns the same.
//! - The work per event is bounded: one user, one item and `negatives` others, each read and written
//!   once, whatever the number of items.

mod config;
mod model;
mod roster;

pub use config::Config;
use fastrand::Rng;
use model::Model;
use roster::Roster;
use tailrace_sdk::prelude::*;

/// The plugin.
pub struct EmbeddingUpdater {
    config: Config,
}

impl Plugin for EmbeddingUpdater {
    type Config = Config;

    fn new(config: Config) -> Result<Self, String> {
        config.check()?;
        Ok(Self { config })
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let fields = event.fields()?;
        let user = fields.id(&self.config.user)?;
        let item = fields.id(&self.config.item)?;
        if self.config.is_positive(&fields)? {
            let mut random = Rng::with_seed(event.sequence);
            self.learn(&user, &item, &mut random, host)?;
        }
        Ok(Verdict::Forward)
    }
}

impl EmbeddingUpdater {
    fn learn(&self, user: &str, item: &str, random: &mut Rng, host: &mut Host<'_>) -> Result<(), Failure> {
        let model = Model::of(&self.config);
        let mut liking = host
            .vectors(&self.config.users)
            .get(user)
            .unwrap_or_else(|| model.fresh(random));
        let known = host.vectors(&self.config.items).get(item);
        let mut liked = known.clone().unwrap_or_else(|| model.fresh(random));
        let mut roster = Roster::load(host)?;
        if known.is_none() {
            roster.add(host, item)?;
        }
        for _ in 0..self.config.negatives {
            // The item itself, drawn by chance, teaches nothing; it is not drawn again, to keep the
            // work bounded.
            let Some(other) = roster.draw(host, random).filter(|other| other != item) else {
                continue;
            };
            let Some(mut passed_over) = host.vectors(&self.config.items).get(&other) else {
                continue;
            };
            model.prefer(&mut liking, &mut liked, &mut passed_over);
            host.vectors(&self.config.items).set(&other, &passed_over);
        }
        host.vectors(&self.config.users).set(user, &liking);
        host.vectors(&self.config.items).set(item, &liked);
        Ok(())
    }
}

export!(EmbeddingUpdater, config_schema: "config.schema.json");
