//! Schemas against a real broker: they outlive their engine, another engine sees the same, and nothing of them is left
//! behind their tenant.

use base64::Engine as _;
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

/// An order as Avro's own encoder writes it with Confluent's header: the id of the version, then the fields.
fn avro(id: u64, fields: &[u8]) -> Vec<u8> {
    let id = u32::try_from(id).unwrap_or_default();
    [&[0], &id.to_be_bytes()[..], fields].concat()
}

async fn push(stage: &Stage, name: &str, schema: &str) -> anyhow::Result<u64> {
    let body = json!({ "format": "avro", "schema": schema }).to_string();
    let path = format!("schemas/{name}/versions");
    let pushed = stage.engine.own("POST", &path, body).await?;
    anyhow::ensure!(pushed.status == 201, "{}", pushed.text);
    Ok(pushed.body["id"].as_u64().unwrap_or(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_reads_any_version_of_a_schema_and_writes_its_own() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let fields = |more: &str| {
        format!(r#"{{"type":"record","name":"Order","fields":[{{"name":"user","type":"string"}}{more}]}}"#)
    };
    let note = r#",{"name":"note","type":"string","default":"none"}"#;
    let first = push(&stage, "order", &fields("")).await?;
    let second = push(&stage, "order", &fields(note)).await?;
    let counted = r#"{"type":"record","name":"Counted","fields":[{"name":"count","type":"long"},{"name":"key","type":"string"},{"name":"label","type":"string"},{"name":"sequence","type":"long"}]}"#;
    let output = push(&stage, "counted", counted).await?;
    let pipeline = crate::probe("p", 2, "")
        .replace("  key:", "  schema: { name: order, framing: confluent }\n  key:")
        .replace(
            "output:\n",
            "output:\n  schema: { name: counted, framing: confluent }\n",
        );
    stage.engine.apply("p", &pipeline).await?;
    let applied = stage.engine.own("GET", "pipelines/p", "").await?;
    assert_eq!(
        applied.body["active"]["spec"]["input"]["schema"]["version"],
        json!(2),
        "{}",
        applied.text
    );
    let payloads = [
        avro(first, b"\x06ann"),
        avro(second, b"\x06ann\x04hi"),
        avro(second, b"\x06ann"),
        avro(4_000_000, b"\x06ann"),
        b"{\"user\":\"ann\"}".to_vec(),
    ];
    stage.cluster.publish("shop.events.a", payloads).await?;
    stage.engine.caught_up("p", 5).await?;
    let state = stage
        .engine
        .own("GET", "pipelines/p/steps/probe/state/ann", "")
        .await?;
    assert_eq!(state.text, "2", "both versions are read");
    let letters = stage.engine.own("GET", "pipelines/p/dead-letters", "").await?;
    let letters = letters.body.as_array().cloned().unwrap_or_default();
    let reasons: Vec<_> = letters
        .iter()
        .map(|letter| {
            (
                letter["code"].as_str(),
                letter["reason"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    for ((code, reason), word) in reasons.iter().zip(["note", "id 4000000", "zero byte"]) {
        assert_eq!(*code, Some("schema-mismatch"), "{reason}");
        assert!(
            reason.contains(word) && reason.contains("schema order, version 2"),
            "{reason}"
        );
    }
    let path = "pipelines/p/outputs?from=first&limit=10";
    let outputs = stage.engine.own("GET", path, "").await?;
    // Two, "ann", an empty label, and the second event.
    let written = avro(output, b"\x04\x06ann\x00\x04");
    let last = &outputs.body["outputs"][1];
    let found =
        base64::engine::general_purpose::STANDARD.decode(last["value"].as_str().unwrap_or_default())?;
    assert_eq!(last["encoding"], json!("base64"), "{}", outputs.text);
    assert_eq!(found, written, "{}", outputs.text);
    for what in [
        "schemas/order/versions/2",
        "schemas/order",
        "schemas/counted/versions/1",
    ] {
        let kept = stage.engine.own("DELETE", what, "").await?;
        assert_eq!(kept.status, 409, "{}", kept.text);
        assert!(kept.text.contains("pipeline p"), "{}", kept.text);
    }
    let unused = stage.engine.own("DELETE", "schemas/order/versions/1", "").await?;
    assert_eq!(unused.status, 204, "{}", unused.text);
    for (from, to) in [
        ("name: order", "name: none"),
        ("name: order", "name: order, version: 9"),
    ] {
        let wrong = pipeline
            .replace("name: p\n", "name: q\n")
            .replace("shop.p.", "shop.q.")
            .replace(from, to);
        let refused = stage.engine.own("PUT", "pipelines/q", wrong).await?;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("input.schema"), "{}", refused.text);
    }
    Ok(())
}
