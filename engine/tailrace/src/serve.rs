//! `tailrace serve`: the engine, until a signal ends it.

use std::{net::SocketAddr, path::PathBuf, task::Poll};

use anyhow::Context as _;
use clap::Args;
use tailrace_core::{
    failpoint,
    registry::{Role, Scope},
};
use tailrace_server::{
    config::{Config, LogFormat},
    wiring::{self, RunningEngine},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::compile_plugin;

/// The form of log lines.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum LogFormatFlag {
    /// Lines for people.
    Text,
    /// JSON for programs.
    Json,
}

impl From<LogFormatFlag> for LogFormat {
    fn from(flag: LogFormatFlag) -> Self {
        match flag {
            LogFormatFlag::Text => Self::Text,
            LogFormatFlag::Json => Self::Json,
        }
    }
}

/// Run the engine.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tailrace serve --config tailrace.toml --nats nats://127.0.0.1:4222\n\nSIGTERM or SIGINT ends the engine. Each partition first finishes and commits its batch.\nSIGHUP reads certificate and key again."
)]
pub struct ServeArgs {
    /// Configuration file (TOML). The environment (`TAILRACE_…`) and flags come before it.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Address of the HTTP API.
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// Folder for local state stores and compiled plugins. The engine can rebuild all of it.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Address of the broker. It may name a user (`nats://user:password@host`), but other users of the machine can see
    /// a flag, so name a file with `password-file` in the configuration.
    #[arg(long)]
    pub nats: Option<String>,
    /// PEM file with the certificate of the API and its chain. The API then speaks HTTPS.
    #[arg(long, requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the private key.
    #[arg(long, requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Form of log lines.
    #[arg(long)]
    pub log_format: Option<LogFormatFlag>,
    /// Print the configuration that the engine would use, and exit.
    #[arg(long)]
    pub print_config: bool,
}

impl ServeArgs {
    /// The configuration: file, environment, flags.
    pub fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_ref())?;
        config.listen = self.listen.unwrap_or(config.listen);
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if let Some(url) = &self.nats {
            config.nats.url.clone_from(url);
        }
        if self.tls_certificate.is_some() {
            config.tls.certificate.clone_from(&self.tls_certificate);
            config.tls.key.clone_from(&self.tls_key);
        }
        config.log.format = self.log_format.map_or(config.log.format, LogFormat::from);
        Ok(config)
    }
}

/// Runs the engine until SIGTERM or SIGINT.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.config()?;
    if args.print_config {
        crate::out(&toml::to_string(&config)?);
        return Ok(());
    }
    tailrace_server::logs::init(&config.log)?;
    if let Ok(point) = std::env::var("TAILRACE_FAIL_AT") {
        failpoint::arm(&point).context("TAILRACE_FAIL_AT")?;
    }
    tailrace_server::descriptors::raise();
    let engine = wiring::start(&config, compile_plugin::in_children()?).await?;
    tracing::info!(address = %engine.address, data = %config.data_dir.display(), "tailrace serves");
    let served = serve(&engine, &config).await;
    tracing::info!("ending: partitions finish and commit their batches");
    engine.stop().await;
    tracing::info!("ended");
    served
}

/// Returns when a signal ends the engine, or what makes it of no use.
async fn serve(engine: &RunningEngine, config: &Config) -> anyhow::Result<()> {
    let mut ended = Signals::new()?;
    let running = async {
        // Without it nobody could do anything, but the broker may come later.
        admit_operator(engine, config).await?;
        std::future::pending().await
    };
    tokio::select! {
        () = ended.wait() => Ok(()),
        cause = engine.failed() => Err(cause.into()),
        refused = running => refused,
    }
}

/// Makes the operator's first token known, as soon as the registry answers.
async fn admit_operator(engine: &RunningEngine, config: &Config) -> anyhow::Result<()> {
    let token = operator_token(engine, config)?;
    let mut told = None;
    while let Err(cause) = engine
        .commands
        .admit_token(&token, Scope::Operator(Role::Admin))
        .await
    {
        // Once for each trouble: what waits for somebody is tried for as long.
        let cause = cause.to_string();
        if told.as_ref() != Some(&cause) {
            tracing::warn!(cause, "the operator's token cannot be made known yet");
        }
        told = Some(cause);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    Ok(())
}

fn operator_token(engine: &RunningEngine, config: &Config) -> anyhow::Result<String> {
    if let Ok(token) = std::env::var("TAILRACE_OPERATOR_TOKEN") {
        anyhow::ensure!(
            token.len() >= 24,
            "TAILRACE_OPERATOR_TOKEN is too short: use at least 24 characters"
        );
        return Ok(token);
    }
    let made = config.data_dir.join("operator-token");
    let file = config.operator_token_file.as_ref().unwrap_or(&made);
    if file.exists() {
        let token =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        return Ok(token.trim().to_owned());
    }
    anyhow::ensure!(
        config.operator_token_file.is_none(),
        "there is no file {}",
        file.display()
    );
    let token = engine.commands.random_token();
    write_secret(file, &token).with_context(|| format!("cannot write {}", file.display()))?;
    tracing::info!(file = %file.display(), "a token for the operator was made");
    Ok(token)
}

/// Only its owner may read it.
fn write_secret(file: &PathBuf, secret: &str) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(file, "{secret}")
}

/// The signals that end the engine.
pub struct Signals(Vec<Signal>);

impl Signals {
    /// Listens from now on.
    pub fn new() -> std::io::Result<Self> {
        Self::of(&[SignalKind::terminate(), SignalKind::interrupt()])
    }

    /// Those that a terminal sends too: that it was closed, and Ctrl-\. For an engine that must end its broker.
    pub fn with_a_terminals() -> std::io::Result<Self> {
        Self::of(&[
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ])
    }

    fn of(kinds: &[SignalKind]) -> std::io::Result<Self> {
        kinds
            .iter()
            .map(|kind| signal(*kind))
            .collect::<std::io::Result<_>>()
            .map(Self)
    }

    /// Waits for the first.
    pub async fn wait(&mut self) {
        std::future::poll_fn(|context| {
            let mut came = self.0.iter_mut().map(|signal| signal.poll_recv(context));
            if came.any(|poll| poll.is_ready()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
