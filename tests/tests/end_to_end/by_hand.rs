//! A tenant that has a token and nothing else: it makes a stream, publishes, measures without code, reads results, and
//! never meets the broker.

use anyhow::Context as _;
use serde_json::{Value, json};
use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::{Engine, OPERATOR},
    files,
    http::Answer,
};
use tempfile::TempDir;

/// It hands on what comes in, and counts it; no plugin is needed.
const PIPELINE: &str = r#"
name: mirror
input:
  subjects: ["shop.in.>"]
  key: { header: who }
sketches:
  users: { kind: distinct, value: { json: /user } }
output:
  subject: "shop.out.{key}"
"#;

struct Stage {
    cluster: Cluster,
    engine: Engine,
    folder: TempDir,
}

struct Said {
    out: String,
    err: String,
    good: bool,
}

impl Stage {
    async fn set() -> anyhow::Result<Self> {
        let cluster = Cluster::start().await?;
        let folder = tempfile::tempdir()?;
        let engine = Engine::start(&cluster, folder.path()).await?;
        Ok(Self {
            cluster,
            engine,
            folder,
        })
    }

    async fn say(&self, arguments: &[&str]) -> anyhow::Result<Said> {
        let mut command = std::process::Command::new(files::binary()?);
        command
            .args(arguments)
            .env("TAILRACE_URL", self.engine.url())
            .env("TAILRACE_TENANT", "shop")
            .env("TAILRACE_TOKEN", &self.engine.token)
            .env("NO_COLOR", "1");
        let done = tokio::task::spawn_blocking(move || command.output()).await??;
        Ok(Said {
            out: String::from_utf8_lossy(&done.stdout).into_owned(),
            err: String::from_utf8_lossy(&done.stderr).into_owned(),
            good: done.status.success(),
        })
    }

    async fn does(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let said = self.say(arguments).await?;
        anyhow::ensure!(said.good, "{arguments:?}: {}{}", said.out, said.err);
        Ok(said.out)
    }

