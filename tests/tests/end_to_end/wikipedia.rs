//! 39,244 real edits of Wikipedia: `kill -9` in the middle changes nothing, and the sketches are within
//! their bounds of the exact values that the data's README states.

use std::io::Read as _;

use serde_json::Value;
use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::Engine,
    files,
};

/// Exact values, of `../shared/data/README.md`.
const EVENTS: u64 = 39_244;
const USERS: f64 = 10_531.0;
const PAGES: f64 = 35_143.0;
const CHANNELS: usize = 51;
/// Five standard errors of HyperLogLog++ with 2^14 registers.
const DISTINCT_BOUND: f64 = 5.0 * 0.008_125;

const PIPELINE: &str = r#"
name: edits
input:
  subjects: ["shop.edits"]
  key: { json: /user }
  time: { json: /time }
partitions: 3
steps:
  - { name: count, plugin: probe@1.0.0, grants: [state] }
sketches:
  users: { kind: distinct, value: { json: /user } }
  pages: { kind: distinct, value: { json: /page } }
  channels: { kind: top, value: { json: /channel }, size: 51 }
  added: { kind: quantiles, value: { json: /added } }
output: { subject: "shop.counts" }
"#;

/// What a run leaves behind: outputs by key, state, sketches.
#[derive(PartialEq)]
struct Result {
    outputs: Vec<Vec<u8>>,
    state: Vec<Value>,
    sketches: Value,
}

async fn run(edits: &[String], kills: u32) -> anyhow::Result<Result> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    cluster.stream("EDITS", &["shop.edits"]).await?;
    let mut engine = Engine::start(&cluster, folder.path()).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("edits", PIPELINE).await?;
    cluster
        .publish("shop.edits", edits.iter().map(String::as_str))
        .await?;
    for kill in 1..=kills {
        let until = EVENTS * u64::from(kill) / u64::from(kills + 2);
        eventually("some of it is committed", || async {
            cluster
                .read("TR_shop_edits", "shop.counts")
                .await
                .is_ok_and(|outputs| outputs.len() as u64 >= until)
        })
        .await?;
        engine.kill();
        engine = Engine::start(&cluster, folder.path()).await?;
    }
    eventually("all of it is committed", || async {
        cluster
            .read("TR_shop_edits", "shop.counts")
            .await
            .is_ok_and(|outputs| outputs.len() as u64 >= EVENTS)
    })
    .await?;
    engine.caught_up("edits", EVENTS).await?;
    let mut outputs: Vec<Vec<u8>> = cluster
        .read("TR_shop_edits", "shop.counts")
        .await?
        .into_iter()
        .map(|(_, payload)| payload)
        .collect();
    // Between partitions there is no order; within a key there is, and the count shows it.
    outputs.sort();
    let mut state = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!(
            "pipelines/edits/steps/count/state?limit=1000&after={}",
            encode(&after)
        );
        let page = engine
            .own("GET", &path, "")
            .await?
            .body
            .as_array()
            .cloned()
            .unwrap_or_default();
        let Some(last) = page.last() else { break };
        last["key"].as_str().unwrap_or_default().clone_into(&mut after);
        state.extend(page);
    }
    let sketches = engine.own("GET", "pipelines/edits/sketches", "").await?.body;
    Ok(Result {
        outputs,
        state,
        sketches,
    })
}

fn encode(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02X}"))
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(shared_data), ignore = "needs ../shared/data")]
async fn kill_9_in_the_middle_changes_nothing_and_sketches_keep_their_bounds() -> anyhow::Result<()> {
    let file = files::shared("wikiticker/wikiticker-2015-09-12-sampled.json.gz")?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file)?).read_to_string(&mut text)?;
    let edits: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(edits.len() as u64, EVENTS);
    let undisturbed = run(&edits, 0).await?;
    let killed = run(&edits, 3).await?;
    assert_eq!(undisturbed.outputs.len() as u64, EVENTS);
    assert!(undisturbed.outputs == killed.outputs, "the outputs differ");
    assert!(undisturbed.state == killed.state, "the state differs");
    assert_eq!(undisturbed.state.len(), 10_531, "one entry a user");
    assert_sketches(&undisturbed.sketches);
    assert_sketches(&killed.sketches);
    Ok(())
}

fn assert_sketches(sketches: &Value) {
    for (name, exact) in [("users", USERS), ("pages", PAGES)] {
        let found = sketches[name]["answer"]["distinct"].as_f64().unwrap_or_default();
        println!("distinct {name}: {found}, exact {exact}");
        assert!((found / exact - 1.0).abs() <= DISTINCT_BOUND, "{name}: {found}");
    }
    let channels = &sketches["channels"];
    assert_eq!(channels["bound"]["type"], "exact");
    assert_eq!(
        channels["answer"]["items"].as_array().map(Vec::len),
        Some(CHANNELS)
    );
    assert_eq!(sketches["added"]["count"], EVENTS);
}
