//! Compares the lists that the pipeline published with what the users did next.

use std::collections::HashMap;

use evaluation::{Hits, Judge, Rating, Recalls};

use super::publish::List;

/// Chances after which the ranker must have learnt enough to beat popularity.
const ENOUGH: u64 = 10_000;

/// A demonstration that does not beat popularity has failed.
pub fn check(hits: &Hits) -> anyhow::Result<()> {
    anyhow::ensure!(
        hits.chances < ENOUGH || hits.ranker > hits.popularity,
        "the recommendations did not beat plain popularity"
    );
    Ok(())
}

/// Judges lists, one for each rating of a user in its order. On a thread of its own, for it takes a while.
pub async fn in_background(ratings: Vec<Rating>, lists: Vec<List>) -> anyhow::Result<Recalls> {
    Ok(tokio::task::spawn_blocking(move || measure(&ratings, lists)).await?)
}

fn measure(ratings: &[Rating], lists: Vec<List>) -> Recalls {
    let mut by_user: HashMap<String, Vec<Vec<String>>> = HashMap::new();
    for List { user, items } in lists {
        let films = items.into_iter().map(|item| item.id).collect();
        by_user.entry(user).or_default().push(films);
    }
    let lists = by_user.into_iter();
    let mut lists_of: HashMap<_, _> = lists.map(|(user, lists)| (user, lists.into_iter())).collect();
    let mut judge = Judge::default();
    for rating in ratings {
        judge.judge(rating);
        if let Some(films) = lists_of.get_mut(&rating.user).and_then(Iterator::next) {
            judge.note(rating, films);
        }
    }
    judge.recalls()
}
