//! `tailrace dev`: an engine and a private nats-server in one command, with a tenant and a token
//! ready, for trying things.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use tailrace_control::command::{condition::Condition, tenants::TenantRequest, tokens::TokenRequest};
use tailrace_core::{
    name::Name,
    registry::{Role, Scope},
    subject,
};
use tailrace_server::{
    broker::PrivateBroker,
    config::{Config, LogConfig},
    folder::FolderLock,
    wiring::{self, RunningEngine},
};

use crate::{compile_plugin, demo::publish, serve::Signals};

/// The tenant that is made.
const TENANT: &str = "dev";
/// The stream that is made, and what it holds: what `plugin new` reads.
const STREAM: &str = "DEV";
const EVENTS: &str = "dev.events.>";
/// Longest wait for the registry of a broker that has just started.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Run an engine and a private nats-server, with tenant `dev` and a token ready.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tailrace dev\n  tailrace dev --data ./dev-data      keeps streams, plugins and state\n\nCtrl-C ends both."
)]
pub struct DevArgs {
    /// Folder that keeps everything [default: a temporary folder that is deleted at the end].
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Address of the HTTP API.
    #[arg(long, default_value = "127.0.0.1:8790")]
    pub listen: SocketAddr,
    /// Port of the nats-server [default: a free port].
    #[arg(long)]
    pub nats_port: Option<u16>,
    /// Subjects that the tenant may read and write.
    #[arg(long, default_value = "dev.>")]
    pub subjects: Vec<String>,
}

/// An engine with its own broker.
pub struct PrivateEngine {
    /// The broker.
    pub broker: PrivateBroker,
    /// The engine.
    pub engine: RunningEngine,
    /// The operator's token.
    pub operator: String,
    /// Of the folder that holds the data of both.
    _folder: FolderLock,
}

impl PrivateEngine {
    /// Starts both in a folder, and waits until the registry answers.
    pub async fn start(
        folder: &std::path::Path,
        listen: SocketAddr,
        nats_port: Option<u16>,
    ) -> anyhow::Result<Self> {
        // Before the broker: two servers on the same files would ruin them.
        let lock = FolderLock::take(folder)?;
        let broker = PrivateBroker::start(&folder.join("nats"), nats_port).await?;
        let mut config = Config {
            listen,
            data_dir: folder.join("engine"),
            ..Config::default()
        };
        config.nats.url.clone_from(&broker.url);
        let engine = wiring::start(&config, compile_plugin::in_children()?).await?;
        let operator = engine.commands.random_token();
        let admitted = async {
            while let Err(cause) = engine
                .commands
                .admit_token(&operator, Scope::Operator(Role::Admin))
                .await
            {
                tracing::debug!(%cause, "the registry does not answer yet");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, admitted)
            .await
            .context("the registry does not answer")?;
        Ok(Self {
            broker,
            engine,
            operator,
            _folder: lock,
        })
    }

    /// Makes a tenant with these subjects, and a token for it. One that is there keeps what an operator gave it.
    pub async fn tenant(&self, name: &str, subjects: &[String]) -> anyhow::Result<String> {
        let name = Name::new(name)?;
        let known = self.engine.queries.list_tenants()?;
        let known = known
            .iter()
            .find(|tenant| tenant.name == name && !tenant.deleting);
        let (read, write) = known.map_or((Vec::new(), Vec::new()), |tenant| {
            (tenant.read.clone(), tenant.write.clone())
        });
        let request = TenantRequest {
            read: added(read, subjects),
            write: added(write, subjects),
            nats_account: None,
            quotas: None,
        };
        self.engine
            .commands
            .put_tenant(&name, request, Condition::Any)
            .await?;
        let everything = TokenRequest {
            scope: Some(Role::Admin),
            expires_in: Some(None),
            ..TokenRequest::default()
        };
        Ok(self.engine.commands.create_token(&name, everything).await?.token)
    }

    /// Ends the engine, then the broker.
    pub async fn stop(self) {
        self.engine.stop().await;
        self.broker.stop().await;
    }
}

/// Patterns, with those of `wanted` that are not in them.
fn added(mut patterns: Vec<String>, wanted: &[String]) -> Vec<String> {
    for pattern in wanted {
        if !patterns.iter().any(|known| subject::covers(known, pattern)) {
            patterns.push(pattern.clone());
        }
    }
    patterns
}

/// Runs until SIGTERM, SIGINT, SIGHUP or SIGQUIT.
pub async fn run(args: DevArgs) -> anyhow::Result<()> {
    tailrace_server::logs::init(&LogConfig::default())?;
    let temporary = tempfile::tempdir()?;
    let folder = args.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut ended = Signals::with_a_terminals()?;
    let dev = PrivateEngine::start(&folder, args.listen, args.nats_port).await?;
    let token = dev.tenant(TENANT, &args.subjects).await?;
    publish::make_stream(&dev.engine.broker, STREAM, EVENTS).await?;
    introduce(&dev, &token, &args);
    let served = tokio::select! {
        () = ended.wait() => Ok(()),
        cause = dev.engine.failed() => Err(cause.into()),
    };
    dev.stop().await;
    served
}

fn introduce(dev: &PrivateEngine, token: &str, args: &DevArgs) {
    let subjects = args.subjects.join(", ");
    let kept = args
        .data
        .as_ref()
        .map_or("a temporary folder, deleted at the end".to_owned(), |data| {
            data.display().to_string()
        });
    crate::out(&format!(
        "Tailrace runs.\n\n  API       http://{address}\n  NATS      {nats}\n  data      {kept}\n  tenant    {TENANT}, reading and writing {subjects}\n  stream    {STREAM}, holding {EVENTS}\n  operator  {operator}\n\nIn another terminal:\n\n  export TAILRACE_URL=http://{address} TAILRACE_TENANT={TENANT} TAILRACE_TOKEN={token} NATS_URL={nats}\n  tailrace plugin new clicks\n  tailrace publish dev.events.click events.jsonl\n\nCtrl-C ends it.",
        address = dev.engine.address,
        nats = dev.broker.url,
        operator = dev.operator,
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_gave_is_kept_and_what_is_missing_is_added() {
        let given = |patterns: &[&str]| patterns.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let own = given(&["dev.>"]);
        assert_eq!(added(Vec::new(), &own), ["dev.>"]);
        assert_eq!(added(given(&["dev.>", "shop.>"]), &own), ["dev.>", "shop.>"]);
        assert_eq!(added(given(&["shop.>"]), &own), ["shop.>", "dev.>"]);
        assert_eq!(added(given(&[">"]), &own), [">"]);
    }
}
