//! `tailrace plugin`: from an idea to an uploaded version, and back to a file. `new`, `build` and `test` need no server.

mod build;
mod delete;
mod download;
mod form;
mod list;
mod new;
mod present;
mod push;
mod sandbox;
mod test;

use clap::Subcommand;

use super::global::{GlobalArgs, Session};

/// Commands on plugins.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Create a plugin project with a test, sample events and a pipeline manifest.
    #[command(
        after_help = "Examples:\n  tailrace plugin new clicks && cd clicks && cargo test\n  tailrace plugin new clicks --lang python && cd clicks && python3 -m unittest"
    )]
    New(new::NewArgs),
    /// Build a project into a component.
    ///
    /// Tools of Python and JavaScript come from PyPI and npm, once, into the folder `tailrace` of the user's cache.
    /// TAILRACE_CACHE names another folder.
    #[command(after_help = "Example:\n  tailrace plugin build --path clicks")]
    Build(build::BuildArgs),
    /// Run a plugin on a file of events in the engine's sandbox, without a server.
    ///
    /// Each line of the file is the payload of an event. With --envelopes a line also holds subject, headers
    /// and time. Events are one second apart unless the pipeline or the envelope has their time. The command
    /// exits with 1 if the plugin trapped on an event.
    #[command(
        after_help = "Examples:\n  tailrace plugin test . --events events.jsonl\n  tailrace plugin test clicks.wasm --events events.jsonl --key /user --config config.yaml\n  tailrace plugin test ranker.wasm --events events.jsonl --vectors items:32:dot --output json"
    )]
    Test(Box<test::TestArgs>),
    /// Upload a version. A version is immutable, so different bytes are refused.
    ///
    /// The answer shows the plugin's imports, its memory and the cost of its compilation. With --config and
    /// --event the server tries it first, on empty state and with every grant.
    #[command(
        after_help = "Examples:\n  tailrace plugin push .\n  tailrace plugin push . --config config.yaml --event event.json\n  tailrace plugin push clicks.wasm --name clicks --version 1.0.0"
    )]
    Push(push::PushArgs),
    /// List the uploaded versions of the tenant.
    #[command(after_help = "Example:\n  tailrace plugin list")]
    List,
    /// Download the component of an uploaded version, as the engine runs it.
    #[command(
        after_help = "Examples:\n  tailrace plugin download clicks@1.0.0\n  tailrace plugin download clicks@1.0.0 --file clicks.wasm"
    )]
    Download(download::DownloadArgs),
    /// Delete a version that no revision of a pipeline names. Its number is free then, for other bytes too.
    ///
    /// A pipeline may go back to each revision that is kept, so their versions stay. The refusal names the
    /// pipelines and the revisions.
    #[command(after_help = "Example:\n  tailrace plugin delete clicks@1.0.0 --yes")]
    Delete(delete::DeleteArgs),
}

/// Runs one of them.
pub fn run(command: PluginCommand, global: GlobalArgs) -> anyhow::Result<()> {
    match command {
        PluginCommand::New(args) => new::run(&args, global.output),
        PluginCommand::Build(args) => build::run(&args, global.output),
        PluginCommand::Test(args) => test::run(*args, global.output),
        PluginCommand::Push(args) => push::run(args, &Session::new(global)?),
        PluginCommand::List => list::run(&Session::new(global)?),
        PluginCommand::Download(args) => download::run(args, &Session::new(global)?),
        PluginCommand::Delete(args) => delete::run(&args, &Session::new(global)?),
    }
}
