//! What streams say beside their items: which partitions they show, and what was missed.

use serde_json::Value;

use crate::cli::{
    global::Session,
    screen::{printable, remark},
};

/// Says on standard error why nothing comes, where the pipeline does not run now. A server that does not tell says what
/// is wrong when the stream is asked for.
pub fn remark_standstill(session: &Session, pipeline: &str) -> anyhow::Result<()> {
    let status = session
        .client
        .get(&session.pipeline_route(pipeline, &["status"])?);
    if let Some(why) = status.ok().as_ref().and_then(standstill) {
        remark(&why);
    }
    Ok(())
}

fn standstill(status: &Value) -> Option<String> {
    let state = status["state"].as_str()?;
    if matches!(state, "running" | "starting" | "creating") {
        return None;
    }
    let reason = status["reason"].as_str().map(printable);
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    Some(format!("the pipeline is {state}{reason}"))
}

/// Says it on standard error, so that the output holds nothing but the items. That the server ends it is an error.
pub fn remark_aside(name: &str, data: &Value) -> anyhow::Result<()> {
    let number = |field: &str| data[field].as_u64().unwrap_or(0);
    match name {
        "shown" => {
            let (here, all) = (data["partitions"].as_array().map_or(0, Vec::len), number("of"));
            if (here as u64) < all {
                remark(&format!(
                    "this engine has {here} of the {all} partitions; the others are not shown"
                ));
            }
        }
        "missed" => {
            let (dropped, limited) = (number("dropped"), number("limited"));
            remark(&format!(
                "not shown: {limited} beyond the rate of a stream, {dropped} because they were not read in time"
            ));
        }
        "ended" => anyhow::bail!(
            "the server ended it: {}",
            printable(data["reason"].as_str().unwrap_or("it does not say why"))
        ),
        _ => {}
    }
    Ok(())
}

/// The stream has ended without a word. That is right where all that was asked for has come.
pub fn check_end(shown: u64, wanted: Option<u64>) -> anyhow::Result<()> {
    if wanted.is_some_and(|wanted| shown >= wanted) {
        return Ok(());
    }
    anyhow::bail!(
        "the stream has ended, and the server did not say why; it may have stopped: run the command again"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_that_does_not_run_is_named_with_its_reason() {
        let status = |state: &str| serde_json::json!({ "state": state, "reason": "gone\u{1b}" });
        let told = standstill(&status("parked"));
        assert_eq!(told.as_deref(), Some("the pipeline is parked: gone\\u{1b}"));
        assert_eq!(standstill(&status("running")), None);
        assert_eq!(
            standstill(&serde_json::json!({ "state": "paused" })).as_deref(),
            Some("the pipeline is paused")
        );
    }

    #[test]
    fn a_stream_that_ends_before_all_has_come_is_an_error() {
        assert!(check_end(2, Some(2)).is_ok());
        for (shown, wanted) in [(1, Some(2)), (5, None), (0, None)] {
            assert!(check_end(shown, wanted).is_err(), "{shown} of {wanted:?}");
        }
    }

    #[test]
    fn a_stream_that_the_server_ends_is_an_error_with_its_reason() {
        let ended = serde_json::json!({ "reason": "the token was revoked" });
        let error = remark_aside("ended", &ended).unwrap_err().to_string();
        assert_eq!(error, "the server ended it: the token was revoked");
        assert!(remark_aside("alive", &Value::Null).is_ok());
    }
}