    fn file(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    async fn operator(&self, method: &str, path: &str, body: &str) -> anyhow::Result<Answer> {
        self.engine.ask(method, path, OPERATOR, body).await
    }

    async fn outputs(&self, more: &[&str]) -> anyhow::Result<Vec<Value>> {
        let page = self
            .does(&[&["outputs", "mirror", "--output", "json"][..], more].concat())
            .await?;
        let page: Value = serde_json::from_str(&page)?;
        Ok(page["outputs"].as_array().context("no outputs")?.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_enough_from_the_first_event_to_the_result() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let nowhere = stage
        .say(&["publish", "shop.in.click", &stage.file("one.jsonl", "{}\n")?])
        .await?;
    assert!(nowhere.err.contains("tailrace stream create"), "{}", nowhere.err);
    let made = stage
        .does(&["stream", "create", "clicks", "--subjects", "shop.in.>"])
        .await?;
    assert!(made.contains("IN_shop_clicks"), "{made}");
    stage
        .does(&["pipeline", "apply", "-f", &stage.file("mirror.yaml", PIPELINE)?])
        .await?;
    let lines: Vec<String> = (0..1_200)
        .map(|n| json!({ "user": format!("u{}", n % 3), "n": n }).to_string())
        .collect();
    let events = stage.file("events.jsonl", &(lines.join("\n") + "\n\n"))?;
    let told = stage
        .does(&[
            "publish",
            "shop.in.{key}",
            &events,
            "--key",
            "/user",
            "--header",
            "who={key}",
        ])
        .await?;
    assert!(told.contains("1,200 published"), "{told}");
    eventually("all results are there", || async {
        stage
            .outputs(&["--limit", "2000"])
            .await
            .is_ok_and(|outputs| outputs.len() == 1_200)
    })
    .await?;
    // In the order in which they were published, and each once.
    let own = stage.outputs(&["--key", "u1", "--limit", "2000"]).await?;
    let numbers: Vec<u64> = own
        .iter()
        .filter_map(|output| output["value"]["n"].as_u64())
        .collect();
    assert_eq!(numbers, (0..400).map(|n| n * 3 + 1).collect::<Vec<_>>());
    assert_eq!(own[0]["subject"], "shop.out.u1");
    let first = stage.say(&["outputs", "mirror", "--limit", "2"]).await?;
    assert_eq!(first.out.lines().count(), 2, "{}", first.out);
    assert!(
        first
            .err
            .contains("1,198 more; to go on: tailrace outputs mirror --from "),
        "{}",
        first.err
    );
    let counted = stage.does(&["sketch", "show", "mirror", "users"]).await?;
    assert!(counted.contains("distinct  3"), "{counted}");
    let status = stage.does(&["pipeline", "status", "mirror"]).await?;
    assert!(
        status.contains("shop.out.*, in stream TR_shop_mirror"),
        "{status}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_an_id_is_taken_once_and_one_that_is_reserved_not_at_all() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage
        .does(&["stream", "create", "clicks", "--subjects", "shop.in.>"])
        .await?;
    let event =
        |subject: &str| json!({ "events": [{ "subject": subject, "id": "r-1", "payload": { "a": 1 } }] });
    let send = async |subject: &str| {
        stage
            .engine
            .own("POST", "events", event(subject).to_string())
            .await
    };
    let once = send("shop.in.a").await?;
    assert_eq!(
        (once.status, &once.body["events"][0]["sequence"]),
        (200, &json!(1)),
        "{once:?}"
    );
    let twice = send("shop.in.a").await?;
    assert_eq!(
        (
            &twice.body["events"][0]["sequence"],
            &twice.body["events"][0]["duplicate"]
        ),
        (&json!(1), &json!(true)),
        "{twice:?}"
    );
    for (subject, status) in [
        ("bank.in.a", 403),
        ("tr.shop.mirror.commit.0", 403),
        ("$JS.ACK", 403),
    ] {
        assert_eq!(send(subject).await?.status, status, "{subject}");
    }
    stage
        .does(&["pipeline", "apply", "-f", &stage.file("mirror.yaml", PIPELINE)?])
        .await?;
    let result = send("shop.out.ada").await?;
    assert_eq!(result.status, 409, "only commits write results: {result:?}");
    // A stream that another one overlaps is refused by the broker, and told so.
    stage.cluster.stream("OTHER", &["shop.other.>"]).await?;
    let taken = stage
        .say(&["stream", "create", "mine", "--subjects", "shop.other.x"])
        .await?;
    assert!(taken.err.contains("another stream holds"), "{}", taken.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stream_refuses_or_drops_as_it_was_asked_and_goes_with_its_tenant() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let small = ["--max-bytes", "1MiB", "--max-age", "1h"];
    let create = |name: &'static str, subject: &'static str, when: &'static str| {
        [
            &[
                "stream",
                "create",
                name,
                "--subjects",
                subject,
                "--when-full",
                when,
            ][..],
            &small[..],
        ]
        .concat()
    };
    stage.does(&create("strict", "shop.strict.>", "refuse")).await?;
    stage
        .does(&create("loose", "shop.loose.>", "drop-oldest"))
        .await?;
    let line = "x".repeat(200_000) + "\n";
    let many = stage.file("many.jsonl", &line.repeat(10))?;
    stage.does(&["publish", "shop.loose.a", &many]).await?;
    let loose = stage.does(&["stream", "show", "loose"]).await?;
    assert!(!loose.contains("sequences      1 to"), "the oldest went: {loose}");
    let strict = stage.say(&["publish", "shop.strict.a", &many]).await?;
    assert!(
        !strict.good && strict.err.contains("maximum bytes"),
        "{}",
        strict.err
    );
    let read = json!({ "read": ["few.>"], "write": ["few.>"] }).to_string();
    stage.operator("PUT", "/v1/tenants/few", &read).await?;
    let request = json!({ "subjects": ["few.>"] }).to_string();
    let made = stage
        .operator("PUT", "/v1/tenants/few/streams/a", &request)
        .await?;
    assert_eq!(made.status, 200, "{made:?}");
    let gone = stage.operator("DELETE", "/v1/tenants/few", "").await?;
    assert_eq!(gone.status, 204, "{gone:?}");
    stage.operator("PUT", "/v1/tenants/few", &read).await?;
    let left = stage.operator("GET", "/v1/tenants/few/streams", "").await?;
    assert_eq!(
        left.body,
        json!([]),
        "the broker keeps nothing of an ended tenant"
    );
    Ok(())
}
