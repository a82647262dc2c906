//! The recommendations on the real ratings: the whole demonstration, in the sandbox, by the engine's
//! own output. Tests begin in the order of their names, and the longest of all should begin early: hence that of this
//! file.

use std::process::Command;

use tailrace_tests::files;

/// Shuffled within visits, what the ranker must find more than plain item-item cosine.
const OVER_COSINE: f64 = 1.15;

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn the_ranker_finds_more_of_the_next_films_than_cosine_and_popularity() -> anyhow::Result<()> {
    let ratings = files::shared("movielens/movielens.csv.gz")?;
    // One order: each costs CI minutes, and the tests of the ranker judge more of them.
    let text = demo(&["--ratings", &ratings.display().to_string(), "--orders", "1"])?;
    for (protocol, over_cosine) in [
        ("shuffled within visits, seed 1", OVER_COSINE),
        ("first after a gap of 30 minutes", 1.0),
        ("as shown", 1.0),
    ] {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(protocol))
            .ok_or_else(|| anyhow::anyhow!("no figures of {protocol} in {text}"))?;
        println!("recall@10 of the next film, {protocol}: {line}");
        let figures: Vec<f64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let [ranker, cosine, popularity, _chances] = figures[..] else {
            anyhow::bail!("not four figures: {line}");
        };
        assert!(
            ranker > over_cosine * cosine && ranker > popularity,
            "{protocol}: {line}"
        );
    }
    Ok(())
}

#[test]
fn without_the_data_the_demonstration_runs_on_hidden_tastes() -> anyhow::Result<()> {
    let text = demo(&["--generated", "--events", "3000"])?;
    assert!(
        text.contains("seeded generator") && text.contains("true best"),
        "{text}"
    );
    Ok(())
}

fn demo(args: &[&str]) -> anyhow::Result<String> {
    let plugins = files::built()?.join("../wasm32-unknown-unknown/guest");
    let ran = Command::new(files::binary()?)
        .arg("demo")
        .args(args)
        .arg("--plugins")
        .arg(plugins)
        .env("TAILRACE_NATS_SERVER", files::nats_server()?)
        .output()?;
    let text = String::from_utf8(ran.stdout)?;
    anyhow::ensure!(
        ran.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    Ok(text)
}
