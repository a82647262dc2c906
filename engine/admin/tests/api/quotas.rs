//! Quotas of amounts: what is beyond one is refused and changes nothing, what is used is shown beside what
//! may be, and a change of what a tenant may read leaves its quotas alone.

use axum::http::StatusCode;
use serde_json::json;

use crate::stage::{PLUGIN, Stage};

const SHOP: &str = "/v1/tenants/shop";

async fn set(stage: &Stage, quotas: serde_json::Value) {
    let request = json!({ "read": ["shop.>"], "write": ["results.>"], "quotas": quotas });
    stage.ok("PUT", SHOP, request.to_string()).await;
}

#[tokio::test]
async fn an_upload_beyond_a_quota_is_refused_before_anything_is_compiled() {
    for (quota, most, word) in [
        ("plugins", 1, "plugin versions"),
        ("plugin-bytes", PLUGIN.len() + 3, "bytes of plugins"),
        ("compile-seconds", 0, "seconds of compilation"),
    ] {
        let stage = Stage::set().await;
        set(&stage, json!({ quota: most })).await;
        let before = stage.fake.acts();
        let path = format!("{SHOP}/plugins/counter/versions/2.0.0");
        let answer = stage.ask("PUT", &path, &[&stage.shop], "\0asm two").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{quota}: {answer:?}");
        assert_eq!(answer.problem(), "quota-exceeded", "{quota}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{quota}: {detail}");
        assert_eq!(stage.fake.acts(), before, "{quota}: nothing was done");
    }
}

#[tokio::test]
async fn what_is_used_stands_beside_what_may_be() {
    let stage = Stage::set().await;
    set(&stage, json!({ "state-bytes": 1_000 })).await;
    let tenant = stage.ask("GET", SHOP, &[&stage.shop], "").await.json();
    let (used, quotas) = (&tenant["used"], &tenant["quotas"]);
    assert_eq!(
        (&used["plugins"], &used["pipelines"]),
        (&json!(1), &json!(1)),
        "{tenant}"
    );
    assert_eq!(used["plugin-bytes"], json!(PLUGIN.len()), "{tenant}");
    assert_eq!(quotas["state-bytes"], json!(1_000), "{tenant}");
    // Rates, the weight among tenants and the memory of an instance are no amounts: nothing of them is used up.
    for quota in quotas.as_object().unwrap().keys() {
        let is_amount = !matches!(quota.as_str(), "rates" | "weight" | "memory-bytes");
        assert_eq!(used.get(quota).is_some(), is_amount, "{quota}: {tenant}");
    }
}

#[tokio::test]
async fn a_change_of_grants_leaves_the_quotas_as_they_are() {
    let stage = Stage::set().await;
    set(&stage, json!({ "pipelines": 7 })).await;
    stage.ok("PUT", SHOP, r#"{"read":["shop.>"],"write":[]}"#).await;
    let tenant = stage.ok("GET", SHOP, "").await.json();
    assert_eq!(tenant["quotas"]["pipelines"], json!(7), "{tenant}");
}
