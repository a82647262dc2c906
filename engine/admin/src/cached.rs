//! Queries are answered from the response cache while that is right. It stands behind the check of the token:
//! a request that is not the tenant's gets no further than without a cache.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use crate::{ApiState, access::Access, input::PathParameters, response_cache::Whole};

/// Answers a query from the cache, or lets the handler answer it and keeps that answer.
pub(crate) async fn answer(
    State(api): State<ApiState>,
    access: Access,
    path: PathParameters,
    request: Request,
    next: Next,
) -> Response {
    let Ok(pipeline) = path.pipeline(&access) else {
        return next.run(request).await;
    };
    // What a HEAD answers has no body to keep.
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let cache = &api.options.response_cache;
    let known = request.headers().clone();
    let asked = request.uri().path_and_query().map_or("", |asked| asked.as_str());
    let asked = asked.to_owned();
    let before = api.queries.version_vector(&pipeline);
    if let Some(whole) = cache.get(&asked, before.as_ref()) {
        return whole.respond(&known);
    }
    let answer = match Whole::of(next.run(request).await).await {
        Ok(whole) => Arc::new(whole),
        Err(answer) => return answer,
    };
    // Nothing has changed while it was made: it is the answer of that version.
    if let Some(version) =
        before.filter(|before| api.queries.version_vector(&pipeline).as_ref() == Some(before))
    {
        cache.keep(asked, version, answer.clone());
    }
    answer.respond(&known)
}
