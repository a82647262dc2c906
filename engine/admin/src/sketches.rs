//! Queries of sketches: of all time or of windows, of all groups or of some.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Deserialize;
use tailrace_control::query::{
    drift::DriftView,
    sketches::{Point, SketchAsk, SketchView},
};
use tailrace_core::{
    codes::ApiCode,
    series::{Group, Groups},
    units::Span,
};
use tailrace_sketch::{Query, Report};

use crate::{
    ApiState,
    access::Access,
    input::{Asked, PathParameters},
    problem::{Answer, Problem},
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SketchQuery {
    /// Quantiles, parted by commas.
    q: Option<String>,
    /// An item, for `top` and `seen`.
    item: Option<String>,
    /// Beginning in event time.
    from: Option<String>,
    /// End in event time.
    to: Option<String>,
    /// Whether to show each group.
    #[serde(default)]
    by: bool,
    /// The group of this value.
    group: Option<String>,
    /// The group `other` or `missing`.
    rest: Option<Rest>,
}

/// Groups that are no value, named in a parameter of their own so that no value can be taken for one.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Rest {
    Other,
    Missing,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriftQuery {
    /// The last stretch of event time; 1h without it.
    last: Option<String>,
    /// The stretch before it; 24h without it.
    base: Option<String>,
}

pub(crate) async fn drift(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(asked): Asked<DriftQuery>,
) -> Answer<Json<DriftView>> {
    let span = |name: &str, given: &Option<String>, default: &str| {
        let text = given.as_deref().unwrap_or(default);
        let read = text.parse::<Span>().and_then(|span| match span.as_millis() {
            0 => Err("no time at all".to_owned()),
            _ => Ok(span.0),
        });
        read.map_err(|why| Problem::invalid(ApiCode::InvalidQuery, format!("{name}: {why}")))
    };
    let (last, base) = (
        span("last", &asked.last, "1h")?,
        span("base", &asked.base, "24h")?,
    );
    let pipeline = path.pipeline(&access)?;
    let found = api.queries.drift(&pipeline, path.text("sketch"), last, base);
    Ok(Json(found.await?))
}

pub(crate) async fn sketches(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
) -> Answer<Json<BTreeMap<String, Report>>> {
    let found = api.queries.sketches(&path.pipeline(&access)?).await?;
    Ok(Json(found.into_iter().collect()))
}

pub(crate) async fn sketch(
    access: Access,
    State(api): State<ApiState>,
    path: PathParameters,
    Asked(asked): Asked<SketchQuery>,
) -> Answer<Json<SketchView>> {
    let pipeline = path.pipeline(&access)?;
    let item_hash = asked
        .item
        .as_ref()
        .map(|item| api.queries.hash_item(&access.tenant, item))
        .transpose()?;
    let ask = SketchAsk {
        query: Query {
            quantiles: asked.q.as_deref().map(quantiles).transpose()?.unwrap_or_default(),
            item_hash,
            item: asked.item,
        },
        from: asked.from.map(|text| point("from", &text)).transpose()?,
        to: asked.to.map(|text| point("to", &text)).transpose()?,
        groups: groups(asked.by, asked.group, asked.rest)?,
    };
    let view = api.queries.sketch_view(&pipeline, path.text("sketch"), &ask);
    Ok(Json(view.await?))
}

fn point(name: &str, text: &str) -> Answer<Point> {
    let wrong = |cause: String| Problem::invalid(ApiCode::InvalidQuery, format!("{name}={cause}"));
    text.parse().map_err(wrong)
}

fn groups(each: bool, value: Option<String>, rest: Option<Rest>) -> Answer<Groups> {
    match (each, value, rest) {
        (false, None, None) => Ok(Groups::Together),
        (true, None, None) => Ok(Groups::Each),
        (false, Some(value), None) => Ok(Groups::One(Group::Value(value))),
        (false, None, Some(Rest::Other)) => Ok(Groups::One(Group::Other)),
        (false, None, Some(Rest::Missing)) => Ok(Groups::One(Group::Missing)),
        _ => Err(Problem::invalid(
            ApiCode::InvalidQuery,
            "ask in one way for groups: by=true for each, group=… for that of a value, or rest=other",
        )),
    }
}

/// Most quantiles of one answer: each is a search in a merged sketch.
const MAX_QUANTILES: usize = 100;

fn quantiles(text: &str) -> Answer<Vec<f64>> {
    let wrong = || {
        Problem::invalid(
            ApiCode::InvalidQuery,
            format!("q={text:?} is no list of quantiles; write q=0.5,0.99"),
        )
    };
    let one = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|q| (0.0..=1.0).contains(q))
            .ok_or_else(wrong)
    };
    let quantiles: Vec<f64> = text.split(',').map(one).collect::<Answer<_>>()?;
    if quantiles.len() > MAX_QUANTILES {
        return Err(Problem::invalid(
            ApiCode::InvalidQuery,
            format!(
                "q names {} quantiles; ask for at most {MAX_QUANTILES} at once",
                quantiles.len()
            ),
        ));
    }
    Ok(quantiles)
}
