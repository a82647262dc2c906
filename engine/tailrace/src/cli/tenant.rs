//! `tailrace tenant`: tenants and their tokens.

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::{Client, read, route},
    global::Session,
    quota::{self, QuotaArgs},
    screen::{ago, facts, now_ms, table_or},
    token::{self, TokenCommand},
};

/// Commands of operators.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Create a tenant, or change its grants.
    #[command(
        after_help = "Examples:\n  tailrace tenant create shop --read 'shop.>' --write 'shop.>'\n  tailrace tenant create shop --read 'shop.>' --write 'shop.>' --nats-account shop"
    )]
    Create {
        /// The tenant.
        name: String,
        /// Subjects that its pipelines may read. The flag may be repeated.
        #[arg(long, required = true, value_name = "PATTERN")]
        read: Vec<String>,
        /// Subjects that its pipelines may publish on. The flag may be repeated.
        #[arg(long, value_name = "PATTERN")]
        write: Vec<String>,
        /// NATS account of its streams, as the engine's configuration names it, or '' for the engine's own
        /// [default: unchanged].
        #[arg(long, value_name = "NAME")]
        nats_account: Option<String>,
    },
    /// List all tenants.
    #[command(after_help = "Example:\n  tailrace tenant list")]
    List,
    /// Show a tenant.
    #[command(after_help = "Example:\n  tailrace tenant show shop")]
    Show {
        /// The tenant.
        name: String,
    },
    /// Change the quotas of a tenant.
    Quota(QuotaArgs),
    /// Create, list and revoke tokens of a tenant.
    #[command(
        args_conflicts_with_subcommands = true,
        arg_required_else_help = true,
        after_help = "Examples:\n  export TAILRACE_TOKEN=$(tailrace tenant token shop)\n  tailrace tenant token create shop --scope read --label dashboard --expires-in 30d\n  tailrace tenant token revoke shop 8c1f0e5a27b3d946"
    )]
    Token {
        #[command(subcommand)]
        command: Option<TokenCommand>,
        /// The tenant. Creates a token of scope deploy that lasts 90 days.
        name: Option<String>,
    },
    /// Delete a tenant that has no pipelines, with its tokens and plugins.
    #[command(after_help = "Example:\n  tailrace tenant delete shop --yes")]
    Delete {
        /// The tenant.
        name: String,
        /// Confirm the deletion.
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Deserialize)]
struct TenantView {
    name: String,
    /// Said of one whose entry the engine cannot read, with the reason; all else is missing then.
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    read: Vec<String>,
    #[serde(default)]
    write: Vec<String>,
    #[serde(default)]
    nats_account: Option<String>,
    #[serde(default)]
    created_ms: u64,
}

/// Whether there is a tenant of this name.
fn exists(client: &Client, name: &str) -> anyhow::Result<bool> {
    let tenants: Vec<TenantView> = read(&client.get(&route(&["v1", "tenants"]))?)?;
    Ok(tenants.iter().any(|tenant| tenant.name == name))
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
            nats_account,
        } => {
            let mut request = json!({ "read": reads, "write": write });
            if let Some(account) = nats_account {
                request["nats-account"] = json!(account);
            }
            let is_new = !exists(client, &name)?;
            let answer = client.put(&at(&name), &request)?;
            session.output.show(&answer, || {
                let known = facts(&[
                    ("tenant", name.clone()),
                    ("read", reads.join(" ")),
                    ("write", write.join(" ")),
                ]);
                Ok(if is_new {
                    format!("{known}\n\nnext: tailrace tenant token {name}")
                } else {
                    format!("{known}\n\nit was there already; its grants are these now")
                })
            })
        }
        TenantCommand::List => {
            let answer = client.get(&route(&["v1", "tenants"]))?;
            session.output.show(&answer, || {
                let tenants: Vec<TenantView> = read(&answer)?;
                let row = |tenant: TenantView| match tenant.reason {
                    Some(_) => vec![tenant.name, "unreadable: tailrace doctor".to_owned()],
                    None => vec![
                        tenant.name,
                        tenant.read.join(" "),
                        tenant.write.join(" "),
                        ago(tenant.created_ms, now_ms()),
                    ],
                };
                Ok(table_or(
                    "there are no tenants yet",
                    &["tenant", "read", "write", "made"],
                    tenants.into_iter().map(row).collect(),
                ))
            })
        }
        TenantCommand::Show { name } => {
            let answer = client.get(&at(&name))?;
            session.output.show(&answer, || describe(&answer))
        }
        TenantCommand::Quota(args) => quota::run(&args, session),
        TenantCommand::Token { command, name } => {
            let usual = || TokenCommand::usual(name.unwrap_or_default());
            token::run(command.unwrap_or_else(usual), session)
        }
        TenantCommand::Delete { name, .. } => {
            let answer = client.delete(&at(&name))?;
            session
                .output
                .show(&answer, || Ok(format!("tenant {name} is deleted")))
        }
    }
}

fn describe(answer: &Value) -> anyhow::Result<String> {
    let tenant: TenantView = read(answer)?;
    let known = facts(&[
        ("tenant", tenant.name),
        ("read", tenant.read.join(" ")),
        ("write", tenant.write.join(" ")),
        (
            "nats account",
            tenant
                .nats_account
                .unwrap_or_else(|| "the engine's own".to_owned()),
        ),
        ("made", ago(tenant.created_ms, now_ms())),
    ]);
    Ok(format!("{known}\n\n{}", quota::describe(answer)))
}
