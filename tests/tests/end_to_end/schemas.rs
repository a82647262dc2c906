//! Schemas against a real broker: they outlive their engine, another engine sees the same, and nothing of them is left
//! behind their tenant. What one version refuses, the next one processes once.

use base64::Engine as _;
use serde_json::{Value, json};
use tailrace_tests::{
    cluster::eventually,
    engine::{Launch, OPERATOR},
};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_a_version_refused_is_processed_once_when_it_is_sent_again_under_the_next() -> anyhow::Result<()>
{
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    for schema in [r#"{"type":"object","required":["a"]}"#, r#"{"type":"object"}"#] {
        let body = json!({ "format": "json-schema", "schema": schema }).to_string();
        let pushed = engine.own("POST", "schemas/s/versions", body).await?;
        anyhow::ensure!(pushed.status == 201, "{}", pushed.text);
    }
    let of = |version: u64| {
        let schema = format!("  schema: {{ name: s, version: {version} }}\n  key:");
        crate::probe("p", 3, "").replace("  key:", &schema)
    };
    engine.apply("p", &of(1)).await?;
    let events = (0..40).map(|number| format!("{{\"user\":\"k{}\"}}", number % 8).into_bytes());
    stage.cluster.publish("shop.events.a", events).await?;
    engine.caught_up("p", 40).await?;
    engine.apply("p", &of(2)).await?;
    for letter in letters(&stage).await? {
        assert!(
            letter["key"].as_str().is_some_and(|key| key.starts_with('k')),
            "{letter}"
        );
        let path = format!("pipelines/p/dead-letters/{}/redrive", letter["id"]);
        let again = engine.own("POST", &path, "").await?;
        anyhow::ensure!(again.status < 300, "{}", again.text);
    }
    let have_all = |least: u64| async move {
        let mut have_all = true;
        for key in 0..8 {
            let path = format!("pipelines/p/steps/probe/state/k{key}");
            let found = engine.own("GET", &path, "").await.map(|found| found.text);
            have_all &= found.is_ok_and(|count| count.parse::<u64>().is_ok_and(|count| count >= least));
        }
        have_all
    };
    eventually("all letters are processed", || have_all(5)).await?;
    // One more event of each key lies behind all that could have come twice.
    let last = (0..8).map(|number| format!("{{\"user\":\"k{number}\"}}").into_bytes());
    stage.cluster.publish("shop.events.a", last).await?;
    eventually("the last events are processed", || have_all(6)).await?;
    for key in 0..8 {
        let path = format!("pipelines/p/steps/probe/state/k{key}");
        assert_eq!(engine.own("GET", &path, "").await?.text, "6", "key k{key}");
    }
    Ok(())
}

async fn letters(stage: &Stage) -> anyhow::Result<Vec<Value>> {
    let found = stage
        .engine
        .own("GET", "pipelines/p/dead-letters?limit=100", "")
        .await?;
    let letters = found.body.as_array().cloned().unwrap_or_default();
    anyhow::ensure!(letters.len() == 40, "{}", found.text);
    Ok(letters)
}
