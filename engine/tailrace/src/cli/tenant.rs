//! `tailrace tenant`: tenants and their tokens.

use clap::Subcommand;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::{read, route},
    global::Session,
    screen::{ago, facts, now_ms, table_or},
};

/// Commands of operators.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Make a tenant, or change what it may read and write.
    #[command(after_help = "Example:\n  tailrace tenant create shop --read 'shop.>' --write 'shop.>'")]
    Create {
        /// Its name.
        name: String,
        /// Subjects that its pipelines may read; may be repeated.
        #[arg(long, required = true, value_name = "PATTERN")]
        read: Vec<String>,
        /// Subjects that its pipelines may publish on; may be repeated.
        #[arg(long, value_name = "PATTERN")]
        write: Vec<String>,
    },
    /// List all tenants.
    #[command(after_help = "Example:\n  tailrace tenant list")]
    List,
    /// Make a token for a tenant; it is shown this once.
    #[command(after_help = "Example:\n  export TAILRACE_TOKEN=$(tailrace tenant token shop)")]
    Token {
        /// Whose.
        name: String,
    },
    /// Delete a tenant that has no pipelines, with its tokens and plugins.
    #[command(after_help = "Example:\n  tailrace tenant delete shop --yes")]
    Delete {
        /// Which.
        name: String,
        /// Really.
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Deserialize)]
struct TenantView {
    name: String,
    read: Vec<String>,
    write: Vec<String>,
    created_ms: u64,
}

/// Runs one of them.
pub fn run(command: TenantCommand, session: &Session) -> anyhow::Result<()> {
    let client = &session.client;
    let at = |name: &str| route(&["v1", "tenants", name]);
    match command {
        TenantCommand::Create {
            name,
            read: reads,
            write,
        } => {
            let answer = client.put(&at(&name), &json!({ "read": reads, "write": write }))?;
            session.output.show(&answer, || {
                let known = facts(&[
                    ("tenant", name.clone()),
                    ("read", reads.join(" ")),
                    ("write", write.join(" ")),
                ]);
                Ok(format!("{known}\n\nnext: tailrace tenant token {name}"))
            })
        }
        TenantCommand::List => {
            let answer = client.get(&route(&["v1", "tenants"]))?;
            session.output.show(&answer, || {
                let tenants: Vec<TenantView> = read(&answer)?;
                let row = |tenant: TenantView| {
                    vec![
                        tenant.name,
                        tenant.read.join(" "),
                        tenant.write.join(" "),
                        ago(tenant.created_ms, now_ms()),
                    ]
                };
                Ok(table_or(
                    "there are no tenants yet",
                    &["tenant", "read", "write", "made"],
                    tenants.into_iter().map(row).collect(),
                ))
            })
        }
        TenantCommand::Token { name } => {
            let answer = client.post(&route(&["v1", "tenants", &name, "tokens"]), &json!({}))?;
            // The token alone, so that a shell can take it up.
            session.output.show(&answer, || read(&answer["token"]))
        }
        TenantCommand::Delete { name, .. } => {
            let answer = client.delete(&at(&name))?;
            session
                .output
                .show(&answer, || Ok(format!("tenant {name} is deleted")))
        }
    }
}
