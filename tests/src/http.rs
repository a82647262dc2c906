//! Requests to the API, off the runtime.

use serde_json::Value;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its `ETag`.
    pub tag: Option<String>,
    /// Its body, as JSON where it is JSON.
    pub body: Value,
    /// Its body as text.
    pub text: String,
}

/// Sends a request.
pub async fn send(method: &str, url: String, token: Option<String>, body: Vec<u8>) -> anyhow::Result<Answer> {
    send_with(method, url, token, &[], body).await
}

/// Sends a request with further headers.
pub async fn send_with(
    method: &str,
    url: String,
    token: Option<String>,
    headers: &[(&'static str, &str)],
    body: Vec<u8>,
) -> anyhow::Result<Answer> {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    let method = method.to_owned();
    tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(method.as_str()).uri(url);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut response = agent.run(request.body(body)?)?;
        let status = response.status().as_u16();
        let tag = response.headers().get("etag");
        let tag = tag.and_then(|tag| Some(tag.to_str().ok()?.to_owned()));
        let text = String::from_utf8_lossy(&response.body_mut().with_config().limit(64 << 20).read_to_vec()?)
            .into_owned();
        Ok(Answer {
            status,
            tag,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        })
    })
    .await?
}
