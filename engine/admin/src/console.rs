//! The console on the wire. Its files are no part of the API: they are the same for everybody, need no token and
//! stand in no table, so the description of the API does not list them.
//!
//! Why: docs/decisions/0072-the-console-is-static-files.md

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Request},
    http::{HeaderName, HeaderValue, Response, StatusCode, header, request::Parts},
    response::Redirect,
    routing::get,
};
use tailrace_console as console;

use crate::ApiState;

/// Where the console is.
pub(crate) fn mount(router: Router<ApiState>) -> Router<ApiState> {
    router
        .route("/console", get(|| async { Redirect::permanent("/console/") }))
        .route("/console/", get(page))
        .route("/console/{*path}", get(file))
}

async fn page(request: Request) -> Response<Body> {
    serve("", &request.into_parts().0)
}

async fn file(Path(path): Path<String>, request: Request) -> Response<Body> {
    serve(&path, &request.into_parts().0)
}

fn serve(path: &str, parts: &Parts) -> Response<Body> {
    let header = |name| {
        let value = parts.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let answer = console::answer(console::Request {
        path,
        accept_encoding: header(header::ACCEPT_ENCODING),
        if_none_match: header(header::IF_NONE_MATCH),
    });
    let mut response = Response::new(Body::from(Bytes::from_static(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        // Constants and hexadecimal digits.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}
