//! `tailrace operator`: tokens of operators, who may act on every tenant.

use clap::Subcommand;

use super::{
    global::Session,
    token::{self, Wish},
};

/// Commands of operators, about operators.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Create, list and revoke tokens of operators.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace operator token create --scope read --label grafana"
    )]
    Token(OperatorTokenCommand),
}

/// What can be done with them.
#[derive(Debug, Subcommand)]
pub enum OperatorTokenCommand {
    /// Create a token. It is shown only once. Scope read reads every tenant and the metrics. Scope deploy also
    /// changes plugins and pipelines of every tenant. Scope admin may do everything.
    #[command(
        after_help = "Example:\n  tailrace operator token create --scope read --label grafana --expires-in 90d"
    )]
    Create(Wish),
    /// List the operators' tokens, without their secrets.
    #[command(after_help = "Example:\n  tailrace operator token list")]
    List,
    /// Revoke a token at once. The last one of scope admin stays. The next start admits a token of the
    /// configuration again, unless the configuration names another.
    #[command(after_help = "Example:\n  tailrace operator token revoke 8c1f0e5a27b3d946")]
    Revoke {
        /// The token's id, as the list shows it.
        id: String,
    },
}

/// Runs one of them.
pub fn run(command: OperatorCommand, session: &Session) -> anyhow::Result<()> {
    let OperatorCommand::Token(command) = command;
    match command {
        OperatorTokenCommand::Create(wish) => token::create(&["v1", "operator", "tokens"], &wish, session),
        OperatorTokenCommand::List => token::show(&["v1", "operator", "tokens"], session),
        OperatorTokenCommand::Revoke { id } => token::revoke(&["v1", "operator", "tokens", &id], session),
    }
}
