//! Bad input: each is refused with an error that names the thing and the way out, and nothing is half
//! applied.

use serde_json::json;
use tailrace_tests::{engine::OPERATOR, files};

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
