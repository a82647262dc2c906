//! What operators look at: the engines with their shares, and the streams with their copies.

use axum::Json;
use schemars::JsonSchema;
use serde::Deserialize;
use tailrace_control::query::{broker_streams::BrokerStreamPage, engines::EngineShare};
use tailrace_core::{codes::ApiCode, name::Name};

use crate::{
    access::Operator,
    input::Asked,
    problem::{Answer, Problem},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamsAsked {
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    after: u64,
}

pub(crate) async fn engines(operator: Operator) -> Answer<Json<Vec<EngineShare>>> {
    Ok(Json(operator.queries.engines()?))
}

pub(crate) async fn streams(
    operator: Operator,
    Asked(asked): Asked<StreamsAsked>,
) -> Answer<Json<BrokerStreamPage>> {
    let account = asked.account.as_deref().map(Name::new).transpose();
    let account =
        account.map_err(|cause| Problem::invalid(ApiCode::InvalidRequest, format!("account: {cause}")))?;
    let found = operator.queries.broker_streams(account.as_ref(), asked.after);
    Ok(Json(found.await?))
}
