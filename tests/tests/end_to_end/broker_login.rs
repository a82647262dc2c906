//! An engine logs in as the address of the broker says, warns of that, and shows the secret nowhere. What keeps it
//! from the broker it tells with the address and the cause.

use std::process::Command;

use anyhow::Context as _;
use tailrace_nats::async_nats::{ConnectOptions, jetstream};
use tailrace_tests::{
    cluster::{BrokerOptions, Cluster, eventually},
    engine::{Engine, Launch},
    files, ports,
};

const SECRET: &str = "word@of/the engine";
/// As it stands in an address.
const WRITTEN: &str = "word%40of%2Fthe%20engine";

/// Where the engine has an account of its own, and whoever does not log in has another.
async fn broker() -> anyhow::Result<Cluster> {
    let more = format!(
        "accounts {{\n  ENGINE: {{ jetstream: enabled, users: [{{ user: engine, password: \"{SECRET}\" }}] }}\n  OTHERS: {{ jetstream: enabled, users: [{{ user: outside, password: \"x\" }}] }}\n}}\nno_auth_user: outside\n"
    );
    Cluster::start_with(&BrokerOptions {
        more,
        ..BrokerOptions::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_of_an_address_is_heeded_warned_of_and_not_shown() -> anyhow::Result<()> {
    let cluster = broker().await?;
    let folder = tempfile::tempdir()?;
    let launch = Launch {
        nats: format!("nats://engine:{WRITTEN}@{}", cluster.address()),
        ..Launch::default()
    };
    let launch = launch.with("TAILRACE_LOG__FILTER", "debug,async_nats=trace");
    let engine = Engine::start_with(&launch, folder.path()).await?;
    let own = ConnectOptions::with_user_and_password("engine".to_owned(), SECRET.to_owned());
    let own = jetstream::new(own.connect(cluster.address()).await?);
    own.get_stream("KV_tailrace_registry")
        .await
        .context("the engine is not in its account")?;
    drop(engine);
    let log = std::fs::read_to_string(folder.path().join("engine.log"))?;
    assert!(log.contains("password-file"), "{log}");
    for secret in [SECRET, WRITTEN] {
        assert!(!log.contains(secret), "{log}");
    }
    Ok(())
}

#[test]
fn a_printed_configuration_does_not_show_what_an_address_holds() -> anyhow::Result<()> {
    let mut command = Command::new(files::binary()?);
    command.args([
        "serve",
        "--print-config",
        "--nats",
        "nats://engine:secret@broker:4222",
    ]);
    let printed = String::from_utf8(command.output()?.stdout)?;
    assert!(printed.contains("@broker:4222"), "{printed}");
    assert!(!printed.contains("secret"), "{printed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_reached_is_told_with_address_and_cause() -> anyhow::Result<()> {
    let cluster = broker().await?;
    let folder = tempfile::tempdir()?;
    let mut engine = Engine::start(&cluster, folder.path()).await?;
    let nowhere = format!("127.0.0.1:{}", ports::free()?);
    for (address, cause) in [
        (nowhere.as_str(), "refused"),
        ("no-such-host.invalid:4222", "DNS"),
        (cluster.address().as_str(), "uthorization"),
    ] {
        let launch = Launch {
            nats: format!("nats://engine:wrong@{address}"),
            ..Launch::default()
        };
        engine.restart(&launch)?;
        eventually(&format!("the log names {address} and {cause}"), || async {
            let log = engine.log();
            log.lines()
                .any(|line| line.contains(address) && line.contains(cause))
        })
        .await
        .with_context(|| engine.log())?;
    }
    Ok(())
}
