//! CloudEvents from publishers to readers: both modes in, through a step, a window and a join, and both modes out; and the
//! same events, with the same ids, when all is processed again.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tailrace_tests::cluster::eventually;

use crate::Stage;

/// Sales come in both modes, refunds as plain JSON. Sales leave as they are, and meet their refunds.
const PIPELINE: &str = r#"
name: sales
inputs:
  sales:
    subjects: ["shop.events.sale"]
    cloudevents: data
    key: { first-of: [{ cloudevent: subject }, { json: /till }] }
    time: { cloudevent: time, on-unreadable: reject }
  refunds: { subjects: ["shop.events.refund"], key: { json: /till }, time: { json: /at } }
input:
  watermark: { delay: 1s, lag: 1h, ahead: any, idle: { after: 1s } }
  dedup: { cloudevent: id, window: 1h }
partitions: 2
joins:
  refunded: { left: sales, right: refunds, within: { after: 1h } }
windows:
  by-type:
    of: sales
    over: { tumbling: 1h }
    by: { type: { cloudevent: type }, till: { first-of: [{ cloudevent: subject }, { json: /till }] } }
    aggregate: { total: { sum: { json: /total } } }
output:
  subject: "shop.sales.{window}.{key}"
  events: true
  cloudevents: { mode: MODE, type: "shop.{window}" }
"#;

fn binary(id: &str, subject: Option<&str>, total: &str) -> Value {
    let mut headers = json!({
        "ce-specversion": "1.0", "ce-id": id, "ce-source": "/till", "ce-type": "shop.sale%21",
        "ce-time": "2026-11-28T12:00:00+01:00",
    });
    if let Some(subject) = subject {
        headers["ce-subject"] = json!(subject);
    }
    let text = format!(r#"{{"total":{total},"till":"t 9"}}"#);
    json!({ "subject": "shop.events.sale", "headers": headers, "text": text })
}

fn structured(id: &str, total: &str) -> Value {
    let text = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/till","type":"shop.sale!","subject":"t 7","time":"2026-11-28T11:00:00Z","level":3,"data":{{"total":{total}}}}}"#
    );
    json!({
        "subject": "shop.events.sale",
        "headers": { "Content-Type": "application/cloudevents+json; charset=utf-8" },
        "text": text,
    })
}

async fn publish(stage: &Stage) -> anyhow::Result<u64> {
    let plain = |subject: &str, text: &str| json!({ "subject": subject, "text": text });
    let events = [
        structured("1", "12.50"),
        // The same event in the other mode is a duplicate; another id is another event.
        binary("1", Some("t%207"), "12.50"),
        binary("2", Some("t%207"), "1.25"),
        binary("3", None, "18446744073709551617"),
        // Malformed, and no CloudEvents at all.
        binary("4", Some("100%"), "1"),
        binary("", Some("x"), "1"),
        plain("shop.events.sale", r#"{"total":1}"#),
        plain(
            "shop.events.refund",
            r#"{"till":"t 7","at":"2026-11-28T11:30:00Z"}"#,
        ),
        // Behind all waits.
        json!({ "subject": "shop.events.sale", "headers": {
            "ce-specversion": "1.0", "ce-id": "9", "ce-source": "/till", "ce-type": "shop.end", "ce-subject": "end",
            "ce-time": "2026-11-28T20:00:00Z",
        }, "text": "{}" }),
        plain(
            "shop.events.refund",
            r#"{"till":"end","at":"2026-11-28T20:00:00Z"}"#,
        ),
    ];
    let body = json!({ "events": events }).to_string();
    let sent = stage.engine.own("POST", "events", body).await?;
    anyhow::ensure!(sent.status == 200, "{}", sent.text);
    Ok(events.len() as u64)
}

/// What was published, by source and id: subject, headers and payload.
async fn published(stage: &Stage, least: usize) -> anyhow::Result<BTreeMap<String, Value>> {
    let path = "pipelines/sales/outputs?from=first&limit=100";
    eventually("all results are there", || async {
        let answer = stage.engine.own("GET", path, "").await;
        answer.is_ok_and(|answer| {
            answer.body["outputs"]
                .as_array()
                .is_some_and(|all| all.len() >= least)
        })
    })
    .await?;
    let answer = stage.engine.own("GET", path, "").await?;
    let outputs = answer.body["outputs"].as_array().cloned().unwrap_or_default();
    anyhow::ensure!(outputs.len() == least, "{least} are awaited: {outputs:#?}");
    Ok(outputs.iter().map(identified).collect())
}

fn identified(output: &Value) -> (String, Value) {
    let headers: BTreeMap<String, String> = output["headers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|header| {
            Some((
                header["name"].as_str()?.to_lowercase(),
                header["value"].as_str()?.to_owned(),
            ))
        })
        .filter(|(name, _)| name.starts_with("ce-") || name == "content-type")
        .collect();
    let value = &output["value"];
    let attribute = |name: &str| match headers.get(&format!("ce-{name}")) {
        Some(value) => value.clone(),
        None => value[name].as_str().unwrap_or_default().to_owned(),
    };
    let identity = format!("{} {}", attribute("source"), attribute("id"));
    let event = json!({ "subject": output["subject"], "headers": headers, "value": value });
    (identity, event)
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudevents_come_in_and_leave_in_both_modes_and_a_replay_gives_the_same() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let events = publish(&stage).await?;
    for mode in ["binary", "structured"] {
        let manifest = PIPELINE.replace("MODE", mode);
        let mut runs = Vec::new();
        for _ in 0..2 {
            stage.engine.apply("sales", &manifest).await?;
            stage.engine.caught_up("sales", events).await?;
            runs.push(published(&stage, 11).await?);
            let letters = stage
                .engine
                .own("GET", "pipelines/sales/dead-letters", "")
                .await?;
            let letters = letters.body.as_array().cloned().unwrap_or_default();
            let reasons: Vec<_> = letters
                .iter()
                .map(|letter| letter["reason"].as_str().unwrap_or_default())
                .collect();
            assert_eq!(reasons.len(), 3, "{reasons:?}");
            // Those with a key may be of different partitions.
            for word in ["ce-subject, the `%`", "ce-id", "neither a header ce-specversion"] {
                let with_it = reasons.iter().filter(|reason| reason.contains(word)).count();
                assert_eq!(with_it, 1, "{word}: {reasons:?}");
            }
            for letter in &letters {
                assert_eq!(letter["code"], json!("malformed-cloudevent"));
            }
            let gone = stage.engine.own("DELETE", "pipelines/sales", "").await?;
            anyhow::ensure!(gone.status == 204, "{}", gone.text);
        }
        assert_eq!(runs[0], runs[1], "a replay gives the same events");
        check(mode, &runs[0]);
    }
    Ok(())
}

