//! Deleting plugin versions over HTTP: what a revision names stays, and what is deleted gives its place back.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tailrace_core::{
    name::Name,
    ports::registry::{Bucket as _, RegistryStore as _},
    registry::{Key, PluginVersion},
    tasks,
};
use tokio_util::sync::CancellationToken;

use crate::{
    edge::in_time,
    stage::{Answer, OPERATOR, PIPELINE, PLUGIN, Stage},
};

const FIRST: &str = "/v1/tenants/shop/plugins/counter/versions/1.0.0";
const SECOND: &str = "/v1/tenants/shop/plugins/counter/versions/2.0.0";
const CLICKS: &str = "/v1/tenants/shop/pipelines/clicks";

impl Stage {
    /// Asks to delete it, and is refused; gives the words.
    async fn kept(&self, path: &str) -> String {
        let refused = self.ask("DELETE", path, &[&self.shop], "").await;
        assert_eq!(refused.problem(), "conflict");
        refused.json()["detail"].as_str().unwrap().to_owned()
    }

    /// Changes an entry of a plugin version behind the engine's back.
    async fn rewrite(&self, version: &str, change: impl FnOnce(&mut PluginVersion)) {
        let key = key(version);
        let entry = self.fake.registry.get(&key).await.unwrap().unwrap();
        let mut known: PluginVersion = serde_json::from_slice(&entry.value.unwrap()).unwrap();
        change(&mut known);
        let value = serde_json::to_vec(&known).unwrap();
        self.fake
            .registry
            .put(&key, value.into(), entry.revision)
            .await
            .unwrap();
    }

