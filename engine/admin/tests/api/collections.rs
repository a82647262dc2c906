//! What a pipeline keeps, page by page: vectors of a collection, timers, events that wait in a join, rows of tables. And what uses what:
//! pipelines of a schema, engines of partitions.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tailrace_core::{
    due::{self, Due},
    join::{self, Kept, RowId},
    manifest::{JoinSide, parse::parse},
    name::Name,
    table::{self, READINGS, Reading, encode_row},
    timer::Carried,
};
use tailrace_testing::store::Content;

use crate::stage::{OPERATOR, PLUGIN, Stage};

const PIPELINE: &str = "/v1/tenants/shop/pipelines/busy";
const MANIFEST: &str = r#"
name: busy
inputs:
  clicks: { subjects: ["shop.clicks"] }
  buys: { subjects: ["shop.buys"] }
input: { stream: SHOP }
partitions: 2
steps:
  - { name: count, plugin: counter@1.0.0, grants: [state, timers] }
  - { name: other, plugin: counter@1.0.0, grants: [state, timers] }
vectors: { users: { dimensions: 2 } }
joins:
  bought: { left: clicks, right: buys, within: { after: 10m } }
output: { subject: "results.out.{join}.{key}" }
"#;

fn due(at_ms: u64, key: &str, owner: &str) -> Due {
    Due {
        at_ms,
        key: key.to_owned(),
        owner: owner.to_owned(),
        name: "end".to_owned(),
    }
}

fn set_timer(content: &mut Content, due: &Due) {
    let (set_by, payload) = (7, b"{\"n\":1}".to_vec());
    content.set(
        due::STEP,
        &due.encode(),
        &Carried { set_by, payload }.encode(),
        None,
    );
}

fn keep(content: &mut Content, value: &str, side: JoinSide, time_ms: u64, expires_ms: Option<u64>) {
    let manifest = parse(MANIFEST.as_bytes()).unwrap();
    let name = Name::new("bought").unwrap();
    let shape = join::shape(&manifest.joins[&name], 0);
    let kept = Kept {
        payload: b"{\"by\": \"ann\"}".to_vec(),
        partner: join::Partner::None,
    };
    let id = RowId {
        side,
        time_ms,
        sequence: time_ms,
        number: 0,
    };
    let key = join::key(value, id);
    content.set(&join::step(&name), &key, &join::encode(shape, &kept), expires_ms);
}

/// A stage whose pipeline `busy` keeps something of everything.
async fn stage() -> Stage {
    let stage = Stage::set().await;
    let mut contents = [Content::default(), Content::default()];
    for number in 0..5_u64 {
        let content = &mut contents[usize::from(number % 2 == 1)];
        content.set_vector("users", &format!("u{number}"), &[number as f32, -1.0]);
        set_timer(content, &due(1_000 + number, "ann", "count"));
        let ended = due(2_000 + number, "[1]", "~window.w");
        content.set(due::STEP, &ended.encode(), b"", None);
    }
    set_timer(&mut contents[1], &due(1_500, "bob", "other"));
    // The same id in both partitions: each learns its own.
    contents[0].set_vector("users", "u1", &[0.0, 0.0]);
    keep(&mut contents[0], "\"ann\"", JoinSide::Left, 10, None);
    keep(&mut contents[0], "\"ann\"", JoinSide::Right, 20, None);
    keep(&mut contents[1], "\"bob\"", JoinSide::Left, 30, Some(600_031));
    contents[1].set(
        "~join.bought",
        &join::key(
            "\"x\"",
            RowId {
                side: JoinSide::Left,
                time_ms: 1,
                sequence: 1,
                number: 0,
            },
        ),
        &join::encode(
            1,
            &Kept {
                payload: b"1".to_vec(),
                partner: join::Partner::None,
            },
        ),
        None,
    );
    for (partition, content) in contents.into_iter().enumerate() {
        stage.fake.hold(partition as u32, content);
    }
    stage.ok("PUT", PIPELINE, MANIFEST).await;
    stage
}

