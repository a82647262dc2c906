//! The exporter's way to the network: the HTTP client that the command line uses too. It blocks, which is right here,
//! for the exporter runs on a thread of its own.

use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

/// Longest that a collector may take; the queue bounds what waits meanwhile.
const WITHIN: Duration = Duration::from_secs(10);
/// Longest answer that is read: a collector says little.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Sends requests of the exporter.
#[derive(Debug)]
pub(super) struct Client(ureq::Agent);

impl Client {
    pub(super) fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(WITHIN))
            // A collector that has moved is to be configured; headers with secrets follow no redirect.
            .max_redirects(0)
            .http_status_as_error(false)
            .build();
        Self(config.into())
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let answer = self.0.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = answer.into_parts();
        let body = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}
