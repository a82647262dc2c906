//! A revision beside the active one: how it is asked for, looked at, promoted, abandoned.

use axum::Json;
use schemars::JsonSchema;
use serde::Deserialize;
use tailrace_control::{
    command::{
        apply::{AppliedPipeline, Apply},
        condition::Condition,
    },
    error::ControlError,
    query::candidates::CandidateReport,
};
use tailrace_core::{
    registry::candidate::{Canary, MIN_EVENTS, Mode, WHOLE_PPM},
    units::Span,
};

use crate::{access::Access, input::PathParameters, problem::Answer};

/// How a manifest is applied.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct How {
    #[serde(default)]
    force: bool,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    shadow: bool,
    /// A share of the keys: `5%`.
    #[serde(default)]
    canary: Option<String>,
    #[serde(default)]
    max_error_ratio: Option<f64>,
    #[serde(default)]
    max_p99: Option<Span>,
    #[serde(default)]
    min_events: Option<u64>,
}

impl How {
    pub(crate) fn read(self, condition: Condition) -> Result<Apply, ControlError> {
        let limited = self.max_error_ratio.is_some() || self.max_p99.is_some() || self.min_events.is_some();
        let beside = match (self.shadow, self.canary) {
            (true, Some(_)) => return Err(invalid("a candidate is a shadow or a canary; give one of them")),
            (shadow, None) if limited => {
                let what = if shadow {
                    "a shadow ends for no limit"
                } else {
                    "limits are a canary's"
                };
                return Err(invalid(&format!("{what}; give canary=5% with them")));
            }
            (true, None) => Some(Mode::Shadow),
            (false, None) => None,
            (false, Some(share)) => Some(Mode::Canary(Canary {
                share_ppm: share_ppm(&share).ok_or_else(|| {
                    invalid("the share of a canary is above 0 and up to 100%; write canary=5%")
                })?,
                max_error_ratio: self.max_error_ratio,
                max_p99_ms: self.max_p99.map(|span| span.0.as_secs_f64() * 1e3),
                min_events: self.min_events.unwrap_or(MIN_EVENTS),
            })),
        };
        if self.dry_run && beside.is_some() {
            return Err(invalid(
                "a dry run is of what takes the active revision's place; leave shadow and canary out",
            ));
        }
        Ok(Apply {
            forced: self.force,
            beside,
            condition,
            is_dry: self.dry_run,
        })
    }
}

fn invalid(text: &str) -> ControlError {
    ControlError::Invalid(text.to_owned())
}

/// A share in percent, with its sign or without.
fn share_ppm(text: &str) -> Option<u32> {
    let percent: f64 = text.trim().trim_end_matches('%').trim().parse().ok()?;
    let ppm = (percent * f64::from(WHOLE_PPM) / 100.0).round();
    (percent > 0.0 && percent <= 100.0).then_some((ppm as u32).max(1))
}

pub(crate) async fn show(access: Access, path: PathParameters) -> Answer<Json<CandidateReport>> {
    Ok(Json(access.queries.candidate(&path.pipeline(&access)?)?))
}

pub(crate) async fn promote(access: Access, path: PathParameters) -> Answer<Json<AppliedPipeline>> {
    Ok(Json(access.commands.promote(&path.pipeline(&access)?).await?))
}

pub(crate) async fn abandon(access: Access, path: PathParameters) -> Answer<Json<AppliedPipeline>> {
    Ok(Json(access.commands.abandon(&path.pipeline(&access)?).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: serde_json::Value) -> Result<Apply, ControlError> {
        serde_json::from_value::<How>(query).unwrap().read(Condition::Any)
    }

    #[test]
    fn a_share_is_read_in_percent() {
        for (text, wanted) in [
            ("5%", Some(50_000)),
            ("0.5 %", Some(5_000)),
            ("100", Some(WHOLE_PPM)),
        ] {
            assert_eq!(share_ppm(text), wanted, "{text}");
        }
        for text in ["0%", "-1", "101%", "half", "NaN", ""] {
            assert_eq!(share_ppm(text), None, "{text}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let shadow = read(serde_json::json!({ "shadow": true })).unwrap();
        assert_eq!(shadow.beside, Some(Mode::Shadow));
        for query in [
            serde_json::json!({ "shadow": true, "canary": "5%" }),
            serde_json::json!({ "max-error-ratio": 0.1 }),
            serde_json::json!({ "canary": "0%" }),
            serde_json::json!({ "dry-run": true, "shadow": true }),
        ] {
            assert!(read(query.clone()).is_err(), "{query}");
        }
    }
}
