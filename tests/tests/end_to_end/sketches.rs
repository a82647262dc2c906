//! Sketches of 39,244 real edits of Wikipedia, of all time, by minute and by channel: each within its
//! bound of the exact value, the same with 1, 4 and 7 partitions, and the same after a `kill -9`.

use std::{collections::BTreeMap, io::Read as _};

use serde_json::Value;
use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::{Engine, Launch},
    files,
};

/// Of `../shared/data/README.md`; 45 of the events bear false dates.
const EVENTS: u64 = 39_244;
const FALSE_DATES: u64 = 45;
const USERS: f64 = 10_531.0;
const PAGES: f64 = 35_143.0;
const CHANNELS: usize = 51;
/// Five standard errors of HyperLogLog++ with 2^14 registers.
const DISTINCT_BOUND: f64 = 5.0 * 0.008_125;
/// Of quantiles.
const RELATIVE_BOUND: f64 = 0.01;
/// The day of the events whose dates are true. The false ones are up to 50 days ahead of it, in the past all the same
/// when they are read here. So they are believed, and `watermark.delay` waits for what comes behind them. It
/// ends in the first minutes of the day, so some windows are over, and all are watched: a share of few may be none.
const DAY: &str = "from=2015-09-12T00:00:00Z&to=2015-09-13T00:00:00Z";

fn pipeline(name: &str, partitions: u32) -> String {
    format!(
        r#"
name: {name}
input:
  subjects: ["shop.edits"]
  key: {{ json: /user }}
  time: {{ json: /time }}
  watermark: {{ delay: 50d }}
partitions: {partitions}
steps:
  - {{ name: count, plugin: probe@1.0.0, grants: [state] }}
sketches:
  users: {{ kind: distinct, value: {{ json: /user }} }}
  pages: {{ kind: distinct, value: {{ json: /page }}, window: 1h, keep: 48h }}
  channels: {{ kind: top, value: {{ json: /channel }} }}
  known: {{ kind: seen, value: {{ json: /user }} }}
  some: {{ kind: sample, value: {{ json: /page }}, size: 100 }}
  minutes: {{ kind: quantiles, value: {{ json: /added }}, window: 1m, keep: 24h, watch: 1 }}
  by-channel: {{ kind: quantiles, value: {{ json: /added }}, by: {{ json: /channel }}, groups: 60 }}
"#
    )
}

/// What is read of an edit.
struct Edit {
    time: String,
    channel: String,
    page: String,
    added: f64,
}

impl Edit {
    fn minute(&self) -> &str {
        &self.time[..16]
    }
}

/// All that is asked, and what came back.
type Answers = BTreeMap<String, Value>;

fn asked(minutes: &[String]) -> Vec<String> {
    let mut paths: Vec<String> = [
        "users",
        "pages",
        "channels",
        "known?item=Diannaa",
        "some",
        "minutes?q=0.5,0.9,0.99",
        "by-channel?by=true&q=0.5",
        "by-channel?group=%23en.wikipedia&q=0.5,0.9",
    ]
    .map(str::to_owned)
    .into();
    paths.push(format!("minutes?{DAY}&q=0.5,0.9,0.99"));
    paths.push(format!("pages?{DAY}"));
    paths.extend(minutes.iter().map(|minute| of_minute(minute)));
    paths
}

fn of_minute(minute: &str) -> String {
    format!("minutes?from={minute}:00Z&to={minute}:30Z&q=0.5")
}

/// A broker that holds the events, and an engine. All pipelines are of one tenant: by its seed items are
/// hashed and samples drawn.
struct Scene {
    cluster: Cluster,
    engine: Engine,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn set(lines: &[String]) -> anyhow::Result<Self> {
        let cluster = Cluster::start().await?;
        let folder = tempfile::tempdir()?;
        cluster.stream("EDITS", &["shop.edits"]).await?;
        let engine = Engine::start(&cluster, folder.path()).await?;
        engine.upload("probe", "tailrace_test_guest").await?;
        cluster
            .publish("shop.edits", lines.iter().map(String::as_str))
            .await?;
        Ok(Self {
            cluster,
            engine,
            _folder: folder,
        })
    }

    /// How many events a pipeline has counted.
    async fn counted(&self, name: &str) -> u64 {
        let path = format!("pipelines/{name}/sketches/users");
        let users = self.engine.own("GET", &path, "").await;
        users
            .ok()
            .and_then(|users| users.body["count"].as_u64())
            .unwrap_or(0)
    }

