//! A tenant whose entry somebody removes by hand keeps all that is its, until somebody orders its end.

use bytes::Bytes;
use tailrace_control::command::condition::Condition;
use tailrace_core::{
    codes::ApiCode,
    ports::registry::{Bucket as _, Entry},
    registry::PluginVersion,
};

use crate::{
    registry::{ENDED, ENTRY},
    stage::{PATIENCE, Running, Stage, grants, id, name},
};

/// What is the tenant's: its token, a plugin version with its bytes, its pipeline's revision.
struct Belongings {
    keys: Vec<String>,
    entry: Entry,
    outputs: usize,
}

const TENANT: &str = "tenant.shop";

/// Somebody removes the tenant's entry by hand, after it got a token and a plugin version.
async fn without_its_entry(stage: &Stage, running: &Running, purge: bool) -> Belongings {
    let token = serde_json::json!({ "label": "t" });
    let token = serde_json::from_value(token).unwrap();
    let shop = name("shop");
    running.commands.create_token(&shop, token).await.unwrap();
    let entry = stage.registry.get(TENANT).await.unwrap().unwrap();
    let tenant: serde_json::Value = serde_json::from_slice(entry.value.as_ref().unwrap()).unwrap();
    let digest = stage.registry.hold_plugin(Bytes::from_static(b"plugin"));
    let plugin = serde_json::json!({
        "plugin": "v@1.0.0", "life": "0123456789abcdef0123456789abcdef",
        "tenant_life": tenant["life"], "digest": digest, "upload_digest": digest, "size_bytes": 6,
        "imports": [], "uploaded_ms": 0,
    });
    let version = plugin.to_string();
    serde_json::from_str::<PluginVersion>(&version).unwrap();
    stage
        .registry
        .put("plugin.shop.v.1.0.0", version.into(), 0)
        .await
        .unwrap();
    let mut keys: Vec<String> = stage
        .registry
        .written_after(0)
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    keys.sort();
    keys.dedup();
    keys.retain(|key| key != TENANT);
    assert!(keys.iter().any(|key| key.starts_with("token.")), "{keys:?}");
    let outputs = stage.outputs().len();
    if purge {
        stage.registry.purge(TENANT);
    } else {
        stage.registry.delete(TENANT).await.unwrap();
    }
    tokio::time::sleep(ENDED).await;
    Belongings { keys, entry, outputs }
}

impl Belongings {
    async fn are_there(&self, stage: &Stage) {
        for key in &self.keys {
            let entry = stage.registry.get(key).await.unwrap();
            assert!(entry.is_some_and(|entry| entry.value.is_some()), "{key} is gone");
        }
        assert_eq!(stage.registry.components().len(), 1);
        assert_eq!(stage.outputs().len(), self.outputs);
    }

    /// All is as it was, once the entry is back.
    async fn come_back_with_it(&self, stage: &Stage, running: &Running) {
        let gone = stage.registry.get(TENANT).await.unwrap();
        let (gone, value) = (
            gone.map_or(0, |gone| gone.revision),
            self.entry.value.clone().unwrap(),
        );
        stage.registry.put(TENANT, value, gone).await.unwrap();
        stage.broker.publish("IN", "in.k", r#"{"user":"u"}"#);
        tokio::time::sleep(PATIENCE).await;
        assert_eq!(stage.outputs().len(), self.outputs + 1);
        assert_eq!(running.findings().await, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenants_entry_that_somebody_removes_by_hand_takes_nothing_along_and_may_be_put_back() {
    let (stage, running) = Stage::set().await;
    let belongings = without_its_entry(&stage, &running, false).await;
    belongings.are_there(&stage).await;
    // The doctor names it, and its fix does not give it up; nobody makes it anew unawares.
    let found = running.queries.examine().await.unwrap();
    let [lost] = &found.findings[..] else {
        panic!("{found:?}")
    };
    assert_eq!((lost.kind, lost.fixable), ("lost-tenant", false));
    assert!(
        lost.mend.contains(TENANT) && lost.mend.contains("tailrace tenant delete shop"),
        "{lost:?}"
    );
    running.commands.mend(found).await.unwrap();
    let anew = running
        .commands
        .put_tenant(&name("shop"), grants(), Condition::Any)
        .await;
    let refused = anew.map(drop).unwrap_err();
    assert_eq!(refused.code(), ApiCode::Conflict);
    assert!(
        refused.to_string().contains("tailrace tenant delete shop"),
        "{refused}"
    );
    tokio::time::sleep(PATIENCE).await;
    belongings.are_there(&stage).await;
    belongings.come_back_with_it(&stage, &running).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenants_entry_that_was_purged_before_an_engine_starts_takes_nothing_along() {
    let (stage, running) = Stage::set().await;
    let belongings = without_its_entry(&stage, &running, true).await;
    running.stop.cancel();
    tokio::time::sleep(PATIENCE).await;
    let running = stage.start().await;
    tokio::time::sleep(ENDED).await;
    belongings.are_there(&stage).await;
    belongings.come_back_with_it(&stage, &running).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_entry_is_gone_is_deleted_on_order() {
    let (stage, running) = Stage::set().await;
    let belongings = without_its_entry(&stage, &running, false).await;
    let shop = name("shop");
    let deleted = running.commands.delete_tenant(&shop, Condition::Any);
    deleted.await.unwrap();
    tokio::time::sleep(PATIENCE).await;
    for key in &belongings.keys {
        let entry = stage.registry.get(key).await.unwrap();
        assert!(entry.is_none_or(|entry| entry.value.is_none()), "{key} is there");
    }
    assert!(stage.registry.components().is_empty() && stage.outputs().is_empty());
    let again = running.commands.delete_tenant(&shop, Condition::Any).await;
    assert_eq!(again.map_err(|cause| cause.code()), Err(ApiCode::NotFound));
    let made = running.commands.put_tenant(&shop, grants(), Condition::Any);
    made.await.unwrap();
    assert_eq!(running.findings().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_a_cut_request_leaves_of_a_tenant_that_was_deleted_on_order_is_cleared_away() {
    let (stage, running) = Stage::set().await;
    let shop = name("shop");
    let before = stage.registry.written_after(0);
    running
        .commands
        .delete_pipeline(&id(), Condition::Any)
        .await
        .unwrap();
    running
        .commands
        .delete_tenant(&shop, Condition::Any)
        .await
        .unwrap();
    // Whatever the entry says of itself.
    let late = before.iter().rfind(|entry| entry.key == ENTRY).unwrap();
    let gone = stage
        .registry
        .get(ENTRY)
        .await
        .unwrap()
        .map_or(0, |gone| gone.revision);
    let value = late.value.clone().unwrap();
    stage.registry.put(ENTRY, value, gone).await.unwrap();
    tokio::time::sleep(PATIENCE).await;
    let entry = stage.registry.get(ENTRY).await.unwrap();
    assert!(entry.is_none_or(|entry| entry.value.is_none()));
    assert_eq!(running.findings().await, [""; 0]);
}
