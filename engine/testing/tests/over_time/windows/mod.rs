//! Windows.

mod changed;
mod edges;
mod equal;
mod model;
mod nexmark;

use crate::stage::Stage;

/// Results so far, as they are marked and with their events.
fn told(stage: &mut Stage) -> Vec<(String, u64)> {
    let results = stage.results();
    let shown = results.iter().map(|result| {
        let told = result["result"].as_str().unwrap_or("-").to_owned();
        (told, result["n"].as_u64().unwrap())
    });
    shown.collect()
}

fn pairs(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(told, n)| ((*told).to_owned(), *n)).collect()
}
