//! A broker that demands TLS, and a certificate of each client.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use tailrace_nats::async_nats::{ConnectOptions, jetstream};
use tailrace_tests::{
    cluster::eventually,
    engine::{Engine, Launch},
    files, ports,
};

use crate::probe;

/// Of the API's tests; each vouches for itself.
const CERTIFICATES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../engine/admin/tests/api/certificates"
);

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(folder: &Path, port: u16) -> anyhow::Result<Serving> {
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\ntls {{ cert_file: \"{CERTIFICATES}/first.pem\", key_file: \"{CERTIFICATES}/first.key\", ca_file: \"{CERTIFICATES}/second.pem\", verify: true }}\n",
        folder.join("jetstream").display(),
    );
    let config = folder.join("nats-server.conf");
    std::fs::write(&config, text)?;
    let process = Command::new(files::nats_server()?)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Serving(process))
}

fn configured(folder: &Path, port: u16, more: &str) -> anyhow::Result<Launch> {
    let file = folder.join("tailrace.toml");
    std::fs::write(&file, format!("[nats]\nurl = \"tls://127.0.0.1:{port}\"\n{more}"))?;
    let launch = Launch {
        nats: format!("tls://127.0.0.1:{port}"),
        ..Launch::default()
    };
    Ok(launch.configured_by(&file))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_demands_certificates_gets_them() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let port = ports::free()?;
    let _server = serve(folder.path(), port)?;
    let client = ConnectOptions::new()
        .add_root_certificates(format!("{CERTIFICATES}/first.pem").into())
        .add_client_certificate(
            format!("{CERTIFICATES}/second.pem").into(),
            format!("{CERTIFICATES}/second.key").into(),
        )
        .require_tls(true)
        .retry_on_initial_connect()
        .connect(format!("tls://127.0.0.1:{port}"))
        .await?;
    let broker = jetstream::new(client);
    eventually("the broker answers", || async {
        broker.query_account().await.is_ok()
    })
    .await?;
    let config = jetstream::stream::Config {
        name: "SHOP".to_owned(),
        subjects: vec!["shop.events.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    broker.create_stream(config).await?;
    let whole = format!(
        "ca = \"{CERTIFICATES}/first.pem\"\ncertificate = \"{CERTIFICATES}/second.pem\"\nkey = \"{CERTIFICATES}/second.key\"\n"
    );
    let engine = Engine::start_with(&configured(folder.path(), port, &whole)?, folder.path()).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("walk", &probe("walk", 1, "")).await?;
    let payload = json!({ "user": "u" }).to_string();
    broker.publish("shop.events.a", payload.into()).await?.await?;
    engine.caught_up("walk", 1).await
}

#[test]
fn half_of_a_certificate_and_a_file_that_is_not_there_are_refused_at_once() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for (more, wanted) in [
        ("certificate = \"a.pem\"\n", "certificate and key go together"),
        ("ca = \"nowhere.pem\"\n", "nowhere.pem"),
    ] {
        let file = folder.path().join("tailrace.toml");
        std::fs::write(&file, format!("[nats]\n{more}"))?;
        let ended = Command::new(files::binary()?)
            .args(["serve", "--config"])
            .arg(&file)
            .args(["--data-dir"])
            .arg(folder.path().join("data"))
            .output()?;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains(wanted), "{said}");
    }
    Ok(())
}
