//! `tailrace doctor`: what is not as it should be, and what mends it.

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::{query, read},
    global::Session,
    screen::table_or,
};

/// What to do about it.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Mend what can be mended without a decision of yours. Every mended thing is in the audit log.
    #[arg(long)]
    fix: bool,
    /// Where the registry is lost and no backup has it: go on without it. All that only the lost registry knew is
    /// deleted: outputs, state, dead letters, plugins.
    #[arg(long, requires = "fix")]
    accept_registry_loss: bool,
}

#[derive(Deserialize)]
struct ExaminationView {
    findings: Vec<FindingView>,
    #[serde(default)]
    mended: Vec<MendedView>,
}

#[derive(Deserialize)]
struct FindingView {
    kind: String,
    what: String,
    #[serde(default)]
    nats_account: Option<String>,
    detail: String,
    mend: String,
}

#[derive(Deserialize)]
struct MendedView {
    kind: String,
    what: String,
    mended: bool,
    #[serde(default)]
    why_not: Option<String>,
}

/// Looks, and mends where that is asked for. Ends with 1 where something is left.
pub fn run(args: &DoctorArgs, session: &Session) -> anyhow::Result<()> {
    let answer = if args.fix {
        let accepted = args.accept_registry_loss.then(|| "true".to_owned());
        let how = query(&[("accept-registry-loss", accepted)]);
        session.client.post(&format!("/v1/doctor/fix{how}"), &json!({}))?
    } else {
        session.client.get("/v1/doctor")?
    };
    let left = read::<ExaminationView>(&answer)?.findings.len();
    session.output.show(&answer, || {
        let found: ExaminationView = read(&answer)?;
        let mut text = String::new();
        for MendedView {
            kind,
            what,
            mended,
            why_not,
        } in found.mended
        {
            let outcome = if mended { "mended" } else { "not mended" };
            let why_not = why_not.map(|why| format!(": {why}")).unwrap_or_default();
            text.extend([outcome, " ", &kind, " ", &what, &why_not, "\n"]);
        }
        let rows = found.findings.into_iter().map(|found| {
            let what = match found.nats_account {
                Some(account) => format!("{} (NATS account {account})", found.what),
                None => found.what,
            };
            vec![found.kind, what, found.detail, found.mend]
        });
        text += &table_or(
            "everything is as it should be",
            &["kind", "what", "detail", "mended by"],
            rows.collect(),
        );
        Ok(text)
    })?;
    if left > 0 {
        bail!("not everything is as it should be: {left} found");
    }
    Ok(())
}
