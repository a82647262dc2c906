//! What the request's own token is, and which engine answers: for whoever wonders why something is refused.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;
use tailrace_control::query::tokens::OwnToken;

use crate::access::Anybody;

/// What a token is, and who says so.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Whoami {
    #[serde(flatten)]
    token: OwnToken,
    /// Of the engine that answers.
    version: &'static str,
}

pub(crate) async fn whoami(Anybody(token): Anybody) -> Json<Whoami> {
    Json(Whoami {
        token,
        version: env!("CARGO_PKG_VERSION"),
    })
}
