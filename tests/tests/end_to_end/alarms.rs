//! Alarms from rule to notice: on a subject, at a web server, in status; over a restart of the engine.

use futures::{StreamExt as _, stream::BoxStream};
use serde_json::{Value, json};
use tailrace_tests::{
    cluster::{Cluster, PATIENCE, eventually},
    engine::{Engine, Launch, OPERATOR},
    stand_in::StandIn,
};
use tempfile::TempDir;

use crate::probe;

/// A broker, a web server that takes notices, and an engine that lets them go there.
struct Scene {
    cluster: Cluster,
    hooks: StandIn,
    launch: Launch,
    engine: Engine,
    _folder: TempDir,
}

impl Scene {
    async fn set() -> anyhow::Result<Self> {
        let cluster = Cluster::start().await?;
        let folder = tempfile::tempdir()?;
        let hooks = StandIn::start()?;
        let launch = Launch::on(&cluster)
            .with("TAILRACE_WEBHOOKS__HOSTS", &format!("[\"{}\"]", hooks.url()))
            .with("TAILRACE_WEBHOOKS__PRIVATE_ADDRESSES", "true");
        let engine = Engine::start_with(&launch, folder.path()).await?;
        cluster.stream("SHOP", &["shop.events.>"]).await?;
        engine.upload("probe", "tailrace_test_guest").await?;
        Ok(Self {
            cluster,
            hooks,
            launch,
            engine,
            _folder: folder,
        })
    }

    /// What the web server was told, as kind and rule.
    fn told(&self) -> Vec<(String, String)> {
        let notices = self.hooks.taken().into_iter();
        notices
            .filter_map(|taken| serde_json::from_slice::<Value>(&taken.body).ok())
            .map(|notice| (text(&notice["kind"]), text(&notice["rule"])))
            .collect()
    }

    /// Waits until the web server was told this.
    async fn is_told(&self, kind: &str, rule: &str) -> anyhow::Result<()> {
        let wanted = (kind.to_owned(), rule.to_owned());
        eventually(&format!("{rule} is {kind}"), || async {
            self.told().contains(&wanted)
        })
        .await
    }

