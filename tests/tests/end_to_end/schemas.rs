//! Schemas against a real broker: they outlive their engine, another engine sees the same, and nothing of them is left
//! behind their tenant.

use serde_json::{Value, json};
use tailrace_tests::engine::{Launch, OPERATOR};

use crate::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn schemas_outlive_their_engine_and_end_with_their_tenant() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    let order = json!({ "format": "avro", "schema": r#"{"type":"record","name":"Order","fields":[]}"# });
    // A text of the largest size goes through one entry of the registry, whatever has to be escaped in it.
    let text = format!("{{\"description\":\"{}\"}}", "\\\"é\\n".repeat(40_000));
    let large = json!({ "format": "json-schema", "schema": &text[..], "assert-formats": true });
    for (name, body) in [("order", &order), ("large", &large)] {
        let path = format!("schemas/{name}/versions");
        let pushed = stage.engine.own("POST", &path, body.to_string()).await?;
        anyhow::ensure!(pushed.status == 201, "{name}: {}", pushed.status);
    }
    let before = stage.engine.own("GET", "schemas", "").await?.body;
    let ids: Vec<&Value> = before
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| &one["versions"][0]["id"])
        .collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{before}");
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    let engine = &stage.engine;
    assert_eq!(engine.own("GET", "schemas", "").await?.body, before);
    let shown = engine.own("GET", "schemas/large/versions/latest", "").await?;
    assert_eq!(shown.body["text"], text.as_str());
    let again = engine
        .own("POST", "schemas/order/versions", order.to_string())
        .await?;
    anyhow::ensure!(
        again.status == 200,
        "the same content is the same version: {again:?}"
    );
    let gone = engine.ask("DELETE", "/v1/tenants/shop", OPERATOR, "").await?;
    anyhow::ensure!(gone.status == 204, "{gone:?}");
    let doctor = engine.ask("GET", "/v1/doctor", OPERATOR, "").await?;
    assert!(!doctor.text.contains("schema"), "{}", doctor.text);
    // A tenant of the same name has none of them.
    let put = json!({ "read": ["shop.>"], "write": ["shop.>"] }).to_string();
    let made = engine.ask("PUT", "/v1/tenants/shop", OPERATOR, put).await?;
    anyhow::ensure!(made.status == 200, "{made:?}");
    let left = engine
        .ask("GET", "/v1/tenants/shop/schemas", OPERATOR, "")
        .await?;
    assert_eq!(left.body, json!([]));
    Ok(())
}
