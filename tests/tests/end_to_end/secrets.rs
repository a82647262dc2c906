//! Nothing is learned: whatever is asked, rightly or wrongly, no answer names a folder of the host, shows a frame
//! of ours or a token, and neither does the log, but for the folder that the operator gave.

use tailrace_tests::{
    cluster::Cluster,
    engine::{Engine, Launch, OPERATOR, TENANT},
    http::Answer,
};

use crate::probe;

/// What a backtrace looks like.
const FRAMES: [&str; 4] = [
    "stack backtrace",
    "/rustc/",
    ".cargo/registry",
    // Of the host only: a guest cannot unwind. The names of a guest's own functions are its author's business.
    "std::panicking::try",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_and_no_log_line_shows_what_is_nobodys_business() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    let launch = Launch::on(&cluster)
        .with("RUST_BACKTRACE", "1")
        .with("TAILRACE_LOG__FILTER", "debug");
    let engine = Engine::start_with(&launch, folder.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("p", &probe("p", 2, "")).await?;
    let stranger = engine.tenant("bank", &["bank.>"]).await?;
    let events = [r#"{"user":"u1"}"#, r#"{"user":"u2","do":"trap"}"#, "no json"];
    cluster
        .publish("shop.events.x", events.map(|event| event.as_bytes().to_vec()))
        .await?;
    engine.caught_up("p", 3).await?;

    let forged = "tr_this-token-was-never-given-to-anybody";
    let mut answers: Vec<(String, Answer)> = Vec::new();
    for (method, path) in asked() {
        for token in [&engine.token, &stranger, OPERATOR, forged, ""] {
            for body in ["", "{", "name: p\ninput: {}", "\0asm\x01\0\0\0"] {
                if method == "GET" && !body.is_empty() {
                    continue;
                }
                let answer = engine.ask(method, &path, token, body).await?;
                answers.push((format!("{method} {path}"), answer));
            }
        }
    }
    // What is not hers and what is not there are one.
    for (method, path) in asked().into_iter().filter(|(_, path)| path.contains("/shop/")) {
        let foreign = engine.ask(method, &path, &stranger, "").await?;
        let missing = engine
            .ask(method, &path.replace("/shop/", "/nobody/"), &stranger, "")
            .await?;
        assert_eq!(
            (foreign.status, &foreign.text),
            (missing.status, &missing.text),
            "{method} {path}"
        );
    }
    let data = folder.path().display().to_string();
    let tokens = [engine.token.as_str(), &stranger, OPERATOR, forged];
    assert!(answers.len() > 100);
    for (asked, answer) in &answers {
        assert!(answer.status != 500, "{asked}: {answer:?}");
        assert!(
            !answer.text.contains(&data),
            "{asked} names the host's folder: {answer:?}"
        );
        shows_no_secret(&answer.text, &tokens, asked);
    }
    let log = std::fs::read_to_string(folder.path().join("engine.log"))?;
    assert!(log.contains("request"), "the log is the whole one: {log}");
    shows_no_secret(&log, &tokens, "the log");
    Ok(())
}

fn asked() -> Vec<(&'static str, String)> {
    let own = |rest: &str| format!("/v1/tenants/{TENANT}/{rest}");
    vec![
        ("GET", own("pipelines/p/status")),
        ("GET", own("pipelines/p")),
        ("GET", own("pipelines/none")),
        ("GET", own("pipelines/p/steps/probe/state/u1")),
        ("GET", own("pipelines/p/steps/probe/state/..%2f..%2fetc%2fpasswd")),
        ("GET", own("pipelines/p/steps/none/state/u1")),
        ("GET", own("pipelines/p/steps/probe/state?prefix=u")),
        ("GET", own("pipelines/p/dead-letters")),
        ("GET", own("pipelines/p/dead-letters/1")),
        ("GET", own("pipelines/p/logs")),
        ("GET", own("plugins")),
        ("PUT", own("plugins/broken/versions/1.0.0")),
        ("PUT", own("pipelines/q")),
        ("POST", own("pipelines/none/rollback")),
        ("GET", "/v1/tenants".to_owned()),
        ("GET", "/metrics".to_owned()),
        ("GET", "/v1/nowhere".to_owned()),
        ("DELETE", "/healthz".to_owned()),
    ]
}

fn shows_no_secret(text: &str, tokens: &[&str], place: &str) {
    for token in tokens {
        let at = text
            .find(token)
            .map(|at| text.get(at.saturating_sub(120)..at).unwrap_or_default());
        assert!(at.is_none(), "{place} shows a token, behind {at:?}");
    }
    for frame in FRAMES {
        let at = text
            .find(frame)
            .map(|at| text.get(at.saturating_sub(120)..at + 80).unwrap_or_default());
        assert!(at.is_none(), "{place} shows a frame: {at:?}");
    }
}