    async fn is_gone(&self, path: &str) {
        in_time(async {
            while self.ask("GET", path, &[&self.shop], "").await.status != StatusCode::NOT_FOUND {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

fn key(version: &str) -> String {
    let plugin = format!("counter@{version}").parse().unwrap();
    Key::Plugin(Name::new("shop").unwrap(), plugin).to_string()
}

#[tokio::test]
async fn a_version_that_nothing_names_goes_and_its_number_is_free() {
    let stage = Stage::set().await;
    let other: &[u8] = b"\0asm other";
    stage.ok("PUT", SECOND, other).await;
    let digest = stage.ok("GET", SECOND, "").await.json()["digest"].clone();
    let answer = stage.ok("DELETE", SECOND, "").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    for method in ["GET", "DELETE"] {
        let gone = stage.ask(method, SECOND, &[&stage.shop], "").await;
        assert_eq!(gone.problem(), "not-found", "{method}");
    }
    let digest = serde_json::from_value(digest).unwrap();
    assert!(
        stage.fake.registry.plugin(digest).await.unwrap().is_none(),
        "its bytes are gone"
    );
    let record = &stage.ok("GET", "/v1/tenants/shop/audit", "").await.json()[0];
    assert_eq!(record["action"], "plugin-deleted", "{record}");
    assert_eq!(record["target"], "plugin/counter@2.0.0", "{record}");
    let again = stage.ok("PUT", SECOND, PLUGIN).await;
    assert_eq!(
        again.status,
        StatusCode::CREATED,
        "other bytes may have the number"
    );
    // They are those of 1.0.0, which keeps them.
    stage.ok("DELETE", SECOND, "").await;
    stage
        .ok(
            "PUT",
            CLICKS,
            PIPELINE
                .replace("size: 5", "size: 6")
                .replace("items:", "things:"),
        )
        .await;
}

#[tokio::test]
async fn a_version_stays_that_is_active_a_candidate_or_in_the_history() {
    let stage = Stage::set().await;
    let words = stage.kept(FIRST).await;
    assert!(
        words.contains("pipeline clicks names it in revision 1"),
        "{words}"
    );
    assert!(words.contains("delete the pipelines"), "{words}");
    stage.ok("PUT", SECOND, PLUGIN).await;
    let second = PIPELINE.replace("counter@1.0.0", "counter@2.0.0");
    stage
        .ok("PUT", &format!("{CLICKS}?shadow=true"), second.clone())
        .await;
    assert!(stage.kept(SECOND).await.contains("revision 2"));
    // The candidate is over, and kept.
    stage.ok("DELETE", &format!("{CLICKS}/candidate"), "").await;
    assert!(stage.kept(SECOND).await.contains("revision 2"));
    stage.ok("PUT", CLICKS, second).await;
    assert!(stage.kept(FIRST).await.contains("revision 1"));
    assert!(stage.kept(SECOND).await.contains("revision 3, 2"));
    let refusals = stage.ok("GET", "/v1/tenants/shop/audit", "").await.json();
    assert!(!refusals.to_string().contains("plugin-deleted"), "{refusals}");
    stage.ok("DELETE", CLICKS, "").await;
    stage.ok("DELETE", FIRST, "").await;
    stage.ok("DELETE", SECOND, "").await;
}

#[tokio::test]
async fn a_deletion_that_was_cut_off_is_gone_on_with() {
    let stage = Stage::set().await;
    for version in ["2.0.0", "3.0.0"] {
        let path = format!("/v1/tenants/shop/plugins/counter/versions/{version}");
        stage.ok("PUT", &path, PLUGIN).await;
    }
    // An engine ended behind each of the two writes.
    stage.rewrite("2.0.0", |version| version.deleting = true).await;
    stage
        .rewrite("3.0.0", |version| {
            version.deleting = true;
            version.uploading = true;
            version.withdrawn = true;
        })
        .await;
    // One that is named is let go of.
    stage.rewrite("1.0.0", |version| version.deleting = true).await;
    let stop = CancellationToken::new();
    let lives = tasks::spawn(stage.commands.go_on(stop.clone()));
    stage.is_gone(SECOND).await;
    stage
        .is_gone("/v1/tenants/shop/plugins/counter/versions/3.0.0")
        .await;
    in_time(async {
        while stage.ok("GET", FIRST, "").await.json()["deleting"] == json!(true) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stop.cancel();
    lives.await.unwrap();
}

#[tokio::test]
async fn a_version_that_goes_is_not_named_any_more_and_one_that_is_named_stays() {
    let stage = Stage::set().await;
    stage.ok("PUT", SECOND, PLUGIN).await;
    stage.rewrite("2.0.0", |version| version.deleting = true).await;
    let second = PIPELINE.replace("counter@1.0.0", "counter@2.0.0");
    in_time(async {
        while stage.ok("GET", SECOND, "").await.json()["deleting"] != json!(true) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let refused = stage.ask("PUT", CLICKS, &[OPERATOR], second.clone()).await;
    assert_eq!(refused.problem(), "invalid-pipeline");
    assert_eq!(refused.json()["field"], "steps[0].plugin");
}

/// Applies a manifest that names version 2; once all is checked and before anything is written, something happens.
async fn apply_while(stage: &Stage, path: &str, manifest: String, meanwhile: impl AsyncFnOnce()) -> Answer {
    let (waits, go) = stage.fake.audit.hold_next();
    let apply = stage.ask("PUT", path, &[OPERATOR], manifest);
    let act = async {
        waits.await.unwrap();
        meanwhile().await;
        go.send(()).unwrap();
    };
    tokio::join!(apply, act).0
}

#[tokio::test]
async fn an_apply_that_comes_before_the_last_look_keeps_the_version() {
    let stage = Stage::set().await;
    stage.ok("PUT", SECOND, PLUGIN).await;
    let second = PIPELINE.replace("counter@1.0.0", "counter@2.0.0");
    let marked = async || stage.rewrite("2.0.0", |version| version.deleting = true).await;
    let applied = apply_while(&stage, CLICKS, second, marked).await;
    assert_eq!(applied.json()["revision"], 2, "{applied:?}");
    assert_eq!(stage.ok("GET", SECOND, "").await.json()["deleting"], Value::Null);
}

#[tokio::test]
async fn an_apply_that_comes_too_late_changes_nothing() {
    let stage = Stage::set().await;
    let second = PIPELINE.replace("counter@1.0.0", "counter@2.0.0");
    let fresh = "/v1/tenants/shop/pipelines/fresh";
    let shadow = format!("{CLICKS}?shadow=true");
    let of_fresh = second.replace("name: clicks", "name: fresh");
    for (path, manifest) in [(CLICKS, &second), (&*shadow, &second), (fresh, &of_fresh)] {
        stage.ok("PUT", SECOND, PLUGIN).await;
        let deleted = async || drop(stage.ok("DELETE", SECOND, "").await);
        let refused = apply_while(&stage, path, manifest.clone(), deleted).await;
        assert_eq!(refused.problem(), "conflict", "{path}");
        let words = refused.json()["detail"].to_string();
        assert!(words.contains("deleted meanwhile"), "{words}");
        // The same under another number of the same life of the name: other bytes are another version.
        stage.ok("PUT", SECOND, PLUGIN).await;
        let replaced = async || {
            stage.ok("DELETE", SECOND, "").await;
            stage.ok("PUT", SECOND, &b"\0asm other"[..]).await;
        };
        let refused = apply_while(&stage, path, manifest.clone(), replaced).await;
        assert_eq!(refused.problem(), "conflict", "{path}");
        stage.ok("DELETE", SECOND, "").await;
    }
    let clicks = stage.ok("GET", CLICKS, "").await.json();
    assert_eq!(
        clicks["active"]["spec"]["steps"][0]["plugin"], "counter@1.0.0",
        "{clicks}"
    );
    assert_eq!(clicks["active"]["rolled_back_to"], json!(3), "{clicks}");
    assert_eq!(clicks["candidate"], Value::Null, "{clicks}");
    let none = stage.ask("GET", fresh, &[OPERATOR], "").await;
    assert_eq!(none.problem(), "not-found");
}

#[tokio::test]
async fn a_full_quota_says_which_command_makes_room() {
    let stage = Stage::set().await;
    let tenant = r#"{"read":["few.>"],"write":["few.>"],"quotas":{"plugins":1}}"#;
    stage.ok("PUT", "/v1/tenants/few", tenant).await;
    let version = |number: u32| format!("/v1/tenants/few/plugins/counter/versions/{number}.0.0");
    stage.ok("PUT", &version(1), PLUGIN).await;
    let full = stage.ask("PUT", &version(2), &[OPERATOR], PLUGIN).await;
    assert_eq!(full.problem(), "quota-exceeded");
    let words: Value = full.json()["detail"].clone();
    assert!(
        words
            .to_string()
            .contains("tailrace plugin delete NAME@VERSION --yes"),
        "{words}"
    );
    stage.ok("DELETE", &version(1), "").await;
    stage.ok("PUT", &version(2), PLUGIN).await;
}
