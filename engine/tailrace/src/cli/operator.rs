//! `tailrace operator`: tokens of operators, who may act on every tenant, and what only they see.

use clap::Subcommand;
use serde::Deserialize;

use super::{
    client::{query, read, route},
    global::Session,
    screen::{count, go_on, size, table_or},
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
    /// List the engines that are alive, with their shares of the partitions.
    #[command(after_help = "Example:\n  tailrace operator engines")]
    Engines,
    /// List the streams of a NATS account, with their replicas.
    #[command(
        after_help = "Examples:\n  tailrace operator streams\n  tailrace operator streams --account shop"
    )]
    Streams {
        /// The NATS account [default: the engine's own].
        #[arg(long)]
        account: Option<String>,
        /// Pass over so many streams, as the list before has named.
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
    },
}

#[derive(Deserialize)]
struct EngineView {
    engine: String,
    answers: bool,
    pipelines: u64,
    partitions: u64,
    #[serde(default)]
    cannot_read: Vec<String>,
}

#[derive(Deserialize)]
struct StreamPage {
    streams: Vec<StreamView>,
    next: Option<u64>,
}

#[derive(Deserialize)]
struct StreamView {
    stream: String,
    pipeline: Option<String>,
    replicas: u64,
    leader: Option<String>,
    #[serde(default)]
    followers: Vec<FollowerView>,
    bytes: u64,
}

#[derive(Deserialize)]
struct FollowerView {
    node: String,
    current: bool,
    offline: bool,
    lag: u64,
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
    let command = match command {
        OperatorCommand::Token(command) => command,
        OperatorCommand::Engines => {
            let answer = session.client.get(&route(&["v1", "engines"]))?;
            return session.output.show(&answer, || Ok(engines(read(&answer)?)));
        }
        OperatorCommand::Streams { account, after } => {
            let parameters = query(&[
                ("account", account),
                ("after", after.map(|after| after.to_string())),
            ]);
            let answer = session.client.get(&(route(&["v1", "streams"]) + &parameters))?;
            return session.output.show(&answer, || {
                let page: StreamPage = read(&answer)?;
                go_on(page.next.map(|next| next.to_string()).as_deref());
                Ok(streams(page.streams))
            });
        }
    };
    match command {
        OperatorTokenCommand::Create(wish) => token::create(&["v1", "operator", "tokens"], &wish, session),
        OperatorTokenCommand::List => token::show(&["v1", "operator", "tokens"], session),
        OperatorTokenCommand::Revoke { id } => token::revoke(&["v1", "operator", "tokens", &id], session),
    }
}

fn engines(engines: Vec<EngineView>) -> String {
    let row = |engine: EngineView| {
        vec![
            engine.engine,
            count(engine.pipelines),
            count(engine.partitions),
            if engine.answers { "answers" } else { "" }.to_owned(),
            engine.cannot_read.join(" "),
        ]
    };
    table_or(
        "no engine is known",
        &["engine", "pipelines>", "partitions>", "", "cannot read"],
        engines.into_iter().map(row).collect(),
    )
}

fn streams(streams: Vec<StreamView>) -> String {
    let row = |stream: StreamView| {
        let followers = stream.followers.iter().map(standing);
        vec![
            stream.stream,
            stream.pipeline.unwrap_or_default(),
            stream.replicas.to_string(),
            stream.leader.unwrap_or_default(),
            followers.collect::<Vec<_>>().join(", "),
            size(stream.bytes),
        ]
    };
    table_or(
        "there are no streams",
        &["stream", "pipeline", "replicas>", "leader", "followers", "bytes>"],
        streams.into_iter().map(row).collect(),
    )
}

fn standing(follower: &FollowerView) -> String {
    let FollowerView {
        node,
        current,
        offline,
        lag,
    } = follower;
    match (current, offline) {
        (_, true) => format!("{node} (away)"),
        (true, _) => node.clone(),
        _ => format!("{node} ({} behind)", count(*lag)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_whether_it_is_away_or_behind() {
        let of = |current, offline, lag| {
            standing(&FollowerView {
                node: "n2".to_owned(),
                current,
                offline,
                lag,
            })
        };
        assert_eq!(of(true, false, 0), "n2");
        assert_eq!(of(false, false, 1_200), "n2 (1,200 behind)");
        assert_eq!(of(true, true, 0), "n2 (away)");
    }
}
