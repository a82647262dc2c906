//! From the table of routes to what serves them. Each request carries the audience of its route. Around all
//! routes stand, from the inside out: a deadline, a bound on bodies, the rate limiter, an id for the log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use tailrace_core::{codes::ApiCode, tasks};

use crate::{
    ApiState, console,
    input::MAX_BODY_BYTES,
    limit::{Limits, hold_back},
    openapi::{Description, document},
    problem::Problem,
    routes::routes,
};

/// The API.
pub fn router(state: ApiState) -> Router {
    let deadline = state.options.request_deadline;
    let limits = (Limits::new(state.options.rates), state.clone());
    let routes = routes();
    let description: Description = Arc::new(document(&routes));
    let table = routes.into_iter().fold(Router::new(), |router, route| {
        let (path, audience) = (route.path, route.audience);
        // `access` reads from each request what its route needs.
        router.route(path, route.handler(&state).layer(Extension(audience)))
    });
    console::mount(table)
        .fallback(|| async { Problem::not_found("route; /openapi.json lists them all") })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ApiCode::MethodNotAllowed,
                "this route does not take this method",
            )
        })
        .layer(Extension(description))
        // A body that drips in must not hold a handler for ever.
        .layer(middleware::from_fn_with_state(deadline, within))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(limits, hold_back))
        // Outermost, so that every answer can be found in the log.
        .layer(middleware::from_fn(identify))
        .with_state(state)
}

/// Answers in time, or says that it does not. A change goes on when its client goes away, or has waited too long:
/// half of it would help nobody.
async fn within(State(deadline): State<Duration>, request: Request, next: Next) -> Response {
    let answer = if request.method().is_safe() {
        tokio::time::timeout(deadline, next.run(request)).await.ok()
    } else {
        let change = tasks::spawn(next.run(request));
        let answer = tokio::time::timeout(deadline, change).await.ok();
        answer.map(|answer| answer.unwrap_or_else(|panic| lost(&panic)))
    };
    match answer {
        Some(response) => response,
        None => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            ApiCode::Timeout,
            "the request took too long",
        )
        .into_response(),
    }
}

fn lost(panic: &tokio::task::JoinError) -> Response {
    tracing::error!(%panic, "a request panicked");
    let detail = "the engine failed; its log says more, under this request's id";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ApiCode::Internal, detail).into_response()
}

async fn identify(request: Request, next: Next) -> Response {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    tracing::debug!(id, %method, path, status = response.status().as_u16(), "request");
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("tr-request-id"), HeaderValue::from(id));
    // What a plugin wrote is served as it is; no browser may take it for something else.
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