    /// What a pipeline of so many partitions answers when it has seen all events; perhaps with a kill in
    /// the middle.
    async fn run(&mut self, asked: &[String], partitions: u32, kills: bool) -> anyhow::Result<Answers> {
        let name = format!("edits-{partitions}");
        self.engine.apply(&name, &pipeline(&name, partitions)).await?;
        if kills {
            eventually("some of it is committed", || async {
                self.counted(&name).await > EVENTS / 3
            })
            .await?;
            self.engine.restart(&Launch::on(&self.cluster))?;
            self.engine.ready().await?;
        }
        // Those of all time are of the same commits as the others.
        eventually("all is committed", || async {
            self.counted(&name).await == EVENTS
        })
        .await?;
        let mut answers = Answers::new();
        for path in asked {
            let path_of = format!("pipelines/{name}/sketches/{path}");
            let answer = self.engine.own("GET", &path_of, "").await?;
            anyhow::ensure!(answer.status == 200, "{path}: {}", answer.body);
            answers.insert(path.clone(), answer.body);
        }
        if !kills {
            let status = self.engine.status(&name).await?;
            let accuracy = &status["stats"]["accuracy"]["minutes"];
            println!("watched in {partitions} partitions: {accuracy}");
            anyhow::ensure!(
                accuracy["comparisons"].as_u64() > Some(0),
                "nothing was watched: {status}"
            );
            anyhow::ensure!(accuracy["breaches"] == 0, "{accuracy}");
        }
        Ok(answers)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
async fn sketches_keep_their_bounds_whatever_the_partitions_and_a_kill() -> anyhow::Result<()> {
    let file = files::shared("wikiticker/wikiticker-2015-09-12-sampled.json.gz")?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file)?).read_to_string(&mut text)?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let edits: Vec<Edit> = lines
        .iter()
        .map(|line| edit(line))
        .collect::<anyhow::Result<_>>()?;
    // One minute of each hour, and those of the false dates at both ends.
    let mut minutes: Vec<String> = (1..24).map(|hour| format!("2015-09-12T{hour:02}:07")).collect();
    minutes.extend(["2015-11-01T00:49", "2015-09-20T00:47"].map(str::to_owned));
    let asked = asked(&minutes);
    let mut scene = Scene::set(&lines).await?;
    let one = scene.run(&asked, 1, false).await?;
    assert_bounds(&one, &edits, &minutes);
    let seven = scene.run(&asked, 7, false).await?;
    let four = scene.run(&asked, 4, true).await?;
    for path in &asked {
        assert_eq!(one[path], seven[path], "{path}: 7 partitions");
        assert_eq!(one[path], four[path], "{path}: 4 partitions and a kill");
    }
    Ok(())
}

fn edit(line: &str) -> anyhow::Result<Edit> {
    let json: Value = serde_json::from_str(line)?;
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    Ok(Edit {
        time: text("time"),
        channel: text("channel"),
        page: text("page"),
        added: json["added"].as_f64().unwrap_or_default(),
    })
}

fn assert_bounds(answers: &Answers, edits: &[Edit], minutes: &[String]) {
    for (name, exact) in [("users", USERS), ("pages", PAGES)] {
        let found = answers[name]["answer"]["distinct"].as_f64().unwrap_or_default();
        println!("distinct {name}: {found}, exact {exact}");
        assert!((found / exact - 1.0).abs() <= DISTINCT_BOUND, "{name}: {found}");
    }
    assert_top_ten(&answers["channels"], edits);
    assert_eq!(answers["known?item=Diannaa"]["answer"]["seen"], true);
    let sample = answers["some"]["answer"]["items"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert_eq!((sample.len(), &answers["some"]["count"]), (100, &EVENTS.into()));
    assert!(
        sample
            .iter()
            .all(|page| edits.iter().any(|edit| page == edit.page.as_str()))
    );
    assert_quantiles(&answers["minutes?q=0.5,0.9,0.99"], edits, |_| true);
    let day = &answers[&format!("minutes?{DAY}&q=0.5,0.9,0.99")];
    assert_eq!(day["count"], EVENTS - FALSE_DATES);
    assert_quantiles(day, edits, |edit| edit.time.starts_with("2015-09-12"));
    for minute in minutes {
        let found = &answers[&of_minute(minute)];
        assert_eq!(found["covers"]["from"], format!("{minute}:00.000Z"));
        assert_eq!(found["covers"]["window"], "1m");
        assert_quantiles(found, edits, |edit| edit.minute() == minute);
    }
    let groups = answers["by-channel?by=true&q=0.5"]["groups"].as_array();
    assert_eq!(groups.map(Vec::len), Some(CHANNELS));
    for group in groups.into_iter().flatten() {
        assert_quantiles(group, edits, |edit| {
            group["group"]["value"] == edit.channel.as_str()
        });
    }
    assert_quantiles(
        &answers["by-channel?group=%23en.wikipedia&q=0.5,0.9"],
        edits,
        |edit| edit.channel == "#en.wikipedia",
    );
}

fn assert_top_ten(channels: &Value, edits: &[Edit]) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for edit in edits {
        *counts.entry(&edit.channel).or_default() += 1;
    }
    let mut exact: Vec<_> = counts.into_iter().collect();
    exact.sort_by_key(|(channel, count)| (std::cmp::Reverse(*count), *channel));
    exact.truncate(10);
    assert_eq!(channels["bound"]["type"], "exact");
    assert_eq!(channels["answer"]["items"], serde_json::json!(exact));
}

/// Count, ends and each quantile that was asked for, against the exact values.
fn assert_quantiles(found: &Value, edits: &[Edit], of: impl Fn(&Edit) -> bool) {
    let mut exact: Vec<f64> = edits
        .iter()
        .filter(|edit| of(edit))
        .map(|edit| edit.added)
        .collect();
    exact.sort_by(f64::total_cmp);
    assert_eq!(found["count"], exact.len(), "{found}");
    assert_eq!(found["answer"]["min"].as_f64(), exact.first().copied());
    assert_eq!(found["answer"]["max"].as_f64(), exact.last().copied());
    for pair in found["answer"]["quantiles"].as_array().into_iter().flatten() {
        let (q, value) = (
            pair[0].as_f64().unwrap_or_default(),
            pair[1].as_f64().unwrap_or_default(),
        );
        let rank = q * (exact.len() - 1) as f64;
        let (low, high) = (exact[rank.floor() as usize], exact[rank.ceil() as usize]);
        let within = low - low.abs() * RELATIVE_BOUND..=high + high.abs() * RELATIVE_BOUND;
        assert!(within.contains(&value), "{q}: {value} is outside {within:?}");
    }
}
