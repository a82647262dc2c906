//! The command line, as a newcomer uses it: one mistake of each kind, and a way that works.

use std::process::Command;

use anyhow::Context as _;
use tailrace_tests::{cluster::PATIENCE, engine::Engine, files, ports};

use crate::{Stage, probe};

/// A module that wants the clock of WASI, as `wasm32-wasip1` builds them.
const WITH_WASI: &str = r#"(module
    (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
    (memory (export "memory") 1))"#;

/// What a command printed on both channels, and whether it did what was asked.
struct Said {
    text: String,
    code: Option<i32>,
}

async fn tailrace(engine: &Engine, token: &str, arguments: &[&str]) -> anyhow::Result<Said> {
    let mut command = Command::new(files::binary()?);
    command
        .args(arguments)
        .env("TAILRACE_URL", engine.url())
        .env("TAILRACE_TENANT", "shop")
        .env("TAILRACE_TOKEN", token)
        .env("NO_COLOR", "1");
    let done = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = [done.stdout, done.stderr].concat();
    Ok(Said {
        text: String::from_utf8_lossy(&text).into_owned(),
        code: done.status.code(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_is_named_with_the_way_out_and_a_code() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let file = |name: &str, content: &[u8]| -> anyhow::Result<String> {
        let file = stage.folder.path().join(name);
        std::fs::write(&file, content)?;
        Ok(file.display().to_string())
    };
    let good = probe("p", 1, "");
    let pipeline = |name: &str, from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        file(name, good.replacen(from, to, 1).as_bytes())
    };
    let unknown_field = pipeline("field.yaml", "partitions: 1", "partitons: 1")?;
    let unknown_plugin = pipeline("plugin.yaml", "probe@1.0.0", "probe@9.9.9")?;
    let no_grant = pipeline("grant.yaml", "grants: [state]", "grants: []")?;
    let unreachable = pipeline("subject.yaml", "shop.events.>", "shop.nowhere.>")?;
    let no_stream = pipeline(
        "stream.yaml",
        "shop.events.>\"]",
        "shop.events.>\"]\n  stream: NOPE",
    )?;
    let text = file("text.wasm", b"hello")?;
    let bare = file("bare.wasm", b"\0asm\x01\0\0\0")?;
    let wasi = file("wasi.wasm", &wat::parse_str(WITH_WASI)?)?;
    let other = file("other.wasm", &files::plugin("validator")?)?;
    let apply = |file| vec!["pipeline", "apply", "-f", file];
    let push = |file| vec!["plugin", "push", file, "--name", "fresh", "--version", "1.0.0"];
    let cases: [(Vec<&str>, &[&str]); 12] = [
        (apply(&unknown_field), &["line ", "partitons: there is no field"]),
        (
            apply(&unknown_plugin),
            &["steps[0].plugin", "probe@9.9.9", "tailrace plugin push"],
        ),
        (apply(&no_grant), &["steps[0].grants", "grants: [state]"]),
        (apply(&unreachable), &["input.subjects[0]", "no stream holds"]),
        (apply(&no_stream), &["input.stream", "NOPE"]),
        (apply("nowhere.yaml"), &["nowhere.yaml"]),
        (push(&text), &["tailrace plugin build"]),
        (push(&bare), &["transform"]),
        (push(&wasi), &["wasi_snapshot_preview1", "wasm32-unknown-unknown"]),
        (
            vec!["plugin", "push", &other, "--name", "probe", "--version", "1.0.0"],
            &["1.0.0", "conflict"],
        ),
        (vec!["pipeline", "status", "nothing"], &["nothing", "not-found"]),
        (vec!["pipeline", "frobnicate"], &["frobnicate", "--help"]),
    ];
    for (arguments, words) in cases {
        let said = tailrace(&stage.engine, &stage.engine.token, &arguments).await?;
        assert!(
            matches!(said.code, Some(1..=3)),
            "{arguments:?}: {:?}\n{}",
            said.code,
            said.text
        );
        for word in words {
            assert!(
                said.text.contains(word),
                "{arguments:?} does not say {word}:\n{}",
                said.text
            );
        }
    }
    let wrong_token = tailrace(&stage.engine, "wrong", &["pipeline", "list"]).await?;
    assert_eq!(wrong_token.code, Some(3), "the server says no");
    let nobody = format!("http://127.0.0.1:{}", ports::free()?);
    let away = tailrace(&stage.engine, "wrong", &["pipeline", "list", "--url", &nobody]).await?;
    assert_eq!(away.code, Some(4), "it may come back: {}", away.text);
    assert!(wrong_token.text.contains("token"), "{}", wrong_token.text);
    let none = stage.engine.own("GET", "pipelines", "").await?;
    assert_eq!(none.body, serde_json::json!([]), "nothing is half applied");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_tried_before_it_is_kept() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let file = |name: &str, content: &[u8]| -> anyhow::Result<String> {
        let file = stage.folder.path().join(name);
        std::fs::write(&file, content)?;
        Ok(file.display().to_string())
    };
    let plugin = file("probe.wasm", &files::plugin("tailrace_test_guest")?)?;
    let bad = file("bad.yaml", b"lable: x")?;
    let event = file("event.json", br#"{"user":"u1","do":"count"}"#)?;
    let push = ["plugin", "push", &plugin, "--name", "tried", "--version", "1.0.0"];
    let said = tailrace(
        &stage.engine,
        &stage.engine.token,
        &[&push[..], &["--config", &bad]].concat(),
    )
    .await?;
    assert_eq!(said.code, Some(3), "{}", said.text);
    assert!(said.text.contains("lable"), "{}", said.text);
    let missing = stage
        .engine
        .own("GET", "plugins/tried/versions/1.0.0", "")
        .await?;
    assert_eq!(missing.status, 404, "nothing was kept: {missing:?}");
    let said = tailrace(
        &stage.engine,
        &stage.engine.token,
        &[&push[..], &["--event", &event]].concat(),
    )
    .await?;
    assert_eq!(said.code, Some(0), "{}", said.text);
    for word in ["memory", "compiled", "takes the config", "emit", "fuel"] {
        assert!(said.text.contains(word), "it does not say {word}:\n{}", said.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_lives_and_dies_by_the_command_line() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let file = stage.folder.path().join("p.yaml");
    std::fs::write(&file, probe("p", 1, ""))?;
    let file = file.display().to_string();
    let run = async |arguments: &[&str]| -> anyhow::Result<String> {
        let said = tailrace(&stage.engine, &stage.engine.token, arguments).await?;
        anyhow::ensure!(said.code == Some(0), "{arguments:?}: {}", said.text);
        Ok(said.text)
    };
    run(&["pipeline", "apply", "-f", &file]).await?;
    stage
        .cluster
        .publish(
            "shop.events.x",
            [r#"{"user":"u1","do":"count"}"#, r#"{"user":"u1","do":"trap"}"#],
        )
        .await?;
    stage.engine.caught_up("p", 2).await?;
    let status = run(&["pipeline", "status", "p"]).await?;
    assert!(status.contains("running") && status.contains("books"), "{status}");
    let state = run(&["state", "get", "p", "probe", "u1"]).await?;
    assert_eq!(state.trim(), "1");
    let letters = run(&["dead-letters", "list", "p"]).await?;
    assert!(letters.contains("crash"), "{letters}");
    let listed = run(&["--output", "json", "pipeline", "list"]).await?;
    let listed: serde_json::Value = serde_json::from_str(&listed).context(listed)?;
    assert_eq!(listed[0]["name"], "p");
    run(&["pipeline", "pause", "p"]).await?;
    run(&["pipeline", "resume", "p"]).await?;
    run(&["pipeline", "delete", "p", "--yes"]).await?;
    Ok(())
}

#[tokio::test]
async fn every_setting_can_come_from_the_environment() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("file"), "")?;
    let (below_a_file, no_file) = (path("file/data"), path("no-file"));
    for (name, value, said) in [
        ("TAILRACE_LISTEN", "no address", "listen"),
        ("TAILRACE_GUEST_THREADS", "several", "guest-threads"),
        ("TAILRACE_METRICS_PUBLIC", "perhaps", "metrics-public"),
        ("TAILRACE_DATA_DIR", &below_a_file, &below_a_file),
        ("TAILRACE_OPERATOR_TOKEN_FILE", &no_file, &no_file),
        ("TAILRACE_NATS__REPLICAS", "many", "replicas"),
    ] {
        let listen = format!("127.0.0.1:{}", ports::free()?);
        let mut serve = tokio::process::Command::new(files::binary()?);
        serve
            .arg("serve")
            .current_dir(folder.path())
            .env("TAILRACE_LISTEN", listen)
            .env_remove("TAILRACE_OPERATOR_TOKEN")
            .env(name, value)
            .kill_on_drop(true);
        let ended = tokio::time::timeout(PATIENCE, serve.output()).await;
        let ended = ended.with_context(|| format!("{name} does not count"))??;
        let text = String::from_utf8_lossy(&ended.stderr);
        let is_said = text.to_lowercase().contains(&said.to_lowercase());
        assert!(!ended.status.success() && is_said, "{name}: {text}");
    }
    Ok(())
}
