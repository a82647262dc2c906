//! How many of the next films each way of ranking found.

use std::collections::HashMap;

use crate::{Rating, cosine::Cosine, popularity::Popularity, visits::GAP_MS};

/// Films of a list that are looked at.
pub const TOP: usize = 10;

/// Hits of each way of ranking, and the chances for them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Hits {
    /// Positive ratings of users who have a list.
    pub chances: u64,
    /// Those on the user's list.
    pub ranker: u64,
    /// Those on the list of item-item cosine.
    pub cosine: u64,
    /// Those on the list of the most popular.
    pub popularity: u64,
}

impl Hits {
    /// The share of a count in the chances.
    pub fn recall(&self, hits: u64) -> f64 {
        hits as f64 / self.chances.max(1) as f64
    }

    fn note(&mut self, [ranker, cosine, popularity]: [bool; 3]) {
        self.chances += 1;
        self.ranker += u64::from(ranker);
        self.cosine += u64::from(cosine);
        self.popularity += u64::from(popularity);
    }
}

/// What was found of all films, and of those that begin a visit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Recalls {
    /// Of all.
    pub all: Hits,
    /// Of the first films of visits.
    pub after_gaps: Hits,
}

/// Judges lists beside what popularity and cosine would have shown at the same moments. Ratings come in the order of
/// their time.
#[derive(Default)]
pub struct Judge<'a> {
    latest: HashMap<&'a str, (Vec<String>, u64)>,
    cosine: Cosine<'a>,
    popularity: Popularity<'a>,
    recalls: Recalls,
}

impl<'a> Judge<'a> {
    /// Looks for the film on the user's lists, and learns the rating; whether there was a chance.
    pub fn judge(&mut self, rating: &'a Rating) -> bool {
        let (user, item) = (rating.user.as_str(), rating.item.as_str());
        let chance = self.latest.get(user).filter(|_| rating.is_positive());
        let is_judged = chance.is_some();
        if let Some((list, last_ms)) = chance {
            let found = [
                list.iter().take(TOP).any(|listed| listed == item),
                self.cosine.would_show(user, item, TOP),
                self.popularity.would_show(user, item, TOP),
            ];
            self.recalls.all.note(found);
            if rating.ts.saturating_sub(*last_ms) >= GAP_MS {
                self.recalls.after_gaps.note(found);
            }
        }
        self.popularity.learn(rating);
        self.cosine.learn(rating);
        is_judged
    }

    /// The films of the list that the user got at the rating.
    pub fn note(&mut self, rating: &'a Rating, films: Vec<String>) {
        self.latest.insert(&rating.user, (films, rating.ts));
    }

    /// What was found.
    pub fn recalls(&self) -> Recalls {
        self.recalls
    }
}
