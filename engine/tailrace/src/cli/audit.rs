//! `tailrace audit`: who changed what.

use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

use super::{
    client::{query, read},
    global::Session,
    screen::{ago, now_ms, table_or},
};

/// Commands that look at the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List changes, newest first: those of the tenant, or of all where none is named (for operators).
    #[command(
        after_help = "Examples:\n  tailrace audit list --tenant shop --limit 20\n  tailrace audit list --all --before 1042 --output json"
    )]
    List {
        /// List changes of all tenants, even if a tenant is named.
        #[arg(long)]
        all: bool,
        /// List only changes before this sequence: the lowest one of the page before.
        #[arg(long, value_name = "SEQUENCE")]
        before: Option<u64>,
        /// The most changes to list, up to 500.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
}

#[derive(Deserialize)]
struct RecordView {
    sequence: u64,
    at_ms: u64,
    who: WhoView,
    action: String,
    tenant: Option<String>,
    target: String,
    after: Option<Value>,
    outcome: String,
    code: Option<String>,
}

#[derive(Deserialize)]
struct WhoView {
    token: Option<String>,
    scope: String,
    label: Option<String>,
}

/// Runs one of them.
pub fn run(command: &AuditCommand, session: &Session) -> anyhow::Result<()> {
    let AuditCommand::List { all, before, limit } = *command;
    let at = if all || !session.names_a_tenant() {
        "/v1/audit".to_owned()
    } else {
        session.tenant_route(&["audit"])?
    };
    let page = query(&[
        ("before", before.map(|before| before.to_string())),
        ("limit", Some(limit.to_string())),
    ]);
    let answer = session.client.get(&(at + &page))?;
    session.output.show(&answer, || {
        let records: Vec<RecordView> = read(&answer)?;
        Ok(table_or(
            "nothing was changed yet",
            &[
                "sequence>",
                "when",
                "who",
                "did",
                "tenant",
                "to",
                "outcome",
                "after",
            ],
            records.into_iter().map(row).collect(),
        ))
    })
}

fn row(record: RecordView) -> Vec<String> {
    let WhoView { token, scope, label } = record.who;
    let who = [Some(scope), label.or(token)];
    let outcome = [Some(record.outcome), record.code];
    vec![
        record.sequence.to_string(),
        ago(record.at_ms, now_ms()),
        who.into_iter().flatten().collect::<Vec<_>>().join(" "),
        record.action,
        record.tenant.unwrap_or_default(),
        record.target,
        outcome.into_iter().flatten().collect::<Vec<_>>().join(" "),
        record.after.map(|after| after.to_string()).unwrap_or_default(),
    ]
}
