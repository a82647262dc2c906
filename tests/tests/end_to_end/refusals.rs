//! Bad input: each is refused with an error that names the thing and the way out, and nothing is half
//! applied.

use serde_json::json;
use tailrace_tests::{
    cluster::{BrokerOptions, Cluster},
    engine::{Engine, OPERATOR},
    files,
    tenant::Tenant,
};

use crate::{Stage, probe};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_pipelines_are_refused_where_they_are_wrong() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let good = probe("p", 1, "");
    let cases = [
        ("partitions: 1", "partitons: 1", "partitons", "there is no field"),
        ("probe@1.0.0", "probe@9.9.9", "steps[0].plugin", "upload it first"),
        ("grants: [state]", "grants: []", "steps[0].grants", "[state]"),
        (
            "grants: [state]",
            "grants: [state]\n    config: { lable: x }",
            "steps[0].config",
            "lable",
        ),
        (
            "shop.events.>",
            "shop.nowhere.>",
            "input.subjects[0]",
            "no stream holds",
        ),
        ("shop.events.>", "bank.>", "input.subjects[0]", "read grant"),
        (
            "shop.events.>\"]",
            "shop.events.>\"]\n  stream: NOPE",
            "input.stream",
            "NOPE",
        ),
        (
            "shop.p.{key}",
            "shop.events.{key}",
            "output.subject",
            "feed itself",
        ),
        ("shop.p.{key}", "bank.{key}", "output.subject", "write grant"),
        ("partitions: 1", "partitions: 0", "partitions", "1 to"),
    ];
    for (from, to, field, word) in cases {
        assert!(good.contains(from), "{from}");
        let refused = stage
            .engine
            .own("PUT", "pipelines/p", good.replacen(from, to, 1))
            .await?;
        assert_eq!(refused.status, 422, "{to}: {refused:?}");
        assert_eq!(refused.body["field"], field, "{to}: {refused:?}");
        assert!(
            refused.body["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(word)),
            "{to}: {refused:?}"
        );
    }
    let none = stage.engine.own("GET", "pipelines", "").await?;
    assert_eq!(none.body, json!([]), "nothing is half applied");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plugin_is_refused_with_the_way_out() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("text", b"hello".to_vec(), "tailrace plugin build"),
        ("empty", Vec::new(), "the file is empty"),
        ("cut", files::plugin("validator")?[..5_000].to_vec(), "not valid"),
        ("bare", b"\0asm\x01\0\0\0".to_vec(), "transform"),
    ];
    for (name, bytes, word) in cases {
        let refused = stage
            .engine
            .own("PUT", &format!("plugins/{name}/versions/1.0.0"), bytes)
            .await?;
        assert_eq!(refused.status, 422, "{name}: {refused:?}");
        assert!(
            refused.body["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(word)),
            "{name}: {refused:?}"
        );
    }
    let same = stage
        .engine
        .own(
            "PUT",
            "plugins/probe/versions/1.0.0",
            files::plugin("tailrace_test_guest")?,
        )
        .await?;
    assert_eq!(same.status, 200, "the same bytes again are fine");
    let taken = stage
        .engine
        .own("PUT", "plugins/probe/versions/1.0.0", files::plugin("validator")?)
        .await?;
    assert_eq!(
        (taken.status, &taken.body["code"]),
        (409, &json!("conflict")),
        "{taken:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_token_nothing_is_there() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let other = stage.engine.tenant("bank", &["bank.>"]).await?;
    let path = "/v1/tenants/shop/pipelines";
    assert_eq!(stage.engine.ask("GET", path, "wrong", "").await?.status, 401);
    let foreign = stage.engine.ask("GET", path, &other, "").await?;
    let missing = stage
        .engine
        .ask("GET", "/v1/tenants/nobody/pipelines", &other, "")
        .await?;
    assert_eq!(
        (foreign.status, &foreign.body),
        (404, &missing.body),
        "another's tenant looks like none"
    );
    assert_eq!(
        stage.engine.ask("GET", "/v1/tenants", &other, "").await?.status,
        404
    );
    assert_eq!(
        stage.engine.ask("GET", "/v1/tenants", OPERATOR, "").await?.status,
        200
    );
    for name in ["%2e%2e%2fetc", "A", "a_b", "-"] {
        let refused = stage
            .engine
            .own("GET", &format!("pipelines/{name}/status"), "")
            .await?;
        assert!(matches!(refused.status, 404 | 422), "{name}: {refused:?}");
    }
    Ok(())
}

/// An account that has room for a few streams.
const FEW_STREAMS: &str =
    "accounts { A { jetstream: { max_streams: 9 }, users: [ { user: a, password: a } ] } }\nno_auth_user: a";

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_room_for_a_stream_says_so_and_the_pipeline_leaves_nothing() -> anyhow::Result<()> {
    let options = BrokerOptions {
        more: FEW_STREAMS.to_owned(),
        ..BrokerOptions::default()
    };
    let cluster = Cluster::start_with(&options).await?;
    let folder = tempfile::tempdir()?;
    let engine = Engine::start(&cluster, folder.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    let mut fillers = Vec::new();
    for number in 0..9 {
        let name = format!("FILLER-{number}");
        match cluster.stream(&name, &[&format!("filler.{number}")]).await {
            Ok(()) => fillers.push(name),
            Err(_) => break,
        }
    }
    let shop = Tenant::shop(&engine);
    let refused = shop
        .ask(&engine, ("PUT", "pipelines/p"), probe("p", 1, ""))
        .await?;
    assert_eq!(refused.status, 502, "{refused:?}");
    for word in ["maximum number of streams reached", "max_streams"] {
        assert!(refused.text.contains(word), "{refused:?}");
    }
    shop.is_without(&engine, "p").await?;
    for filler in fillers {
        cluster.jetstream.delete_stream(filler).await?;
    }
    shop.apply(&engine, "p", &probe("p", 1, "")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_bucket_is_told_with_the_brokers_reason_and_a_way_out() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for (bucket, bytes) in [("KV_tailrace_registry", 1), ("OBJ_tailrace_plugins", 1_000)] {
        let mut stream = stage.cluster.jetstream.get_stream(bucket).await?;
        let before = stream.info().await?.config.clone();
        let mut full = before.clone();
        full.max_bytes = bytes;
        stage.cluster.jetstream.update_stream(full).await?;
        let refused = if bytes == 1 {
            let tenant = json!({ "read": ["a.>"], "write": ["b.>"] }).to_string();
            stage
                .engine
                .ask("PUT", "/v1/tenants/more", OPERATOR, tenant)
                .await?
        } else {
            let component = files::plugin("examples/chatty")?;
            let path = "plugins/chatty/versions/1.0.0";
            stage.engine.own("PUT", path, component).await?
        };
        assert_eq!(refused.status, 502, "{refused:?}");
        for word in [bucket, "maximum bytes exceeded", "nats stream edit"] {
            assert!(refused.text.contains(word), "{refused:?}");
        }
        stage.cluster.jetstream.update_stream(before).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_reserves_more_than_the_broker_has_says_what_reserves_less() -> anyhow::Result<()> {
    let stage = Stage::set_on(&BrokerOptions {
        max_file_store_bytes: Some(3 << 30),
        ..BrokerOptions::default()
    })
    .await?;
    let put = |name: &str, bytes: u64| {
        let path = format!("streams/{name}");
        let request = json!({ "subjects": [format!("shop.kept.{name}")], "max-bytes": bytes });
        let engine = &stage.engine;
        async move { engine.own("PUT", &path, request.to_string()).await }
    };
    let most = 2 << 30;
    assert_eq!(put("first", most).await?.status, 200);
    let refused = put("second", most).await?;
    assert_eq!(refused.status, 502, "{refused:?}");
    for word in ["10047", "max-bytes, 2147483648 here", "ask for less"] {
        assert!(refused.text.contains(word), "{refused:?}");
    }
    assert_eq!(put("second", 1 << 20).await?.status, 200);
    Ok(())
}
