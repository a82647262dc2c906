//! The HTTP client of the command line: blocking, one request a command, mostly. It speaks the API of
//! `engine/admin`, turns refusals into [`Problem`]s, and never follows a redirect, because that could
//! carry the token elsewhere.

use std::{io::Read, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use ureq::{
    Agent, SendBody,
    http::{Method, Request, Response, Uri},
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{
    error::{CliError, Problem, misuse},
    events::Events,
    screen::remark,
};

/// Longest wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for an answer; applying a pipeline compiles its plugins where no engine has them yet.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);
/// Longest upload with its answer: the server compiles for at most 60 seconds, and a slow line needs
/// time for 32 MiB.
const UPLOAD_WITHIN: Duration = Duration::from_mins(5);
/// Largest answer: a full page of dead letters, each as large as a message may be, is within it.
const MAX_ANSWER_BYTES: u64 = 1 << 30;
/// What stays as it is in a path segment. The dot does not, so that no segment is `..`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// A path of these segments.
pub fn route(segments: &[&str]) -> String {
    let parts = segments
        .iter()
        .map(|segment| utf8_percent_encode(segment, SEGMENT).to_string());
    parts.fold(String::new(), |path, part| path + "/" + &part)
}

/// A query of these parameters; those without a value are left out.
pub fn query(parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let pairs: Vec<String> = given
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    }
}

/// Reads a part of an answer that the text output needs.
pub fn read<T: DeserializeOwned>(value: &Value) -> anyhow::Result<T> {
    serde_path_to_error::deserialize(value).map_err(|cause| {
        misuse(
            format!("the server's answer is not understood: {cause}"),
            "use a command line of the server's version, or --output json",
        )
    })
}

/// A server, and what to show it.
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Client {
    /// Checks the address; does not connect yet.
    pub fn new(url: &str, token: Option<String>, ca: Option<&Path>) -> anyhow::Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        let wrong = || {
            misuse(
                format!("{url:?} is not the address of a server"),
                "write http://host:port or https://host",
            )
        };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let host = uri.host().ok_or_else(wrong)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
        if !known {
            return Err(wrong());
        }
        let is_here = is_loopback(host);
        if token.is_some() && !is_here && uri.scheme_str() == Some("http") {
            remark(&format!(
                "warning: the token goes to {host} unencrypted; use https"
            ));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("tailrace/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_WITHIN))
            .timeout_global(Some(ANSWER_WITHIN));
        if let Some(file) = ca {
            config = config.tls_config(TlsConfig::builder().root_certs(vouchers(file)?).build());
        }
        if is_here {
            // A proxy from the environment cannot reach this machine.
            config = config.proxy(None);
        }
        Ok(Self {
            agent: config.build().into(),
            url,
            token,
        })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        json(&self.send(Method::GET, path, None)?)
    }

    /// Asks for bytes as they are.
    pub fn get_bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        self.send(Method::GET, path, None)
    }

    /// Asks for bytes as they are, and for a header of the answer.
    pub fn get_bytes_with(&self, path: &str, header: &str) -> anyhow::Result<(Vec<u8>, Option<String>)> {
        let request = self.request(Method::GET, path).body(());
        let sent = self.agent.run(request.map_err(|cause| self.malformed(&cause))?);
        let value = sent.as_ref().ok().and_then(|answer| {
            let value = answer.headers().get(header)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Ok((self.finish(sent)?, value))
    }

    /// Puts a JSON document.
    pub fn put(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Value> {
        json(&self.send(Method::PUT, path, Some(serde_json::to_vec(body)?))?)
    }

    /// Puts a text as it is, and reads the answer.
    pub fn put_text(&self, path: &str, kind: &str, text: Vec<u8>) -> anyhow::Result<Value> {
        json(&self.send_as(Method::PUT, path, Some((kind, text)))?)
    }

    /// Posts a JSON document.
    pub fn post(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Value> {
        json(&self.send(Method::POST, path, Some(serde_json::to_vec(body)?))?)
    }

    /// Deletes.
    pub fn delete(&self, path: &str) -> anyhow::Result<Value> {
        json(&self.send(Method::DELETE, path, None)?)
    }

    /// Uploads `size` bytes.
    pub fn upload(
        &self,
        path: &str,
        body: &mut dyn Read,
        size: u64,
        content_type: &str,
    ) -> anyhow::Result<Value> {
        let request = self
            .request(Method::PUT, path)
            .header("content-type", content_type)
            .header("content-length", size);
        let request = request
            .body(SendBody::from_reader(body))
            .map_err(|cause| self.malformed(&cause))?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(UPLOAD_WITHIN))
            .build();
        json(&self.finish(self.agent.run(request))?)
    }

    /// Asks for a stream and reads its events as they come. Only the wait for its beginning is bounded.
    pub fn follow(&self, path: &str) -> anyhow::Result<Events<impl Read + use<>>> {
        let request = self.request(Method::GET, path).body(());
        let request = self
            .agent
            .configure_request(request.map_err(|cause| self.malformed(&cause))?)
            .timeout_global(None)
            .timeout_recv_response(Some(ANSWER_WITHIN))
            .build();
        match self.agent.run(request) {
            Ok(answer) if answer.status().is_success() => Ok(Events::new(answer.into_body().into_reader())),
            answer => {
                self.finish(answer)?;
                anyhow::bail!("the server answers, but gives no stream")
            }
        }
    }

    fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
        self.send_as(method, path, body.map(|body| ("application/json", body)))
    }

    fn send_as(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> anyhow::Result<Vec<u8>> {
        let request = self.request(method, path);
        let sent = match body {
            Some((kind, body)) => {
                let request = request.header("content-type", kind).body(body);
                self.agent.run(request.map_err(|cause| self.malformed(&cause))?)
            }
            None => self
                .agent
                .run(request.body(()).map_err(|cause| self.malformed(&cause))?),
        };
        self.finish(sent)
    }

    fn request(&self, method: Method, path: &str) -> ureq::http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// A token with a line break in it, mostly.
    fn malformed(&self, cause: &ureq::http::Error) -> anyhow::Error {
        misuse(
            format!("no request to {} can be made with this token: {cause}", self.url),
            "look at the token, and at the address, for stray characters",
        )
    }

    fn finish(&self, answer: Result<Response<ureq::Body>, ureq::Error>) -> anyhow::Result<Vec<u8>> {
        let answer = answer.map_err(|cause| self.failed(cause))?;
        let (parts, mut body) = answer.into_parts();
        let read = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        let bytes = read.map_err(|cause| CliError::Lost {
            url: self.url.clone(),
            cause: cause.to_string(),
        })?;
        if parts.status.is_success() {
            return Ok(bytes);
        }
        let status = parts.status.as_u16();
        let problem = serde_json::from_slice::<Problem>(&bytes)
            .ok()
            .filter(|problem| !problem.code.is_empty());
        Err(match problem {
            Some(problem) => CliError::Refused(Problem { status, ..problem }).into(),
            None => CliError::Foreign {
                url: self.url.clone(),
                status,
            }
            .into(),
        })
    }

    fn failed(&self, cause: ureq::Error) -> CliError {
        let url = self.url.clone();
        match cause {
            ureq::Error::Io(cause) if cause.kind() == std::io::ErrorKind::ConnectionRefused => {
                CliError::Unreachable {
                    url,
                    cause: "connection refused".to_owned(),
                }
            }
            ureq::Error::HostNotFound => CliError::Unreachable {
                url,
                cause: "there is no such host".to_owned(),
            },
            // How the standard library tells of a name that does not resolve: it has no kind of its own.
            ureq::Error::Io(cause) if is_unresolved(&cause) => CliError::Unreachable {
                url,
                cause: "there is no such host".to_owned(),
            },
            ureq::Error::ConnectionFailed
            | ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                CliError::Unreachable {
                    url,
                    cause: cause.to_string(),
                }
            }
            cause => match unspoken(&cause, &url) {
                Some(cause) => CliError::Unspoken { url, cause },
                None => CliError::Lost {
                    url,
                    cause: cause.to_string(),
                },
            },
        }
    }
}

fn is_unresolved(cause: &std::io::Error) -> bool {
    cause.to_string().contains("failed to lookup address information")
}

/// Why there is no common language, where that is what went wrong: then the request was not even begun.
fn unspoken(cause: &ureq::Error, url: &str) -> Option<String> {
    let is_encrypted = url.starts_with("https:");
    match cause {
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => Some(cause.to_string()),
        // How rustls tells of a handshake that failed.
        ureq::Error::Io(cause) if is_encrypted && cause.kind() == std::io::ErrorKind::InvalidData => {
            let cause = cause.to_string();
            // How rustls tells of an answer that is no TLS.
            let is_plain = cause.contains("InvalidContentType");
            let told = "what answers there does not speak TLS; is it http?";
            Some(if is_plain { told.to_owned() } else { cause })
        }
        ureq::Error::Protocol(cause) if !is_encrypted && cause.to_string().contains("parse") => {
            Some("what answers there is no HTTP; is it https?".to_owned())
        }
        _ => None,
    }
}

/// The certificates of a file.
fn vouchers(file: &Path) -> anyhow::Result<RootCerts> {
    let wrong = |cause: String| {
        misuse(
            format!("{} holds no certificates: {cause}", file.display()),
            "give --ca a PEM file of the authority that signed the server's certificate",
        )
    };
    let pem = std::fs::read(file).map_err(|cause| wrong(cause.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|cause| wrong(cause.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(wrong("it has none in PEM".to_owned()));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

fn json(bytes: &[u8]) -> anyhow::Result<Value> {
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(bytes).context("the server's answer is no JSON")
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
