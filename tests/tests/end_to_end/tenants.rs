//! Tenants against a real broker: the audit log in its stream, tokens and their scopes on the command line.

use serde_json::Value;
use tailrace_tests::{
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
        let text = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        anyhow::ensure!(done.status.success(), "{arguments:?}: {text}");
        anyhow::Ok(text.trim().to_owned())
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
    assert!(
        table.contains("dashboard") && table.contains("in 29days"),
        "{table}"
    );
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
