//! `tailrace pipeline revisions` and `rollback`.

use serde::Deserialize;
use serde_json::json;

use crate::cli::{client::read, global::Session, screen::table_or};

#[derive(Deserialize)]
struct RevisionsView {
    active: u64,
    revisions: Vec<u64>,
}

#[derive(Deserialize)]
struct AppliedView {
    revision: u64,
}

/// Lists the revisions that are kept.
pub fn list(name: &str, session: &Session) -> anyhow::Result<()> {
    let answer = session
        .client
        .get(&session.pipeline_route(name, &["revisions"])?)?;
    session.output.show(&answer, || {
        let RevisionsView { active, revisions } = read(&answer)?;
        let row = |number: u64| {
            vec![
                number.to_string(),
                if number == active {
                    "active".to_owned()
                } else {
                    String::new()
                },
            ]
        };
        Ok(table_or(
            "no revisions are kept",
            &["revision>", ""],
            revisions.into_iter().rev().map(row).collect(),
        ))
    })
}

/// Goes back to one of them.
pub fn roll_back(name: &str, to: Option<u64>, session: &Session) -> anyhow::Result<()> {
    let body = to.map_or_else(|| json!({}), |to| json!({ "to": to }));
    let answer = session
        .client
        .post(&session.pipeline_route(name, &["rollback"])?, &body)?;
    session.output.show(&answer, || {
        let AppliedView { revision } = read(&answer)?;
        let back = to.map_or("the one before".to_owned(), |to| format!("revision {to}"));
        Ok(format!("{name} went back to {back}, as revision {revision}"))
    })
}