    /// Waits until every notice has arrived and that is written.
    async fn settled(&self) -> anyhow::Result<()> {
        eventually("every notice has arrived", || async {
            let status = self.engine.status("watched").await.unwrap_or_default();
            let alarms = status["alarms"].as_array().cloned().unwrap_or_default();
            !alarms.is_empty() && alarms.iter().all(|alarm| alarm["unsent"] == 0)
        })
        .await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn alarm(name: &str, when: &str, hook: &str) -> String {
    format!(
        "  - name: {name}\n    when: \"{when}\"\n    notify: {{ subject: shop.told, webhook: \"{hook}\" }}\n"
    )
}

/// A pipeline with these alarms.
fn watched(alarms: &str) -> String {
    let sketches = "sketches:\n  users: { kind: distinct, value: { json: /user } }\n";
    format!("{}{sketches}alarms:\n{alarms}", probe("watched", 1, ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_told_once_when_it_fires_and_once_when_it_is_over_though_the_engine_dies_between()
-> anyhow::Result<()> {
    let mut scene = Scene::set().await?;
    let hook = format!("{}/hook", scene.hooks.url());
    let alarms = [
        alarm("paused", "stopped > 0", &hook),
        alarm("crowd", "users.distinct >= 3", &hook),
    ];
    scene.engine.apply("watched", &watched(&alarms.concat())).await?;
    let mut subject = scene.cluster.client.subscribe("shop.told").await?;
    let event = |user: u64| json!({ "user": format!("u{user}") }).to_string();
    scene.cluster.publish("shop.events.x", (0..3).map(event)).await?;
    scene.is_told("firing", "crowd").await?;
    let paused = scene.engine.own("POST", "pipelines/watched/pause", "").await?;
    assert!(paused.status < 300, "{paused:?}");
    scene.is_told("firing", "paused").await?;
    scene.settled().await?;
    scene.engine.restart(&scene.launch)?;
    scene.engine.ready().await?;
    let resumed = scene.engine.own("POST", "pipelines/watched/resume", "").await?;
    assert!(resumed.status < 300, "{resumed:?}");
    scene.is_told("resolved", "paused").await?;
    scene.settled().await?;
    let told = scene.told();
    let expected = [("firing", "crowd"), ("firing", "paused"), ("resolved", "paused")];
    assert_eq!(
        told,
        expected.map(|(kind, rule)| (kind.to_owned(), rule.to_owned())),
        "each once"
    );
    let first = tokio::time::timeout(PATIENCE, subject.next()).await?;
    let notice: Value = serde_json::from_slice(&first.map(|message| message.payload).unwrap_or_default())?;
    assert_eq!(
        (&notice["tenant"], &notice["pipeline"], &notice["rule"]),
        (&json!("shop"), &json!("watched"), &json!("crowd"))
    );
    assert_eq!(
        (&notice["value"], &notice["threshold"]),
        (&json!(3.0), &json!(3.0))
    );
    assert_eq!(notice["when"], "users.distinct >= 3");
    assert!(notice["since_ms"].as_u64() > Some(0) && notice["id"].is_string());
    let status = scene.engine.status("watched").await?;
    let states: Vec<_> = status["alarms"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|alarm| (text(&alarm["name"]), text(&alarm["state"])))
        .collect();
    let expected = [("crowd", "firing"), ("paused", "quiet")];
    assert_eq!(
        states,
        expected.map(|(name, state)| (name.to_owned(), state.to_owned()))
    );
    let page = scene.engine.ask("GET", "/metrics", OPERATOR, "").await?;
    let line = "tailrace_pipeline_alarms_firing{tenant=\"shop\",pipeline=\"watched\"} 1";
    assert!(page.text.lines().any(|known| known == line), "{}", page.text);
    // Without its alarms, what fires is over, and told so.
    scene.engine.apply("watched", &probe("watched", 1, "")).await?;
    scene.is_told("resolved", "crowd").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_server_that_fails_or_sends_elsewhere_is_tried_again_and_nobody_is_sent_elsewhere()
-> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let elsewhere = StandIn::start()?;
    scene
        .hooks
        .answer(&format!("302 Found\r\nlocation: {}/secret", elsewhere.url()));
    let hook = format!("{}/hook", scene.hooks.url());
    let alarms = alarm("crowd", "users.distinct >= 1", &hook);
    scene.engine.apply("watched", &watched(&alarms)).await?;
    scene
        .cluster
        .publish("shop.events.x", [json!({ "user": "u1" }).to_string()])
        .await?;
    scene.is_told("firing", "crowd").await?;
    scene.hooks.answer("204 No Content");
    scene.settled().await?;
    let told = scene.hooks.taken();
    assert!(told.len() >= 2, "it was tried again");
    assert!(
        told.windows(2).all(|pair| pair[0].body == pair[1].body),
        "every try is the same notice"
    );
    assert_eq!(told[0].path, "/hook");
    assert_eq!(told[0].header("content-type"), Some("application/json"));
    assert!(elsewhere.taken().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_may_not_be_told_or_cannot_be_read_is_refused_when_it_is_applied() -> anyhow::Result<()>
{
    let scene = Scene::set().await?;
    for (alarm, field, hint) in [
        (
            "  - { name: a, when: \"lagg > 1\" }\n",
            "alarms[0].when",
            "at character 1",
        ),
        (
            "  - { name: a, when: \"lag > 1\", notify: { subject: bank.told } }\n",
            "alarms[0].notify.subject",
            "write grant",
        ),
        (
            "  - { name: a, when: \"lag > 1\", notify: { webhook: \"https://169.254.169.254/latest\" } }\n",
            "alarms[0].notify.webhook",
            "ask an operator",
        ),
        (
            "  - { name: a, when: \"lag > 1\", notify: { subject: shop.watched.x } }\n",
            "alarms[0].notify.subject",
            "own output",
        ),
    ] {
        let refused = scene
            .engine
            .own("PUT", "pipelines/watched", watched(alarm))
            .await?;
        assert!(
            refused.status == 422 && refused.text.contains(field) && refused.text.contains(hint),
            "{alarm}: {refused:?}"
        );
    }
    Ok(())
}

/// What is told on a subject.
struct Told(BoxStream<'static, Value>);

impl Told {
    async fn on(cluster: &Cluster, subject: &'static str) -> anyhow::Result<Self> {
        let messages = cluster.client.subscribe(subject).await?;
        let notices = messages.map(|message| serde_json::from_slice(&message.payload).unwrap_or_default());
        Ok(Self(notices.boxed()))
    }

    /// The next notice: its kind and rule, and all of it.
    async fn next(&mut self) -> anyhow::Result<(String, Value)> {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await?;
        let notice = next.ok_or_else(|| anyhow::anyhow!("the subject has ended"))?;
        Ok((
            format!("{} {}", text(&notice["rule"]), text(&notice["kind"])),
            notice,
        ))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_over_windows_is_over_when_newer_events_are_better() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let timed = probe("watched", 1, "").replacen("input:\n", "input:\n  time: { json: /time }\n", 1);
    let rules = "sketches:\n  amounts: { kind: quantiles, value: { json: /amount }, window: 1m, keep: 1h }\nalarms:\n  - { name: dear, when: \"amounts.p50[5m] > 100\", notify: { subject: shop.told } }\n  - { name: ever, when: \"amounts.max > 100\" }\n";
    scene.engine.apply("watched", &format!("{timed}{rules}")).await?;
    let mut told = Told::on(&scene.cluster, "shop.told").await?;
    let event = |minute: u32, amount: u32| {
        let time = format!("2026-01-01T10:{minute:02}:00Z");
        json!({ "user": "u", "do": "count", "time": time, "amount": amount }).to_string()
    };
    scene
        .cluster
        .publish("shop.events.x", (0..20).map(|_| event(1, 500)))
        .await?;
    let (said, firing) = told.next().await?;
    assert_eq!(said, "dear firing");
    assert_eq!(firing["when"], "amounts.p50[5m] > 100");
    // Ten minutes on in event time, the dear ones are out of the last five; of all time, they count.
    scene
        .cluster
        .publish("shop.events.x", (0..20).map(|_| event(11, 5)))
        .await?;
    let (said, resolved) = told.next().await?;
    assert_eq!(said, "dear resolved");
    assert!(
        resolved["value"]
            .as_f64()
            .is_some_and(|value| (4.9..5.1).contains(&value)),
        "{resolved}"
    );
    let status = scene.engine.status("watched").await?;
    let alarms = status["alarms"].as_array().cloned().unwrap_or_default();
    assert!(
        alarms
            .iter()
            .any(|alarm| alarm["name"] == "ever" && alarm["state"] == "firing"),
        "{status}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_of_the_engine_is_told_on_a_subject_and_over_though_the_engine_dies_between()
-> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("engine.toml");
    let rules = r#"
[[alarms]]
name = "busy"
when = "pipelines >= 1"
notify = { subject = "ops.told" }

[[alarms]]
name = "cut-off"
when = "broker-connected < 1"
"#;
    std::fs::write(&config, rules)?;
    let launch = Launch::on(&cluster).configured_by(&config);
    let mut told = Told::on(&cluster, "ops.told").await?;
    let mut engine = Engine::start_with(&launch, folder.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("clicks", &probe("clicks", 1, "")).await?;
    let (said, firing) = told.next().await?;
    assert_eq!(said, "busy firing");
    assert!(
        firing["engine"].is_string() && firing["tenant"].is_null(),
        "{firing}"
    );
    let line = "tailrace_engine_alarms_firing 1";
    let page = engine.ask("GET", "/metrics", OPERATOR, "").await?;
    assert!(page.text.lines().any(|known| known == line), "{}", page.text);
    engine.restart(&launch)?;
    engine.ready().await?;
    let deleted = engine.own("DELETE", "pipelines/clicks", "").await?;
    assert!(deleted.status < 300, "{deleted:?}");
    let (said, resolved) = told.next().await?;
    assert_eq!(said, "busy resolved");
    assert_eq!(
        (&resolved["engine"], &resolved["since_ms"]),
        (&firing["engine"], &firing["since_ms"])
    );
    Ok(())
}
