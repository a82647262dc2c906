//! Schemas over HTTP: what is pushed stays as it is, follows what was there, and goes only when nothing uses it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::stage::{Answer, OPERATOR, Stage};

const ORDERS: &str = "/v1/tenants/shop/schemas/orders";

fn avro(fields: &str) -> Value {
    let text = format!(r#"{{"type":"record","name":"Order","fields":[{fields}]}}"#);
    json!({ "format": "avro", "schema": text })
}

const ID: &str = r#"{"name":"id","type":"long"}"#;
const NOTE: &str = r#"{"name":"note","type":"string"}"#;
const NOTE_WITH_DEFAULT: &str = r#"{"name":"note","type":"string","default":""}"#;

impl Stage {
    async fn schema(&self, method: &str, path: &str, body: Value) -> Answer {
        self.ask(method, path, &[&self.shop], body.to_string()).await
    }

    async fn push(&self, name: &str, body: Value) -> Answer {
        let path = format!("/v1/tenants/shop/schemas/{name}/versions");
        self.schema("POST", &path, body).await
    }
}

#[tokio::test]
async fn a_version_is_immutable_and_the_same_content_is_the_same_version() {
    let stage = Stage::set().await;
    let first = stage.push("orders", avro(ID)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    let again = stage.push("orders", avro(ID)).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    let second = stage
        .push("orders", avro(&format!("{ID},{NOTE_WITH_DEFAULT}")))
        .await;
    assert_eq!(second.json()["version"], 2);
    // The id is of the content: another name has the same one.
    let elsewhere = stage.push("copies", avro(ID)).await;
    assert_eq!(elsewhere.json()["id"], first.json()["id"]);
    assert_ne!(second.json()["id"], first.json()["id"]);
    for (number, version) in [("1", &first), ("2", &second), ("latest", &second)] {
        let shown = stage.ok("GET", &format!("{ORDERS}/versions/{number}"), "").await;
        assert_eq!(shown.json(), version.json(), "{number}");
    }
    let shown = stage.ok("GET", ORDERS, "").await.json();
    assert_eq!(shown["compatibility"], "backward");
    assert_eq!(shown["versions"].as_array().map(Vec::len), Some(2));
    let listed = stage.ok("GET", "/v1/tenants/shop/schemas", "").await.json();
    let names: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|schema| &schema["name"])
        .collect();
    assert_eq!(names, ["bound", "copies", "order", "orders"]);
}

#[tokio::test]
async fn a_version_that_cannot_read_the_last_one_is_refused_with_rule_and_place() {
    let stage = Stage::set().await;
    stage.push("orders", avro(ID)).await;
    let wanted = avro(&format!("{ID},{NOTE}"));
    let refused = stage.push("orders", wanted.clone()).await;
    assert_eq!(refused.problem(), "conflict");
    let detail = refused.json()["detail"].to_string();
    assert!(
        detail.contains("READER_FIELD_MISSING_DEFAULT_VALUE /fields/1"),
        "{detail}"
    );
    let checked = stage
        .schema("POST", &format!("{ORDERS}/check"), wanted.clone())
        .await
        .json();
    assert_eq!(checked["compatible"], false);
    assert_eq!(checked["conflicts"][0]["version"], 1);
    assert_eq!(checked["conflicts"][0]["direction"], "backward");
    let mode = json!({ "compatibility": "forward" });
    let set = stage
        .schema("PUT", &format!("{ORDERS}/compatibility"), mode)
        .await;
    assert_eq!(set.json()["compatibility"], "forward");
    assert_eq!(stage.push("orders", wanted).await.json()["version"], 2);
    let without_id = stage.push("orders", avro(NOTE)).await;
    assert_eq!(without_id.problem(), "conflict");
    let actions = stage
        .ok("GET", "/v1/tenants/shop/audit", "")
        .await
        .json()
        .to_string();
    for action in ["schema-pushed", "schema-compatibility-set"] {
        assert!(actions.contains(action), "{actions}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_its_place() {
    let stage = Stage::set().await;
    let json_schema = |schema: &str| json!({ "format": "json-schema", "schema": schema });
    for (body, code, words) in [
        (json_schema(r#"{"type":"thing"}"#), "invalid-request", "/type"),
        (
            json_schema(r#"{"$ref":"other.json"}"#),
            "invalid-request",
            "not among what was pushed",
        ),
        (json_schema("{"), "invalid-request", "byte 1"),
        (
            json!({ "format": "protobuf", "schema": "message {" }),
            "invalid-request",
            "line 1, column 9",
        ),
        (json!({ "format": "xml", "schema": "" }), "invalid-body", "xml"),
        (
            json!({ "format": "avro", "schema": "\"int\"", "references": [{ "name": "a", "schema": "a", "version": 1 }] }),
            "invalid-request",
            "there is no version 1",
        ),
        (
            json!({ "format": "avro", "schema": "\"int\"", "assert-formats": true }),
            "invalid-request",
            "assert-formats",
        ),
        (json_schema(&" ".repeat(300_000)), "invalid-request", "at most"),
    ] {
        let answer = stage.push("wrong", body).await;
        assert_eq!(answer.problem(), code, "{answer:?}");
        assert!(answer.json().to_string().contains(words), "{words}: {answer:?}");
    }
    let none = stage
        .ask("GET", "/v1/tenants/shop/schemas/wrong", &[&stage.shop], "")
        .await;
    assert_eq!(none.problem(), "not-found", "what was refused left nothing");
}

#[tokio::test]
async fn what_another_version_refers_to_stays() {
    let stage = Stage::set().await;
    let address = json!({ "format": "json-schema", "schema": r#"{"required":["street"]}"# });
    stage.push("address", address).await;
    let person = json!({
        "format": "json-schema",
        "schema": r#"{"properties":{"home":{"$ref":"address.json"}}}"#,
        "references": [{ "name": "address.json", "schema": "address", "version": 1 }],
    });
    stage.push("person", person.clone()).await;
    for path in ["address/versions/1", "address"] {
        let path = format!("/v1/tenants/shop/schemas/{path}");
        let answer = stage.ask("DELETE", &path, &[&stage.shop], "").await;
        assert_eq!(answer.problem(), "conflict");
        assert!(
            answer.json()["detail"]
                .to_string()
                .contains("version 1 of person"),
            "{answer:?}"
        );
    }
    stage.ok("DELETE", "/v1/tenants/shop/schemas/person", "").await;
    stage
        .ok("DELETE", "/v1/tenants/shop/schemas/address/versions/1", "")
        .await;
    let missing = stage.push("person", person).await;
    assert_eq!(missing.problem(), "invalid-request");
    // A number is not given twice, though its version is gone; a name made anew begins anew.
    let other = json!({ "format": "json-schema", "schema": "true" });
    assert_eq!(stage.push("address", other.clone()).await.json()["version"], 2);
    stage.ok("DELETE", "/v1/tenants/shop/schemas/address", "").await;
    assert_eq!(stage.push("address", other).await.json()["version"], 1);
}

#[tokio::test]
async fn a_tenant_has_no_more_versions_than_its_quota_and_they_end_with_it() {
    let stage = Stage::set().await;
    let tenant = r#"{"read":["few.>"],"write":["few.>"],"quotas":{"schemas":1}}"#;
    stage.ok("PUT", "/v1/tenants/few", tenant).await;
    let body = |schema: &str| json!({ "format": "json-schema", "schema": schema }).to_string();
    let path = "/v1/tenants/few/schemas/one/versions";
    stage.ok("POST", path, body("true")).await;
    stage.ok("POST", path, body("true")).await;
    let second = stage.ask("POST", path, &[OPERATOR], body("{}")).await;
    assert_eq!(second.problem(), "quota-exceeded");
    let used = stage.ok("GET", "/v1/tenants/few", "").await.json();
    assert_eq!(used["used"]["schemas"], 1);
    stage.ok("DELETE", "/v1/tenants/few", "").await;
    stage.ok("PUT", "/v1/tenants/few", tenant).await;
    let left = stage.ok("GET", "/v1/tenants/few/schemas", "").await.json();
    assert_eq!(
        left,
        json!([]),
        "nothing of an ended tenant is left to another of its name"
    );
    stage.ok("POST", path, body("{}")).await;
}
