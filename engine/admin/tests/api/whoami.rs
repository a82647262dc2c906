//! What a token learns of itself: the same for an operator's and a tenant's, and never the secret.

use serde_json::json;

use crate::stage::{OPERATOR, Stage};

const ROUTE: &str = "/v1/whoami";

#[tokio::test]
async fn a_token_learns_whose_it_is_what_it_may_do_and_who_answers() {
    let stage = Stage::set().await;
    let request = json!({ "scope": "read", "label": "dashboard", "expires-in": "1h" });
    let made = stage
        .ok("POST", "/v1/tenants/shop/tokens", request.to_string())
        .await
        .json();
    let answer = stage
        .ask("GET", ROUTE, &[made["token"].as_str().unwrap_or_default()], "")
        .await;
    let own = answer.json();
    for field in ["tenant", "id", "scope", "label", "created_ms", "expires_ms"] {
        assert_eq!(own[field], made[field], "{field}: {own}");
    }
    assert_eq!(own["tenant"], "shop");
    assert_eq!(own["engine"], "engine");
    assert_eq!(own["version"], env!("CARGO_PKG_VERSION"));
    let shown = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!shown.contains("tr_") && !shown.contains("hash"), "{shown}");
}

#[tokio::test]
async fn an_operators_token_is_of_no_tenant() {
    let stage = Stage::set().await;
    let own = stage.ask("GET", ROUTE, &[OPERATOR], "").await.json();
    assert!(own.get("tenant").is_none(), "{own}");
    assert_eq!(own["scope"], "admin");
}
