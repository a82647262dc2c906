//! The recommendations on the real ratings: the whole demonstration, in the sandbox, by the engine's
//! own output.

use std::process::Command;

use tailrace_tests::files;

/// What the issue asks for; popularity alone has 0.056.
const WANTED: f64 = 0.075;

#[test]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
fn the_ranker_finds_more_of_the_next_films_than_popularity() -> anyhow::Result<()> {
    let ratings = files::shared("movielens/movielens.csv.gz")?;
    let text = demo(&["--ratings", &ratings.display().to_string()])?;
    let figure = |name: &str| -> anyhow::Result<f64> {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        Ok(line
            .ok_or_else(|| anyhow::anyhow!("no figure {name} in {text}"))?
            .trim()
            .parse()?)
    };
    let (ranker, popularity) = (figure("ranker")?, figure("popularity")?);
    println!("recall@10 of the next film: ranker {ranker}, popularity {popularity}");
    assert!(
        ranker >= WANTED && ranker > popularity,
        "ranker {ranker}, popularity {popularity}"
    );
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
