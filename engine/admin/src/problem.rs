//! Errors as clients see them: `application/problem+json` (RFC 9457) with a stable `code`. The one
//! place where an error gets its HTTP status. Nothing of the host's gets into an answer.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use tailrace_control::error::ControlError;
use tailrace_core::{codes::ApiCode, manifest::mistakes::Mistake, ports::broker::BrokerError};

/// When it is worth asking again for what was refused for want of room: about a compilation later.
const RETRY_AFTER_SECONDS: &str = "5";

/// Longest text of a mistake.
const MAX_MISTAKE_CHARS: usize = 400;

/// The page that explains each code under an anchor of the same name.
const ERRORS: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/main/docs/reference/errors.md"
);

/// The explanation of a code.
pub(crate) fn page_of(code: ApiCode) -> String {
    format!("{ERRORS}#{}", code.as_str())
}

/// An error, as it is sent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    /// The page that explains the code.
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, for people.
    detail: String,
    /// Which kind of error it is, for programs. It never changes its meaning; new ones may be added.
    #[schemars(extend("examples" = known_codes()))]
    code: &'static str,
    /// Path of the field that is wrong, in a pipeline's manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Box<str>>,
    /// All that is wrong with a pipeline's manifest, in the order of the text. `field` and `detail` tell the first.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mistakes: Box<[ManifestMistake]>,
}

/// A mistake in a pipeline's manifest.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct ManifestMistake {
    /// Path of the field.
    field: String,
    /// What is wrong, and what would be right.
    detail: String,
    /// Its line in the manifest, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// Its column, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

impl From<&Mistake> for ManifestMistake {
    fn from(mistake: &Mistake) -> Self {
        Self {
            field: short(&mistake.error.path),
            detail: short(&mistake.error.message),
            line: mistake.position.map(|position| position.line),
            column: mistake.position.map(|position| position.column),
        }
    }
}

/// What a manifest says comes back in mistakes, and there may be many.
fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_MISTAKE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn known_codes() -> Vec<&'static str> {
    ApiCode::ALL.iter().map(|code| code.as_str()).collect()
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: ApiCode, detail: impl Into<String>) -> Self {
        Self {
            kind: page_of(code),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.as_str(),
            field: None,
            mistakes: Box::default(),
        }
    }

    pub(crate) fn unauthorized() -> Self {
        let detail = "a valid token is needed: send `Authorization: Bearer <token>`";
        Self::new(StatusCode::UNAUTHORIZED, ApiCode::Unauthorized, detail)
    }

    /// The same for what is not there and for what the bearer must not know of.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ApiCode::NotFound,
            format!("there is no such {what}"),
        )
    }

    pub(crate) fn invalid(code: ApiCode, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }
}

impl From<ControlError> for Problem {
    fn from(cause: ControlError) -> Self {
        let status = match &cause {
            ControlError::NotFound { .. } => StatusCode::NOT_FOUND,
            ControlError::Conflict(_) | ControlError::Raced(_) => StatusCode::CONFLICT,
            ControlError::RegistryInDoubt(_) => StatusCode::SERVICE_UNAVAILABLE,
            ControlError::Precondition(_) => StatusCode::PRECONDITION_FAILED,
            ControlError::Spec(_) | ControlError::Invalid(_) | ControlError::Plugin(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ControlError::Forbidden(_) | ControlError::Quota(_) => StatusCode::FORBIDDEN,
            ControlError::Crowded(_) | ControlError::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            ControlError::Broker(BrokerError::Refused { .. }) => StatusCode::BAD_GATEWAY,
            ControlError::Broker(BrokerError::Unreachable(reason)) => {
                tracing::warn!(reason, "a request failed at the broker");
                // The reason may hold the broker's address.
                let detail = "the broker did not answer in time; whether the request took effect is not known, so look before you repeat it";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, cause.code(), detail);
            }
            ControlError::Unaudited(reason) => {
                tracing::warn!(%reason, "a change was refused, for the audit log cannot be written");
                let detail = "nothing was changed, because the audit log cannot be written now; ask again when the broker is well";
                let detail = match reason {
                    BrokerError::Refused { .. } => format!("{detail}; {reason}"),
                    _ => detail.to_owned(),
                };
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, cause.code(), detail);
            }
            ControlError::Broker(BrokerError::NoStream(_)) | ControlError::Account(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ControlError::Internal(reason) => {
                tracing::error!(reason, "a request failed");
                let detail = "the engine failed; its log says more, under this request's id";
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, cause.code(), detail);
            }
        };
        match &cause {
            ControlError::Spec(refusal) => {
                let mistakes: Box<[_]> = refusal.mistakes().iter().map(ManifestMistake::from).collect();
                let first = refusal.first();
                let detail = match mistakes.len() - 1 {
                    0 => first.message.clone(),
                    1 => format!("{}; and there is another mistake", first.message),
                    more => format!("{}; and there are {more} other mistakes", first.message),
                };
                Self {
                    field: Some(first.path.as_str().into()),
                    mistakes,
                    ..Self::new(status, cause.code(), detail)
                }
            }
            _ => Self::new(status, cause.code(), cause.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What a handler gives.
pub(crate) type Answer<T> = Result<T, Problem>;
