//! `tailrace pipeline revisions` and `rollback`.

use serde::Deserialize;
use serde_json::json;

use crate::cli::{
    client::read,
    global::Session,
    screen::{remark, table_or},
};

#[derive(Deserialize)]
struct AppliedView {
    revision: u64,
    #[serde(default)]
    warnings: Vec<String>,
}

/// Lists the revisions that are kept, the newest first.
pub fn list(name: &str, session: &Session) -> anyhow::Result<()> {
    let answer = session
        .client
        .get(&session.pipeline_route(name, &["revisions"])?)?;
    session.output.show(&answer, || {
        // The list is of numbers only; which of them runs, the pipeline says.
        let pipeline = session.client.get(&session.pipeline_route(name, &[])?)?;
        let active: u64 = read(&pipeline["active"]["number"])?;
        let revisions: Vec<u64> = read(&answer)?;
        let row = |number: u64| {
            let mark = if number == active { "active" } else { "" };
            vec![number.to_string(), mark.to_owned()]
        };
        let rows = revisions.into_iter().rev().map(row).collect();
        Ok(table_or("no revisions are kept", &["revision>", ""], rows))
    })
}

/// Goes back to one of them.
pub fn roll_back(name: &str, to: Option<u64>, force: bool, session: &Session) -> anyhow::Result<()> {
    let body = json!({ "to": to, "force": force });
    let answer = session
        .client
        .post(&session.pipeline_route(name, &["rollback"])?, &body)?;
    session.output.show(&answer, || {
        let AppliedView { revision, warnings } = read(&answer)?;
        for warning in warnings {
            remark(&format!("warning: {warning}"));
        }
        let back = to.map_or("the one before".to_owned(), |to| format!("revision {to}"));
        Ok(format!("{name} went back to {back}, as revision {revision}"))
    })
}
