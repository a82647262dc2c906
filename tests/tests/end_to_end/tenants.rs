//! Tenants against a real broker: the audit log in its stream, tokens and their scopes on the command line,
//! quotas of what they hold.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tailrace_tests::{
    cluster::eventually,
    engine::{Engine, Launch, OPERATOR},
    files,
};

use crate::{Stage, probe};

async fn log(engine: &Engine, path: &str, token: &str) -> anyhow::Result<Vec<Value>> {
    let answer = engine.ask("GET", path, token, "").await?;
    anyhow::ensure!(answer.status == 200, "{answer:?}");
    Ok(answer.body.as_array().cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_outlives_its_engine_and_is_read_in_pages_by_whom_it_concerns() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.engine.apply("p", &probe("p", 1, "")).await?;
    let bank = stage.engine.tenant("bank", &["bank.>"]).await?;
    // Changes of one tenant that lie far apart in the log.
    for _ in 0..40 {
        for action in ["pause", "resume"] {
            let done = stage
                .engine
                .own("POST", &format!("pipelines/p/{action}"), "")
                .await?;
            anyhow::ensure!(done.status == 204, "{done:?}");
        }
    }
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    let engine = &stage.engine;

    let of_bank = log(engine, "/v1/tenants/bank/audit", &bank).await?;
    let actions: Vec<_> = of_bank.iter().map(|record| record["action"].clone()).collect();
    assert_eq!(actions, ["token-made", "tenant-put"], "newest first: {of_bank:?}");
    let whole = log(engine, "/v1/audit?limit=500", OPERATOR).await?;
    assert!(
        whole.iter().all(|record| record["outcome"] == "done"),
        "{whole:?}"
    );
    assert!(
        whole
            .windows(2)
            .all(|pair| pair[0]["sequence"].as_u64() > pair[1]["sequence"].as_u64()),
        "newest first, and each record once"
    );
    let mut paged = Vec::new();
    while let Some(before) = paged.last().map_or(Some(Value::from(u64::MAX)), |last: &Value| {
        (paged.len() < whole.len()).then(|| last["sequence"].clone())
    }) {
        let page = log(engine, &format!("/v1/audit?limit=7&before={before}"), OPERATOR).await?;
        assert!(!page.is_empty(), "{} of {}", paged.len(), whole.len());
        paged.extend(page);
    }
    assert_eq!(paged, whole);
    let paused = log(engine, "/v1/tenants/shop/audit?limit=1", &engine.token).await?;
    assert_eq!(paused[0]["action"], "pipeline-resumed", "{paused:?}");
    assert_eq!(paused[0]["who"]["scope"], "shop:admin", "{paused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_lists_and_revokes_tokens_and_shows_who_changed_what() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    let say = |arguments: &[&str]| {
        let mut command = std::process::Command::new(files::binary()?);
        command.args(arguments).env("TAILRACE_URL", engine.url());
        command
            .env("TAILRACE_TOKEN", OPERATOR)
            .env("TAILRACE_TENANT", "shop");
        let done = command.output()?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        anyhow::ensure!(done.status.success(), "{arguments:?}: {said}");
        anyhow::Ok(String::from_utf8(done.stdout)?.trim().to_owned())
    };
    let token = say(&[
        "tenant",
        "token",
        "create",
        "shop",
        "--scope",
        "read",
        "--label",
        "dashboard",
        "--expires-in",
        "30d",
    ])?;
    let look =
        |method: &'static str| engine.ask(method, "/v1/tenants/shop/pipelines/p", &token, probe("p", 1, ""));
    assert_eq!(look("GET").await?.status, 404, "it may look");
    let refused = look("PUT").await?;
    assert_eq!(
        (refused.status, refused.body["code"].as_str()),
        (403, Some("forbidden"))
    );

    let listed: Value =
        serde_json::from_str(&say(&["tenant", "token", "list", "shop", "--output", "json"])?)?;
    let listed = listed.as_array().cloned().unwrap_or_default();
    let known = listed.iter().find(|token| token["label"] == "dashboard");
    let id = known.and_then(|token| token["id"].as_str()).unwrap_or_default();
    let table = say(&["tenant", "token", "list", "shop"])?;
    assert!(table.contains("dashboard") && table.contains("in 29d"), "{table}");
    say(&["tenant", "token", "revoke", "shop", id])?;
    assert_eq!(look("GET").await?.status, 401, "at once");

    let log = say(&["audit", "list", "--limit", "2"])?;
    assert!(
        log.contains("token-revoked") && log.contains("token-made"),
        "{log}"
    );
    assert!(!log.contains("tr_"), "{log}");
    // As it was before there were scopes.
    let whole = say(&["tenant", "token", "shop"])?;
    let applied = engine
        .ask("PUT", "/v1/tenants/shop/pipelines/p", &whole, probe("p", 1, ""))
        .await?;
    assert_eq!(applied.status, 200, "{applied:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_lists_and_revokes_tokens_of_operators_and_sets_rates() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    let say = |arguments: &[&str]| {
        let mut command = std::process::Command::new(files::binary()?);
        command.args(arguments).env("TAILRACE_URL", engine.url());
        command.env("TAILRACE_TOKEN", OPERATOR);
        let done = command.output()?;
        let (made, said) = (
            done.status.success(),
            if done.status.success() {
                done.stdout
            } else {
                done.stderr
            },
        );
        anyhow::Ok((made, String::from_utf8_lossy(&said).trim().to_owned()))
    };
    let (made, token) = say(&[
        "operator", "token", "create", "--scope", "read", "--label", "grafana",
    ])?;
    assert!(made, "{token}");
    for (path, status) in [
        ("/metrics", 200),
        ("/v1/tenants", 200),
        ("/v1/operator/tokens", 403),
    ] {
        let answer = engine.ask("GET", path, &token, "").await?;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    let (_, listed) = say(&["operator", "token", "list", "--output", "json"])?;
    let listed: Value = serde_json::from_str(&listed)?;
    let id = |label: &str| {
        let mut known = listed.as_array().into_iter().flatten();
        let known = known.find(|token| token["label"] == label);
        known
            .and_then(|token| token["id"].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let (revoked, text) = say(&["operator", "token", "revoke", &id("from the configuration")])?;
    assert!(!revoked && text.contains("make another first"), "{text}");
    let (revoked, text) = say(&["operator", "token", "revoke", &id("grafana")])?;
    assert!(revoked, "{text}");
    assert_eq!(
        engine.ask("GET", "/metrics", &token, "").await?.status,
        401,
        "at once"
    );

    let (set, text) = say(&[
        "tenant",
        "quota",
        "shop",
        "--set",
        "events=1000/1s",
        "--set",
        "output-bytes=1KiB/2s/fixed",
    ])?;
    assert!(set && text.contains("1000/1s"), "{text}");
    let tenant = engine.ask("GET", "/v1/tenants/shop", OPERATOR, "").await?.body;
    assert_eq!(tenant["quotas"]["rates"]["events"]["limit"], 1_000, "{tenant}");
    assert_eq!(
        tenant["quotas"]["rates"]["output-bytes"]["window"], "fixed",
        "{tenant}"
    );
    let (set, text) = say(&["tenant", "quota", "shop", "--set", "events=none"])?;
    assert!(set, "{text}");
    let (_, shown) = say(&["tenant", "show", "shop"])?;
    assert!(
        shown.contains("without a limit") && shown.contains("2s/fixed"),
        "{shown}"
    );
    Ok(())
}

/// Changes a quota of `shop`.
async fn quota(engine: &Engine, name: &str, most: u64) -> anyhow::Result<()> {
    let request = json!({ "read": ["shop.>"], "write": ["shop.>"], "quotas": { name: most } });
    let put = engine
        .ask("PUT", "/v1/tenants/shop", OPERATOR, request.to_string())
        .await?;
    anyhow::ensure!(put.status == 200, "{put:?}");
    Ok(())
}

async fn state_bytes(engine: &Engine) -> u64 {
    let tenant = engine.ask("GET", "/v1/tenants/shop", OPERATOR, "").await;
    let used = tenant.map(|answer| answer.body["used"]["state-bytes"].as_u64());
    used.ok().flatten().unwrap_or(0)
}

fn orders(users: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    users.map(|user| json!({ "user": format!("user-{user}"), "do": "drop" }).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn state_beyond_the_quota_is_the_tenants_error_until_there_is_room_again() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    engine.apply("p", &probe("p", 2, "")).await?;
    stage.cluster.publish("shop.events.a", orders(0..100)).await?;
    engine.caught_up("p", 100).await?;
    eventually("the state is weighed", || async {
        state_bytes(engine).await > 100 * 8
    })
    .await?;
    let full = state_bytes(engine).await;

    quota(engine, "state-bytes", full).await?;
    // Until the quota is at work, what is written is let through.
    let mut published = 100;
    let letters = || async {
        let page = engine.own("GET", "pipelines/p/dead-letters?limit=500", "").await;
        page.map_or(Vec::new(), |page| {
            page.body.as_array().cloned().unwrap_or_default()
        })
    };
    for round in 1.. {
        stage
            .cluster
            .publish("shop.events.a", orders(round * 1_000..round * 1_000 + 1))
            .await?;
        published += 1;
        engine.caught_up("p", published).await?;
        if !letters().await.is_empty() {
            break;
        }
    }
    let dead = letters().await;
    assert_eq!(dead[0]["code"], "state-quota", "{dead:?}");
    assert!(
        dead[0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("quota")),
        "{dead:?}"
    );
    // What takes no more room than before goes on.
    stage.cluster.publish("shop.events.a", orders(1..2)).await?;
    published += 1;
    engine.caught_up("p", published).await?;
    assert_eq!(letters().await.len(), dead.len());

    quota(engine, "state-bytes", 1 << 30).await?;
    let second_folder = tempfile::tempdir()?;
    let second = Engine::start(&stage.cluster, second_folder.path()).await?;
    // It makes the tenant anew, as every engine of the tests does, and leaves the quotas as they are.
    eventually("both engines know of all that is held", || async {
        let (one, other) = (state_bytes(engine).await, state_bytes(&second).await);
        one == other && one >= full
    })
    .await?;
    let held = state_bytes(engine).await;
    stage
        .cluster
        .publish("shop.events.a", orders(500_000..500_050))
        .await?;
    eventually("there is room again", || async {
        let (one, other) = (state_bytes(engine).await, state_bytes(&second).await);
        one == other && one >= held + 50 * 8
    })
    .await?;
    assert_eq!(letters().await.len(), dead.len(), "nothing more has failed");
    Ok(())
}

/// Everything below a folder.
fn below(folder: &std::path::Path) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path.display().to_string());
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_leave_nothing_on_the_disk() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    let before = below(stage.folder.path())?;
    let long = "a".repeat(10_000);
    let names = [
        "%2e%2e%2f%2e%2e%2fetc",
        "%2e%2e%2f",
        "..%5cetc",
        "%00",
        "a%00b",
        "CON",
        "Shop",
        "sHOP",
        "%D1%95hop",
        "%2Ftmp%2Fx",
        "shop.damaged-1",
        &long,
    ];
    let grants = r#"{"read":["shop.>"],"write":["shop.>"]}"#;
    // Names are looked at before the body, which need not be a plugin then.
    let component = b"\0asm".to_vec();
    for name in names {
        for (path, body) in [
            (format!("/v1/tenants/{name}"), grants.as_bytes().to_vec()),
            (format!("/v1/tenants/{name}/tokens"), Vec::new()),
            (
                format!("/v1/tenants/shop/plugins/{name}/versions/1.0.0"),
                component.clone(),
            ),
            (
                format!("/v1/tenants/shop/plugins/probe/versions/{name}"),
                component.clone(),
            ),
            (
                format!("/v1/tenants/shop/pipelines/{name}"),
                probe("p", 1, "").into_bytes(),
            ),
        ] {
            let method = if path.ends_with("/tokens") { "POST" } else { "PUT" };
            let answer = engine.ask(method, &path, OPERATOR, body).await?;
            let shown: String = path.chars().take(80).collect();
            assert_eq!(answer.status, 422, "{shown}: {answer:?}");
        }
    }
    // Names in the text of a pipeline, too.
    for name in ["../../etc", "CON", "shop\\u0000", "\u{455}hop", "Shop", &long] {
        let text = probe("p", 1, "").replace("name: probe", &format!("name: \"{name}\""));
        let answer = engine.own("PUT", "pipelines/p", text).await?;
        assert_eq!(answer.status, 422, "{name}: {answer:?}");
    }
    let new: Vec<_> = below(stage.folder.path())?.difference(&before).cloned().collect();
    let harmless = |path: &String| {
        path.contains("/state/shop/")
            || std::path::Path::new(path)
                .extension()
                .is_some_and(|extension| extension == "cwasm")
    };
    assert!(new.iter().all(harmless), "{new:?}");
    Ok(())
}
