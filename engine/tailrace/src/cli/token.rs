//! `tailrace tenant token` and `tailrace operator token`: make, list and revoke tokens.

use clap::{Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use super::{
    client::{read, route},
    global::Session,
    screen::{ago, ends, now_ms, remark, table_or},
};

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// Read only.
    Read,
    /// Also change plugins and pipelines.
    Deploy,
    /// Also create and revoke tokens. An operator may also change tenants and quotas.
    Admin,
}

/// Commands of operators, and of tenants with a token of scope admin.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token. It is shown only once.
    #[command(
        after_help = "Example:\n  tailrace tenant token create shop --scope read --label dashboard --expires-in 30d"
    )]
    Create {
        /// The tenant.
        name: String,
        #[command(flatten)]
        wish: TenantWish,
    },
    /// List a tenant's tokens, without their secrets.
    #[command(after_help = "Example:\n  tailrace tenant token list shop")]
    List {
        /// The tenant.
        name: String,
    },
    /// Revoke a token at once.
    #[command(after_help = "Example:\n  tailrace tenant token revoke shop 8c1f0e5a27b3d946")]
    Revoke {
        /// The tenant.
        name: String,
        /// The token's id, as the list shows it.
        id: String,
    },
}

impl TokenCommand {
    /// A token with the rights that are enough for daily work.
    pub fn usual(name: String) -> Self {
        Self::Create {
            name,
            wish: TenantWish {
                scope: Scope::Deploy,
                label: None,
                expires_in: USUAL_LIFE.to_owned(),
            },
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

/// How long a tenant's token lives where nobody says so.
const USUAL_LIFE: &str = "90d";

/// What a new token of a tenant is to be.
#[derive(Debug, clap::Args)]
pub struct TenantWish {
    /// Scope of the token.
    #[arg(long, value_enum, default_value = "deploy")]
    scope: Scope,
    /// Label of the token in lists and in the audit log.
    #[arg(long)]
    label: Option<String>,
    /// Lifetime of the token, such as 30d; `never` for one that lasts until it is revoked.
    #[arg(long, value_name = "DURATION", default_value = USUAL_LIFE)]
    expires_in: String,
}

impl From<TenantWish> for Wish {
    fn from(wish: TenantWish) -> Self {
        let expires_in = Some(wish.expires_in).filter(|life| life != "never");
        Self {
            scope: wish.scope,
            label: wish.label,
            expires_in,
        }
    }
}

/// What a new token of an operator is to be.
#[derive(Debug, clap::Args)]
pub struct Wish {
    /// Scope of the token.
    #[arg(long, value_enum, default_value = "admin")]
    scope: Scope,
    /// Label of the token in lists and in the audit log.
    #[arg(long)]
    label: Option<String>,
    /// Lifetime of the token, such as 30d [default: until it is revoked].
    #[arg(long, value_name = "DURATION")]
    expires_in: Option<String>,
}

/// Runs one of them.
pub fn run(command: TokenCommand, session: &Session) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create { name, wish } => {
            create(&["v1", "tenants", &name, "tokens"], &wish.into(), session)
        }
        TokenCommand::List { name } => show(&["v1", "tenants", &name, "tokens"], session),
        TokenCommand::Revoke { name, id } => revoke(&["v1", "tenants", &name, "tokens", &id], session),
    }
}

/// Makes a token below a path.
pub fn create(at: &[&str], wish: &Wish, session: &Session) -> anyhow::Result<()> {
    let scope = wish.scope.to_possible_value();
    let scope = scope.map(|scope| scope.get_name().to_owned());
    let request = json!({ "scope": &scope, "label": wish.label, "expires-in": wish.expires_in });
    let answer = session.client.post(&route(at), &request)?;
    let life = wish.expires_in.as_ref();
    let life = life.map_or_else(|| "until it is revoked".to_owned(), |life| format!("for {life}"));
    remark(&format!(
        "a token of scope {}, good {life}",
        scope.unwrap_or_default()
    ));
    // The token alone, so that a shell can take it up.
    session.output.show(&answer, || read(&answer["token"]))
}

/// Lists the tokens below a path.
pub fn show(at: &[&str], session: &Session) -> anyhow::Result<()> {
    let answer = session.client.get(&route(at))?;
    session.output.show(&answer, || Ok(list(read(&answer)?)))
}

/// Ends the token of a path.
pub fn revoke(at: &[&str], session: &Session) -> anyhow::Result<()> {
    let id = at.last().copied().unwrap_or_default();
    let answer = session.client.delete(&route(at))?;
    session
        .output
        .show(&answer, || Ok(format!("token {id} is revoked")))
}

fn list(tokens: Vec<TokenView>) -> String {
    let row = |token: TokenView| {
        let now = now_ms();
        vec![
            token.id,
            token.scope,
            token.label.unwrap_or_default(),
            ago(token.created_ms, now),
            ends(token.expires_ms, now),
        ]
    };
    table_or(
        "there are no tokens",
        &["id", "scope", "label", "made", "ends"],
        tokens.into_iter().map(row).collect(),
    )
}