/// All pages of a list, one behind the other.
async fn pages(stage: &Stage, path: &str, list: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page = stage
            .ok("GET", &format!("{PIPELINE}{path}{after}"), "")
            .await
            .json();
        pages.push(page[list].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else {
            return pages;
        };
        let bytes = next.bytes().map(|byte| format!("%{byte:02X}"));
        after = format!("&after={}", bytes.collect::<String>());
    }
}

#[tokio::test]
async fn a_deletion_that_nobody_ordered_is_not_found() {
    let stage = stage().await;
    let order = format!("{PIPELINE}/steps/count/state-deletions");
    let ordered = stage.ask("POST", &order, &[OPERATOR], r#"{"key":"a"}"#).await;
    assert_eq!(ordered.status, StatusCode::ACCEPTED, "{ordered:?}");
    let number = ordered.json()["number"].as_u64().unwrap();
    let show = |number: u64| format!("{PIPELINE}/state-deletions/{number}");
    let report = stage.ok("GET", &show(number), "").await.json();
    assert_eq!(report["waiting"], json!([0, 1]), "{report}");
    for never in [0, number + 70, u64::MAX] {
        let answer = stage.ask("GET", &show(never), &[OPERATOR], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{never}: {answer:?}");
    }
}

#[tokio::test]
async fn vectors_of_all_partitions_come_in_the_order_of_their_ids_and_no_page_parts_an_id() {
    let stage = stage().await;
    let pages = pages(&stage, "/vectors/users?limit=2", "vectors").await;
    let ids: Vec<Vec<_>> = pages
        .iter()
        .map(|page| {
            page.iter()
                .map(|it| (it["id"].as_str().unwrap(), it["partition"].as_u64().unwrap()))
                .collect()
        })
        .collect();
    let expected = vec![
        vec![("u0", 0), ("u1", 0), ("u1", 1)],
        vec![("u2", 0), ("u3", 1)],
        vec![("u4", 0)],
    ];
    assert_eq!(ids, expected);
    assert_eq!(pages[1][1]["vector"], json!([3.0, -1.0]));
    let missing = stage
        .ask("GET", &format!("{PIPELINE}/vectors/nobody"), &[OPERATOR], "")
        .await;
    assert_eq!(
        (missing.status, missing.problem().as_str()),
        (StatusCode::NOT_FOUND, "not-found")
    );
}

#[tokio::test]
async fn timers_come_in_the_order_in_which_they_are_due_without_what_windows_wait_for() {
    let stage = stage().await;
    let pages = pages(&stage, "/timers?limit=4", "timers").await;
    let due: Vec<u64> = pages
        .concat()
        .iter()
        .map(|timer| timer["at_ms"].as_u64().unwrap())
        .collect();
    assert_eq!(due, [1_000, 1_001, 1_002, 1_003, 1_004, 1_500]);
    assert_eq!(pages[0].len(), 4);
    let first = json!({
        "at_ms": 1_000, "step": "count", "key": "ann", "name": "end", "set_by": 7, "partition": 0,
        "encoding": "json", "value": { "n": 1 },
    });
    assert_eq!(pages[0][0], first);
    let of_other = stage
        .ok("GET", &format!("{PIPELINE}/timers?step=other"), "")
        .await
        .json();
    assert_eq!(of_other["timers"].as_array().unwrap().len(), 1);
    for (query, status) in [
        ("step=nobody", StatusCode::NOT_FOUND),
        ("after=x", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let refused = stage
            .ask("GET", &format!("{PIPELINE}/timers?{query}"), &[OPERATOR], "")
            .await;
        assert_eq!(refused.status, status, "{query}: {refused:?}");
        refused.problem();
    }
}

#[tokio::test]
async fn a_join_shows_what_it_keeps_with_its_time_to_go_and_nothing_of_an_earlier_declaration() {
    let stage = stage().await;
    let pages = pages(&stage, "/joins/bought?limit=2", "kept").await;
    let kept: Vec<Value> = pages.concat();
    let told: Vec<_> = kept
        .iter()
        .map(|it| {
            (
                it["key"].as_str().unwrap(),
                it["side"].as_str().unwrap(),
                it["input"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("ann", "left", "clicks"),
            ("ann", "right", "buys"),
            ("bob", "left", "clicks")
        ]
    );
    // A purchase may come ten minutes after its click; a click is never after its purchase.
    assert_eq!(
        (&kept[0]["until_ms"], &kept[1]["until_ms"]),
        (&json!(600_010), &json!(20))
    );
    assert_eq!(kept[0]["payload"], json!({ "by": "ann" }));
    assert_eq!(kept[0]["paired"], false);
    let one = stage
        .ok("GET", &format!("{PIPELINE}/joins/bought?key=bob"), "")
        .await
        .json();
    assert_eq!(one["kept"].as_array().unwrap().len(), 1);
    let wrong = stage
        .ask(
            "GET",
            &format!("{PIPELINE}/joins/bought?after=x"),
            &[OPERATOR],
            "",
        )
        .await;
    assert_eq!(wrong.problem(), "invalid-request");
}

/// A partition that has read a table up to there, as of a tag, and has these rows, each with its tag.
fn table(content: &mut Content, name: &str, sequence: u64, rows: &[(&str, u32, &str)]) {
    let reading = Reading {
        tag: 7,
        sequence,
        has_old_rows: false,
        load: None,
    };
    content.set(READINGS, name, &reading.encode(), None);
    let step = table::step(&Name::new(name).unwrap());
    for (key, tag, row) in rows {
        content.set(&step, key, &encode_row(*tag, row.as_bytes()), None);
    }
}

#[tokio::test]
async fn rows_of_a_table_are_those_of_the_partition_that_has_read_the_most_or_of_all() {
    let stage = Stage::set().await;
    let mut contents = [Content::default(), Content::default()];
    let old = [("ann", 7, "1"), ("bob", 7, "1"), ("gone", 7, "1")];
    table(&mut contents[0], "customers", 3, &old);
    let new = [
        ("ann", 7, "{\"n\":2}"),
        ("bob", 7, "1"),
        ("eve", 7, "ü"),
        ("old", 6, "1"),
    ];
    table(&mut contents[1], "customers", 5, &new);
    table(&mut contents[0], "items", 9, &[("a", 7, "1"), ("c", 7, "1")]);
    table(&mut contents[1], "items", 8, &[("b", 7, "1")]);
    for (partition, content) in contents.into_iter().enumerate() {
        stage.fake.hold(partition as u32, content);
    }
    let tables = "tables:\n  customers: { subjects: ['shop.customers.*'] }\n  items: { subjects: ['shop.items.*'], scope: partition }\n";
    stage.ok("PUT", PIPELINE, format!("{MANIFEST}{tables}")).await;
    let rows = pages(&stage, "/tables/customers?limit=2", "rows").await.concat();
    assert_eq!(
        rows,
        [
            json!({ "key": "ann", "partition": 1, "encoding": "json", "value": { "n": 2 } }),
            json!({ "key": "bob", "partition": 1, "encoding": "json", "value": 1 }),
            json!({ "key": "eve", "partition": 1, "encoding": "text", "value": "ü" }),
        ]
    );
    let pages = pages(&stage, "/tables/items?limit=1", "rows").await;
    let keys: Vec<_> = pages.concat().iter().map(|row| row["key"].clone()).collect();
    assert_eq!((pages.len(), keys), (4, vec![json!("a"), json!("b"), json!("c")]));
    let asked = |query: &str| format!("{PIPELINE}/tables/customers?{query}");
    let one = stage.ok("GET", &asked("key=bob"), "").await.json();
    assert_eq!(one["rows"].as_array().unwrap().len(), 1);
    let some = stage.ok("GET", &asked("prefix=e"), "").await.json();
    assert_eq!(some["rows"][0]["key"], "eve");
    // A key that others begin with, one that is gone, and one whose row no longer counts.
    for key in ["an", "gone", "old"] {
        let answer = stage
            .ask("GET", &asked(&format!("key={key}")), &[OPERATOR], "")
            .await;
        assert_eq!(answer.problem(), "not-found", "{key}");
    }
    let both = stage
        .ask("GET", &asked("key=bob&prefix=b"), &[OPERATOR], "")
        .await;
    assert_eq!(both.problem(), "invalid-request");
    let path = format!("{PIPELINE}/tables/others");
    let answer = stage.ask("GET", &path, &[OPERATOR], "").await;
    assert_eq!(answer.problem(), "not-found");
}

#[tokio::test]
async fn a_component_comes_back_as_the_engine_runs_it_and_its_permit_goes_with_the_body() {
    let stage = Stage::set().await;
    let path = "/v1/tenants/shop/plugins/counter/versions/1.0.0/component";
    for _ in 0..20 {
        let answer = stage.ask("GET", path, &[&stage.shop], "").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.body, PLUGIN);
        assert_eq!(answer.header("content-type"), "application/wasm");
        assert_eq!(answer.header("content-length"), PLUGIN.len().to_string());
        assert_eq!(
            answer.header("content-disposition"),
            "attachment; filename=\"counter-1.0.0.wasm\""
        );
    }
    let missing = stage
        .ask("GET", &path.replace("1.0.0", "2.0.0"), &[&stage.shop], "")
        .await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_schema_tells_who_uses_which_of_its_versions() {
    let stage = Stage::set().await;
    let uses = "/v1/tenants/shop/schemas/order/uses";
    let nobody = stage.ok("GET", uses, "").await.json();
    assert_eq!(nobody, json!({ "pipelines": [], "schemas": [] }));
    let manifest = "name: read\ninput: { stream: SHOP, subjects: [\"shop.>\"], schema: { name: order } }\n\
        steps: [{ name: count, plugin: counter@1.0.0, grants: [state] }]\n";
    stage.ok("PUT", "/v1/tenants/shop/pipelines/read", manifest).await;
    let used = stage.ok("GET", uses, "").await.json();
    let expected = json!([
        { "version": 1, "pipeline": "read", "revision": 1, "candidate": false, "place": "input.schema" },
    ]);
    assert_eq!(used["pipelines"], expected);
    let missing = stage
        .ask("GET", "/v1/tenants/shop/schemas/nobody/uses", &[OPERATOR], "")
        .await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_operator_sees_engines_with_their_shares_and_streams_with_their_owners() {
    let stage = Stage::set().await;
    let engines = stage.ok("GET", "/v1/engines", "").await.json();
    let expected = json!([{ "engine": "engine", "answers": true, "pipelines": 1, "partitions": 1 }]);
    assert_eq!(engines, expected);
    let page = stage.ok("GET", "/v1/streams", "").await.json();
    let streams = page["streams"].as_array().unwrap();
    assert_eq!(page["total"], streams.len());
    let of = |name: &str| streams.iter().find(|stream| stream["stream"] == name).unwrap();
    assert_eq!(of("TR_shop_clicks")["pipeline"], "shop/clicks");
    assert!(of("SHOP")["pipeline"].is_null());
    assert_eq!(of("SHOP")["replicas"], 1);
    let rest = stage
        .ok("GET", &format!("/v1/streams?after={}", streams.len() - 1), "")
        .await
        .json();
    assert_eq!(rest["streams"].as_array().unwrap().len(), 1);
    for (query, status) in [
        ("account=nobody", StatusCode::NOT_FOUND),
        ("account=No+name", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let refused = stage
            .ask("GET", &format!("/v1/streams?{query}"), &[OPERATOR], "")
            .await;
        assert_eq!(refused.status, status, "{query}: {refused:?}");
    }
}
