//! A server in operator mode, which knows its users by what they can sign: the engine and a tenant's account
//! log in with credentials files, and go on with other ones once those are taken away.

use serde_json::json;
use tailrace_tests::{
    cluster::{BrokerOptions, Cluster},
    engine::{Engine, Launch, OPERATOR},
    operator::Operator,
};

use crate::probe;

const ENGINE: usize = 0;
const SHOP: usize = 1;

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_a_server_in_operator_mode_are_served_by_credentials_that_may_change()
-> anyhow::Result<()> {
    let operator = Operator::of(&["ENGINE", "SHOP"])?;
    let options = BrokerOptions {
        more: operator.configuration()?,
        credentials: Some(operator.credentials(SHOP)?),
        ..BrokerOptions::default()
    };
    let mut cluster = Cluster::start_with(&options).await?;
    let folder = tempfile::tempdir()?;
    let (own, accounts) = (folder.path().join("engine.creds"), folder.path().join("accounts"));
    std::fs::create_dir(&accounts)?;
    let write = || {
        std::fs::write(&own, operator.credentials(ENGINE)?)?;
        anyhow::Ok(std::fs::write(
            accounts.join("shop.creds"),
            operator.credentials(SHOP)?,
        )?)
    };
    write()?;
    let launch = Launch::on(&cluster)
        .with("TAILRACE_NATS__CREDENTIALS", &own.display().to_string())
        .with("TAILRACE_NATS__ACCOUNTS_DIR", &accounts.display().to_string());
    let engine = Engine::start_with(&launch, folder.path()).await?;
    let wish = json!({ "read": ["shop.>"], "write": ["shop.>"], "nats-account": "shop" });
    let moved = engine
        .ask("PUT", "/v1/tenants/shop", OPERATOR, wish.to_string())
        .await?;
    assert_eq!(moved.status, 200, "{moved:?}");
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("p", &probe("p", 2, "")).await?;
    let events = || (0..100).map(|n| json!({ "user": n % 7, "do": "count" }).to_string());
    cluster.publish("shop.events.x", events()).await?;
    engine.caught_up("p", 100).await?;
    assert_eq!(cluster.read("TR_shop_p", "shop.p.>").await?.len(), 100);

    // The files are other users' now, and every connection is made anew.
    write()?;
    cluster.restart().await?;
    cluster.publish("shop.events.x", events()).await?;
    engine.caught_up("p", 200).await?;
    assert_eq!(cluster.read("TR_shop_p", "shop.p.>").await?.len(), 200);
    assert_eq!(
        engine.status("p").await?["nats_account"],
        json!({ "name": "shop", "connected": true })
    );
    Ok(())
}
