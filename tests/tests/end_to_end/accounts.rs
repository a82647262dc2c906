//! A tenant in a NATS account of its own: its streams and subjects lie there and nowhere else, and what is
//! wrong with that account is its own trouble. The harness speaks to the broker as account `SHOP`; the engine's
//! own account is `ENGINE`, in which tenant `bank` lives.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tailrace_nats::async_nats::{Client, ConnectOptions, Subscriber, jetstream};
use tailrace_tests::{
    cluster::{BrokerOptions, Cluster, PATIENCE, eventually},
    engine::{Engine, Launch, OPERATOR},
    files,
};
use tempfile::TempDir;

use crate::probe;

const ENGINE_SECRET: &str = "word-of-the-engine";
const SHOP_SECRET: &str = "word-of-the-shop";
const WRONG_SECRET: &str = "word-of-nobody";

/// Two accounts, an engine in one, and its tenant `shop`, which has no pipelines yet.
struct Hall {
    cluster: Cluster,
    /// JetStream of the engine's own account.
    own: jetstream::Context,
    engine: Engine,
    folder: TempDir,
    launch: Launch,
}

impl Hall {
    /// With this password for account `shop`.
    async fn open(password: &str) -> anyhow::Result<Self> {
        let accounts = format!(
            "accounts {{\n  ENGINE: {{ jetstream: enabled, users: [{{ user: engine, password: \"{ENGINE_SECRET}\" }}] }}\n  SHOP: {{ jetstream: enabled, users: [{{ user: shop, password: \"{SHOP_SECRET}\" }}, {{ user: outside, password: \"x\" }}] }}\n}}\nno_auth_user: outside\n"
        );
        let options = BrokerOptions {
            more: accounts,
            ..BrokerOptions::default()
        };
        let cluster = Cluster::start_with(&options).await?;
        let client = ConnectOptions::with_user_and_password("engine".to_owned(), ENGINE_SECRET.to_owned())
            .connect(cluster.address())
            .await?;
        let folder = tempfile::tempdir()?;
        let secret = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, format!("{text}\n"))?;
            anyhow::Ok(file.display().to_string())
        };
        let launch = Launch::on(&cluster)
            .with("TAILRACE_NATS__USER", "engine")
            .with(
                "TAILRACE_NATS__PASSWORD_FILE",
                &secret("engine-word", ENGINE_SECRET)?,
            )
            .with("TAILRACE_NATS__ACCOUNTS__SHOP__USER", "shop")
            .with(
                "TAILRACE_NATS__ACCOUNTS__SHOP__PASSWORD_FILE",
                &secret("shop-word", password)?,
            )
            .with("TAILRACE_LOG__FILTER", "debug,tailrace=trace,async_nats=trace");
        let engine = Engine::start_with(&launch, folder.path()).await?;
        let mut own = jetstream::new(client);
        own.set_timeout(PATIENCE);
        let hall = Self {
            cluster,
            own,
            engine,
            folder,
            launch,
        };
        hall.make_stream(&hall.own, "BANK", "bank.events.>").await?;
        hall.cluster.stream("SHOP", &["shop.events.>"]).await?;
        Ok(hall)
    }

    async fn make_stream(&self, at: &jetstream::Context, name: &str, subject: &str) -> anyhow::Result<()> {
        let config = jetstream::stream::Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            max_consumers: 10_000,
            ..jetstream::stream::Config::default()
        };
        at.create_stream(config).await?;
        Ok(())
    }

    /// A plain connection in the engine's own account, and what comes there on these subjects from now on.
    async fn listen(&self, subjects: &'static str) -> anyhow::Result<(Client, Subscriber)> {
        let options = ConnectOptions::with_user_and_password("engine".to_owned(), ENGINE_SECRET.to_owned());
        let client = options.connect(self.cluster.address()).await?;
        let heard = client.subscribe(subjects).await?;
        client.flush().await?;
        Ok((client, heard))
    }

    /// The operator says where tenant `shop` lives.
    async fn shop_lives_in(&self, account: &str) -> anyhow::Result<tailrace_tests::http::Answer> {
        let wish = json!({ "read": ["shop.>"], "write": ["shop.>"], "nats-account": account });
        let path = "/v1/tenants/shop";
        self.engine.ask("PUT", path, OPERATOR, wish.to_string()).await
    }

    /// Tenant `bank`, in the engine's own account, with a pipeline that runs; gives its token.
    async fn bank(&self) -> anyhow::Result<String> {
        let token = self.engine.tenant("bank", &["bank.>"]).await?;
        let plugin = files::plugin("tailrace_test_guest")?;
        let at = |rest: &str| format!("/v1/tenants/bank/{rest}");
        let sent = self
            .engine
            .ask("PUT", &at("plugins/probe/versions/1.0.0"), &token, plugin)
            .await?;
        anyhow::ensure!(sent.status < 300, "{sent:?}");
        let spec = probe("p", 1, "").replace("shop.", "bank.");
        let applied = self.engine.ask("PUT", &at("pipelines/p"), &token, spec).await?;
        anyhow::ensure!(applied.status == 200, "{applied:?}");
        Ok(token)
    }

    /// An event of `bank` goes all the way through.
    async fn bank_works(&self, token: &str) -> anyhow::Result<()> {
        let event = json!({ "user": "b", "do": "count" }).to_string();
        let ack = self.own.publish("bank.events.x", event.into()).await?.await?;
        eventually("the bank's event is through", || async {
            let path = "/v1/tenants/bank/pipelines/p/status";
            let status = self.engine.ask("GET", path, token, "").await;
            let status = status.map(|answer| answer.body).unwrap_or_default();
            status["partitions"][0]["position"] == ack.sequence
        })
        .await
        .with_context(|| self.engine.log())
    }

    /// Nothing that was ever logged holds a secret.
    fn tells_no_secret(&self) -> anyhow::Result<()> {
        let log = std::fs::read_to_string(self.folder.path().join("engine.log"))?;
        for secret in [ENGINE_SECRET, SHOP_SECRET, WRONG_SECRET] {
            anyhow::ensure!(!log.contains(secret), "the log holds {secret:?}");
        }
        Ok(())
    }
}

