//! The engine over HTTPS, as the command line asks it: with the authority that signed its certificate, without
//! it, and after the certificate was renewed.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::OPERATOR,
    files, ports, signal,
};

/// Of the API's tests; each vouches for itself.
const CERTIFICATES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../engine/admin/tests/api/certificates"
);

/// An engine that is killed when it is dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn put(name: &str, folder: &Path) -> anyhow::Result<()> {
    for kind in ["pem", "key"] {
        std::fs::copy(
            format!("{CERTIFICATES}/{name}.{kind}"),
            folder.join(format!("server.{kind}")),
        )?;
    }
    Ok(())
}

fn serve(cluster: &Cluster, folder: &Path, port: u16) -> anyhow::Result<Serving> {
    let log = std::fs::File::create(folder.join("engine.log"))?;
    let child = Command::new(files::binary()?)
        .args(["serve", "--nats", &cluster.url()])
        .args(["--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
        .arg(folder.join("data"))
        .arg("--tls-certificate")
        .arg(folder.join("server.pem"))
        .arg("--tls-key")
        .arg(folder.join("server.key"))
        .env("TAILRACE_OPERATOR_TOKEN", OPERATOR)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    Ok(Serving(child))
}

/// Lists the tenants; gives whether it worked, and what was said.
async fn list(port: u16, authority: Option<&str>) -> anyhow::Result<(bool, String)> {
    let mut command = Command::new(files::binary()?);
    command
        .args(["tenant", "list", "--output", "json"])
        .env("TAILRACE_URL", format!("https://localhost:{port}"))
        .env("TAILRACE_TOKEN", OPERATOR)
        .env_remove("TAILRACE_CA");
    if let Some(name) = authority {
        command.args(["--ca", &format!("{CERTIFICATES}/{name}.pem")]);
    }
    let done = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = [done.stdout, done.stderr].concat();
    Ok((done.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_speaks_https_and_a_renewed_certificate_needs_no_restart() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    put("first", folder.path())?;
    let port = ports::free()?;
    let engine = serve(&cluster, folder.path(), port)?;
    let works = async |authority| list(port, Some(authority)).await.is_ok_and(|(worked, _)| worked);
    eventually("it answers over HTTPS", || works("first")).await?;
    for authority in [None, Some("second")] {
        let (worked, said) = list(port, authority).await?;
        assert!(!worked && said.contains("certificate"), "{authority:?}: {said}");
    }
    put("second", folder.path())?;
    signal::send(engine.0.id(), "HUP")?;
    eventually("it has the new certificate", || works("second")).await?;
    assert!(!works("first").await, "and no longer the old one");
    let log = std::fs::read_to_string(folder.path().join("engine.log"))?;
    assert!(log.contains("the API has a new certificate"), "{log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_ends_the_engine_with_its_name() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    put("first", folder.path())?;
    std::fs::write(folder.path().join("server.key"), "nonsense")?;
    let mut engine = serve(&cluster, folder.path(), ports::free()?)?;
    let ended = tokio::task::spawn_blocking(move || engine.0.wait()).await??;
    assert!(!ended.success());
    let log = std::fs::read_to_string(folder.path().join("engine.log"))?;
    assert!(log.contains("tls.key") && log.contains("server.key"), "{log}");
    Ok(())
}