fn check(mode: &str, found: &BTreeMap<String, Value>) {
    let one = |identity: &str| {
        found
            .get(identity)
            .unwrap_or_else(|| panic!("{identity}: {found:#?}"))
    };
    let (first, third) = (one("/till 1"), one("/till 3"));
    assert_eq!(first["subject"], json!("shop.sales.events.t%207"));
    assert_eq!(third["subject"], json!("shop.sales.events.t%209"));
    let data = |event: &Value| {
        if mode == "binary" {
            event["value"].clone()
        } else {
            event["value"]["data"].clone()
        }
    };
    assert_eq!(data(first), json!({ "total": 12.5 }));
    if mode == "binary" {
        // It needs no escape, so it has none.
        assert_eq!(first["headers"]["ce-type"], json!("shop.sale!"));
        assert_eq!(first["headers"]["ce-level"], json!("3"));
        assert_eq!(first["headers"]["ce-subject"], json!("t%207"));
    } else {
        assert_eq!(
            first["headers"],
            json!({ "content-type": "application/cloudevents+json" })
        );
        assert_eq!(first["value"]["type"], json!("shop.sale!"));
        assert_eq!(first["value"]["level"], json!("3"));
    }
    let made = found
        .iter()
        .filter(|(identity, _)| identity.starts_with("/tailrace/shop/sales "));
    let made: Vec<_> = made.collect();
    let of = |kind: &str| {
        made.iter()
            .filter(|(identity, _)| identity.contains(&format!(" {kind}:")))
            .count()
    };
    assert_eq!((of("join"), of("window")), (3, 2), "{made:#?}");
    let rows = made.iter().filter(|(identity, _)| identity.contains(" join:"));
    let refunded: Vec<_> = rows
        .filter(|(_, event)| data(event)["key"] == json!("t 7"))
        .collect();
    assert_eq!(refunded.len(), 2, "{made:#?}");
    let totals = made.iter().filter(|(identity, _)| identity.contains(" window:"));
    let totals: BTreeMap<String, Value> = totals
        .map(|(_, event)| {
            let data = data(event);
            (
                data["till"].as_str().unwrap_or_default().to_owned(),
                json!([data["type"], data["total"]]),
            )
        })
        .collect();
    assert_eq!(totals["t 7"], json!(["shop.sale!", 13.75]), "{made:#?}");
}