async fn streams(at: &jetstream::Context) -> anyhow::Result<Vec<String>> {
    let names: Vec<_> = at.stream_names().collect().await;
    names.into_iter().map(|name| Ok(name?)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_in_an_account_of_its_own_loses_and_doubles_nothing_through_a_kill() -> anyhow::Result<()> {
    let mut hall = Hall::open(SHOP_SECRET).await?;
    let moved = hall.shop_lives_in("shop").await?;
    assert_eq!((moved.status, &moved.body["nats_account"]), (200, &json!("shop")));
    // The same names in the other account, with other events in it.
    hall.make_stream(&hall.own, "SHOP", "shop.events.>").await?;
    let decoy = json!({ "user": "decoy", "do": "count" }).to_string();
    hall.own.publish("shop.events.x", decoy.into()).await?.await?;
    let (outside, mut elsewhere) = hall.listen("shop.p.>").await?;

    hall.engine.upload("probe", "tailrace_test_guest").await?;
    hall.engine.apply("p", &probe("p", 4, "")).await?;
    let events = |from: u64, to: u64| {
        (from..to).map(|n| json!({ "user": format!("u{}", n % 50), "do": "count" }).to_string())
    };
    hall.cluster.publish("shop.events.x", events(0, 1_000)).await?;
    hall.engine.kill();
    hall.cluster
        .publish("shop.events.x", events(1_000, 2_000))
        .await?;
    hall.engine.restart(&hall.launch)?;
    hall.engine.ready().await?;
    hall.engine.caught_up("p", 2_000).await?;

    let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (subject, payload) in hall.cluster.read("TR_shop_p", "shop.p.>").await? {
        let told: Value = serde_json::from_slice(&payload)?;
        let count = told["count"].as_u64().with_context(|| told.to_string())?;
        counts.entry(subject).or_default().push(count);
    }
    let wanted: Vec<u64> = (1..=40).collect();
    assert_eq!(counts.len(), 50, "each user of the shop, and no other");
    for (subject, counts) in counts {
        assert_eq!(counts, wanted, "{subject}: each event once, in order");
    }
    let own = streams(&hall.own).await?;
    assert!(!own.iter().any(|name| name.starts_with("TR_")), "{own:?}");
    let theirs = streams(&hall.cluster.jetstream).await?;
    assert!(
        !theirs.iter().any(|name| name.contains("tailrace_registry")),
        "{theirs:?}"
    );
    // What comes first on the same subject in the other account is our own word.
    outside.publish("shop.p.u0", "ours".into()).await?;
    let first = elsewhere.next().await.context("the connection ended")?;
    assert_eq!(first.payload, "ours");

    // A dead letter lies there too, and is sent again from there.
    let poison = json!({ "user": "u0", "do": "invalid" }).to_string();
    hall.cluster.publish("shop.events.x", [poison]).await?;
    hall.engine.caught_up("p", 2_001).await?;
    let letters = hall.engine.own("GET", "pipelines/p/dead-letters", "").await?;
    assert_eq!(letters.body[0]["code"], "told-so", "{letters:?}");
    let id = letters.body[0]["id"]
        .as_u64()
        .with_context(|| letters.text.clone())?;
    let path = format!("pipelines/p/dead-letters/{id}/redrive");
    assert_eq!(hall.engine.own("POST", &path, "").await?.status, 202);

    let refused = hall.shop_lives_in("").await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap_or_default()
            .contains("delete them first")
    );
    let gone = hall.engine.own("DELETE", "pipelines/p", "").await?;
    assert_eq!(gone.status, 204, "{gone:?}");
    let theirs = streams(&hall.cluster.jetstream).await?;
    assert!(!theirs.iter().any(|name| name.starts_with("TR_")), "{theirs:?}");
    assert_eq!(
        hall.shop_lives_in("").await?.status,
        200,
        "without pipelines it may move"
    );
    let log = hall
        .engine
        .ask("GET", "/v1/tenants/shop/audit?limit=1", OPERATOR, "")
        .await?;
    assert_eq!(log.body[0]["before"]["nats_account"], "shop", "{log:?}");
    hall.tells_no_secret()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_as_the_operators_trouble_and_disturb_nobody_else() -> anyhow::Result<()> {
    let hall = Hall::open(WRONG_SECRET).await?;
    assert_eq!(hall.shop_lives_in("shop").await?.status, 200);
    let nowhere = hall.shop_lives_in("nowhere").await?;
    assert_eq!(nowhere.status, 422, "{nowhere:?}");
    let bank = hall.bank().await?;
    hall.engine.upload("probe", "tailrace_test_guest").await?;

    let refused = hall.engine.own("PUT", "pipelines/p", probe("p", 1, "")).await?;
    assert_eq!(
        (refused.status, refused.body["code"].as_str()),
        (503, Some("account-unavailable")),
        "{refused:?}"
    );
    let why = refused.body["detail"].as_str().unwrap_or_default();
    assert!(why.contains("refuses its credentials"), "{why}");
    assert!(!why.contains('/') && !why.contains(WRONG_SECRET), "{why}");
    hall.bank_works(&bank).await?;
    hall.engine.ready().await?;
    let metrics = hall.engine.ask("GET", "/metrics", OPERATOR, "").await?;
    assert!(
        metrics
            .text
            .contains("tailrace_tenant_account_connected{tenant=\"shop\"} 0"),
        "{}",
        metrics.text
    );

    // The operator puts the right word there; nothing is started again.
    std::fs::write(hall.folder.path().join("shop-word"), SHOP_SECRET)?;
    eventually("the pipeline is taken", || async {
        let applied = hall.engine.own("PUT", "pipelines/p", probe("p", 1, "")).await;
        applied.is_ok_and(|answer| answer.status == 200)
    })
    .await
    .with_context(|| hall.engine.log())?;
    let event = json!({ "user": "u", "do": "count" }).to_string();
    hall.cluster.publish("shop.events.x", [event]).await?;
    hall.engine.caught_up("p", 1).await?;
    let status = hall.engine.status("p").await?;
    assert_eq!(
        status["nats_account"],
        json!({ "name": "shop", "connected": true })
    );
    hall.tells_no_secret()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_lacks_an_account_says_so_and_runs_what_it_can() -> anyhow::Result<()> {
    let mut hall = Hall::open(SHOP_SECRET).await?;
    assert_eq!(hall.shop_lives_in("shop").await?.status, 200);
    let bank = hall.bank().await?;
    hall.engine.upload("probe", "tailrace_test_guest").await?;
    hall.engine.apply("p", &probe("p", 1, "")).await?;
    let event = json!({ "user": "u", "do": "count" }).to_string();
    hall.cluster.publish("shop.events.x", [event.clone()]).await?;
    hall.engine.caught_up("p", 1).await?;

    let mut without = hall.launch.clone();
    without.environment.retain(|(name, _)| !name.contains("ACCOUNTS"));
    hall.engine.restart(&without)?;
    hall.engine.ready().await?;
    hall.bank_works(&bank).await?;
    eventually("the shop's pipeline says what it lacks", || async {
        let status = hall.engine.status("p").await.unwrap_or_default();
        let reason = status["reason"].as_str().unwrap_or_default();
        status["state"] == "waiting" && reason.contains("no credentials for NATS account")
    })
    .await
    .with_context(|| hall.engine.log())?;
    hall.engine.ready().await?;
    let own = streams(&hall.own).await?;
    assert!(
        !own.iter().any(|name| name.starts_with("TR_shop")),
        "never by guessing: {own:?}"
    );

    hall.engine.restart(&hall.launch)?;
    hall.engine.ready().await?;
    hall.cluster.publish("shop.events.x", [event]).await?;
    hall.engine.caught_up("p", 2).await?;
    hall.tells_no_secret()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_lost_at_work_comes_back_with_new_credentials_and_without_a_restart()
-> anyhow::Result<()> {
    const NEW_SECRET: &str = "another-word-of-the-shop";
    let hall = Hall::open(SHOP_SECRET).await?;
    assert_eq!(hall.shop_lives_in("shop").await?.status, 200);
    let bank = hall.bank().await?;
    hall.engine.upload("probe", "tailrace_test_guest").await?;
    hall.engine.apply("p", &probe("p", 2, "")).await?;
    let events = |count: u64| (0..count).map(|n| json!({ "user": n % 7, "do": "count" }).to_string());
    hall.cluster.publish("shop.events.x", events(50)).await?;
    hall.engine.caught_up("p", 50).await?;

    // The broker takes another password from now on, and closes what came with the old one.
    hall.cluster.reconfigure(SHOP_SECRET, NEW_SECRET)?;
    eventually(
        "the shop's status says that its credentials are refused",
        || async {
            let status = hall.engine.status("p").await.unwrap_or_default();
            let trouble = status["nats_account"]["trouble"].as_str().unwrap_or_default();
            trouble.contains("refuses its credentials")
        },
    )
    .await
    .with_context(|| hall.engine.log())?;
    hall.cluster.publish("shop.events.x", events(50)).await?;
    hall.bank_works(&bank).await?;
    hall.engine.ready().await?;

    std::fs::write(hall.folder.path().join("shop-word"), NEW_SECRET)?;
    hall.engine.caught_up("p", 100).await?;
    assert_eq!(
        hall.cluster.read("TR_shop_p", "shop.p.>").await?.len(),
        100,
        "each once"
    );
    let log = std::fs::read_to_string(hall.folder.path().join("engine.log"))?;
    assert!(!log.contains(NEW_SECRET));
    hall.tells_no_secret()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_to_a_subject_arrives_in_the_tenants_account_and_in_no_other() -> anyhow::Result<()> {
    let hall = Hall::open(SHOP_SECRET).await?;
    assert_eq!(hall.shop_lives_in("shop").await?.status, 200);
    hall.engine.upload("probe", "tailrace_test_guest").await?;
    let (outside, mut elsewhere) = hall.listen("shop.told").await?;
    let mut told = hall.cluster.client.subscribe("shop.told").await?;
    let alarm = "sketches:\n  users: { kind: distinct, value: { json: /user } }\nalarms:\n  - name: crowd\n    when: \"users.distinct >= 3\"\n    notify: { subject: shop.told }\n";
    hall.engine
        .apply("p", &format!("{}{alarm}", probe("p", 1, "")))
        .await?;
    let events = (0..3).map(|user| json!({ "user": format!("u{user}") }).to_string());
    hall.cluster.publish("shop.events.x", events).await?;
    let notice = tokio::time::timeout(PATIENCE, told.next()).await;
    let notice = notice
        .with_context(|| hall.engine.log())?
        .context("the connection ended")?;
    let notice: Value = serde_json::from_slice(&notice.payload)?;
    assert_eq!(notice["kind"], "firing", "{notice}");
    outside.publish("shop.told", "ours".into()).await?;
    let first = elsewhere.next().await.context("the connection ended")?;
    assert_eq!(first.payload, "ours", "nothing of it in the engine's account");
    Ok(())
}
