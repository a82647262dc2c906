//! Queries that merge many windows or groups: they hold nobody up.

use std::sync::mpsc;

use axum::http::StatusCode;
use tailrace_admin::ApiOptions;
use tailrace_testing::store::Content;

use crate::stage::Stage;

const PIPELINE: &str = "/v1/tenants/shop/pipelines/busy";
const SPEC: &str = "name: busy\ninput: { stream: SHOP, subjects: [\"shop.>\"] }\npartitions: 1\n\
    steps: [{ name: count, plugin: counter@1.0.0, grants: [state] }]\n\
    sketches: { amounts: { kind: quantiles, value: { json: /amount }, by: { json: /user } } }\n";

#[tokio::test]
async fn the_api_answers_others_while_groups_are_merged() {
    let stage = Stage::with(ApiOptions::default()).await;
    stage.fake.hold(0, Content::default());
    stage.ok("PUT", PIPELINE, SPEC.to_owned()).await;
    let (merged, gate) = mpsc::sync_channel(1);
    stage.fake.merge_when(gate);
    let slow = format!("{PIPELINE}/sketches/amounts?by=true");
    // On the only thread of this test: were it merged there, the other question would never be asked.
    let tokens = [&*stage.shop];
    let slow = stage.ask("GET", &slow, &tokens, "");
    let meanwhile = async {
        let other = stage.ask("GET", PIPELINE, &[&stage.shop], "").await;
        merged.send(()).expect("it is being merged still");
        other
    };
    let (slow, other) = tokio::join!(slow, meanwhile);
    assert_eq!((slow.status, other.status), (StatusCode::OK, StatusCode::OK));
}
