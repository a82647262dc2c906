//! `tailrace tenant token`: make, list and revoke tokens of a tenant.

use clap::{Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use super::{
    client::{read, route},
    global::Session,
    screen::{ago, now_ms, table_or},
};

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// Look.
    Read,
    /// Change plugins and pipelines too.
    Deploy,
    /// Make and revoke tokens of the tenant too.
    Admin,
}

/// Commands of operators, and of tenants with a token of scope admin.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is shown this once.
    #[command(
        after_help = "Example:\n  tailrace tenant token create shop --scope read --label dashboard --expires-in 30d"
    )]
    Create {
        /// Whose.
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value = "admin")]
        scope: Scope,
        /// What it is called in lists and in the audit log.
        #[arg(long)]
        label: Option<String>,
        /// How long it is good, such as 30d; without it, until it is revoked.
        #[arg(long, value_name = "DURATION")]
        expires_in: Option<String>,
    },
    /// List a tenant's tokens, without their secrets.
    #[command(after_help = "Example:\n  tailrace tenant token list shop")]
    List {
        /// Whose.
        name: String,
    },
    /// End a token at once.
    #[command(after_help = "Example:\n  tailrace tenant token revoke shop 8c1f0e5a27b3d946")]
    Revoke {
        /// Whose.
        name: String,
        /// The token's id, as the list shows it.
        id: String,
    },
}

impl TokenCommand {
    /// A token that may do everything of a tenant.
    pub fn whole(name: String) -> Self {
        Self::Create {
            name,
            scope: Scope::Admin,
            label: None,
            expires_in: None,
        }
    }
}

#[derive(Deserialize)]
struct TokenView {
    id: String,
    scope: String,
    label: Option<String>,
    created_ms: u64,
    expires_ms: Option<u64>,
}

/// Runs one of them.
pub fn run(command: TokenCommand, session: &Session) -> anyhow::Result<()> {
    let client = &session.client;
    let at = |name: &str| route(&["v1", "tenants", name, "tokens"]);
    match command {
        TokenCommand::Create {
            name,
            scope,
            label,
            expires_in,
        } => {
            let scope = scope.to_possible_value().map(|scope| scope.get_name().to_owned());
            let request = json!({ "scope": scope, "label": label, "expires-in": expires_in });
            let answer = client.post(&at(&name), &request)?;
            // The token alone, so that a shell can take it up.
            session.output.show(&answer, || read(&answer["token"]))
        }
        TokenCommand::List { name } => {
            let answer = client.get(&at(&name))?;
            session.output.show(&answer, || Ok(list(read(&answer)?)))
        }
        TokenCommand::Revoke { name, id } => {
            let answer = client.delete(&route(&["v1", "tenants", &name, "tokens", &id]))?;
            session
                .output
                .show(&answer, || Ok(format!("token {id} is revoked")))
        }
    }
}

fn list(tokens: Vec<TokenView>) -> String {
    let row = |token: TokenView| {
        let now = now_ms();
        let ends = match token.expires_ms {
            None => "never".to_owned(),
            Some(end) if end <= now => "has ended".to_owned(),
            // The other way round: how long from now until then.
            Some(end) => format!("in {}", ago(now, end).trim_end_matches(" ago")),
        };
        vec![
            token.id,
            token.scope,
            token.label.unwrap_or_default(),
            ago(token.created_ms, now),
            ends,
        ]
    };
    table_or(
        "the tenant has no tokens",
        &["id", "scope", "label", "made", "ends"],
        tokens.into_iter().map(row).collect(),
    )
}
