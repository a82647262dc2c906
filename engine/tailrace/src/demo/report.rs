//! What the demonstration prints.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write as _,
    time::Duration,
};

use evaluation::{Hits, Rating, Recalls};
use tailrace_control::Queries;
use tailrace_core::identity::PipelineId;
use tailrace_sketch::{Answer, Query};

use super::{divided::Divided, publish::List, ratings::Source};

/// Users whose lists are shown.
const SHOWN_USERS: usize = 3;
/// Items shown of a list.
const SHOWN_ITEMS: usize = 5;

/// Prints all of it.
pub async fn print(
    queries: &Queries,
    id: &PipelineId,
    source: &Source,
    lists: &[List],
    took: Duration,
) -> anyhow::Result<()> {
    let counts = queries.pipeline_status(id).await?.engine.stats.counts.outcomes;
    let rate = counts.events as f64 / took.as_secs_f64();
    let mut text = format!(
        "\n{} events in {:.1} s: {rate:.0} a second, publishing included\n{} accepted, {} rejected, {} lists published\n",
        counts.events,
        took.as_secs_f64(),
        counts.events - counts.rejected,
        counts.rejected,
        counts.outputs,
    );
    if cfg!(debug_assertions) {
        text.push_str("This is a development build; `make install` builds a faster one.\n");
    }
    recommendations(&mut text, source, lists)?;
    best_of_truth(&mut text, source, lists)?;
    sketches(&mut text, queries, id, &source.ratings).await?;
    crate::out(&text);
    Ok(())
}

/// Prints what two pipelines came to.
pub fn divided(divided: &Divided) {
    let text = format!(
        "\nthe same in two pipelines, on {} ratings:\n  learning     {:>6.0} a second in one partition, {:.2} rows of films published a rating\n  ranking      {:>6.0} a second in four partitions\n",
        divided.ratings,
        divided.learn_rate,
        divided.rows as f64 / divided.ratings.max(1) as f64,
        divided.rank_rate,
    );
    crate::out(&text);
}

fn recommendations(text: &mut String, source: &Source, lists: &[List]) -> anyhow::Result<()> {
    let titles: HashMap<&str, &str> = source
        .ratings
        .iter()
        .map(|rating| (rating.item.as_str(), rating.title.as_str()))
        .collect();
    let mut shown = HashSet::new();
    for list in lists.iter().rev() {
        if shown.len() == SHOWN_USERS || !shown.insert(list.user.as_str()) {
            continue;
        }
        writeln!(text, "\nfor user {}:", list.user)?;
        for item in list.items.iter().take(SHOWN_ITEMS) {
            writeln!(
                text,
                "  {}",
                titles.get(item.id.as_str()).unwrap_or(&item.id.as_str())
            )?;
        }
    }
    Ok(())
}

/// Prints how often the next film was recommended: first what rests on no order in which films were shown.
pub fn quality(judged: &Recalls, shuffled: &[(u64, Hits)]) -> anyhow::Result<()> {
    let mut text = String::new();
    writeln!(
        text,
        "\nthe next film that a user liked was among the ten recommended (recall@10):"
    )?;
    writeln!(text, "{:36}ranker  cosine  popularity  of", "")?;
    let shuffled = shuffled
        .iter()
        .map(|(seed, hits)| (format!("shuffled within visits, seed {seed}"), *hits));
    let as_shown = [
        ("first after a gap of 30 minutes".to_owned(), judged.after_gaps),
        ("as shown".to_owned(), judged.all),
    ];
    for (protocol, hits) in shuffled.chain(as_shown) {
        writeln!(
            text,
            "  {protocol:34}{:.4}  {:.4}  {:.4}      {}",
            hits.recall(hits.ranker),
            hits.recall(hits.cosine),
            hits.recall(hits.popularity),
            hits.chances
        )?;
    }
    crate::out(&text);
    Ok(())
}

fn best_of_truth(text: &mut String, source: &Source, lists: &[List]) -> anyhow::Result<()> {
    if let Some(truth) = &source.truth {
        let latest: BTreeMap<&str, &List> = lists.iter().map(|list| (list.user.as_str(), list)).collect();
        let good = latest.values().flat_map(|list| {
            let best = truth.get(&list.user);
            list.items
                .iter()
                .filter(move |item| best.is_some_and(|best| best.contains(&item.id)))
        });
        let (good, all) = (
            good.count(),
            latest.values().map(|list| list.items.len()).sum::<usize>(),
        );
        writeln!(
            text,
            "of the films recommended last, {:.3} are among the user's true best 100 of 1500",
            good as f64 / all.max(1) as f64
        )?;
    }
    Ok(())
}

async fn sketches(
    text: &mut String,
    queries: &Queries,
    id: &PipelineId,
    ratings: &[Rating],
) -> anyhow::Result<()> {
    writeln!(text, "\nsketches beside the exact values:")?;
    for (name, exact) in [
        ("users", distinct(ratings, |rating| &rating.user)),
        ("items", distinct(ratings, |rating| &rating.item)),
    ] {
        let report = queries.sketch(id, name, &Query::default()).await?;
        if let Answer::Distinct { distinct } = report.answer {
            writeln!(
                text,
                "  distinct {name:8} {distinct:>8.0}   exact {exact:>8}   standard error 0.81 %"
            )?;
        }
    }
    let query = Query {
        quantiles: vec![0.1, 0.5, 0.9],
        ..Query::default()
    };
    let mut sorted: Vec<f64> = ratings.iter().map(|rating| rating.rating).collect();
    sorted.sort_by(f64::total_cmp);
    if let Answer::Quantiles { quantiles, .. } = queries.sketch(id, "ratings", &query).await?.answer {
        for (q, value) in quantiles {
            let exact = sorted[(q * (sorted.len() - 1) as f64) as usize];
            writeln!(
                text,
                "  rating p{:<9.0} {:>8.2}   exact {exact:>8.2}   within 1 %",
                q * 100.0,
                value.unwrap_or_default()
            )?;
        }
    }
    Ok(())
}

fn distinct(ratings: &[Rating], of: impl Fn(&Rating) -> &str) -> usize {
    ratings.iter().map(of).collect::<HashSet<_>>().len()
}
