//! The command line. Flags are parsed first (the clap types, one file a group), and interpreted after
//! that ([`global::Session`] for where and for whom, each command for itself).
//!
//! One file a group of commands; what they share: [`client`] (HTTP), [`events`] (what comes in streams), [`screen`] (what is printed),
//! [`error`] (what is printed when it fails, and what the process ends with). A command ends with 0 only when it did
//! what was asked.

mod audit;
mod client;
mod completions;
mod dead_letters;
mod doctor;
pub mod error;
mod events;
mod global;
mod joins;
mod man;
mod operator;
mod outputs;
mod pipeline;
mod plugin;
mod publish;
mod quota;
#[cfg(test)]
mod reference;
mod schema;
pub mod screen;
mod sketch;
mod state;
mod stream;
mod tables;
mod tenant;
mod timers;
mod token;
mod vectors;
mod whoami;
mod windows;

use std::process::ExitCode;

use clap::{Args as _, CommandFactory as _, Parser, Subcommand, error::ErrorKind};
use global::{GlobalArgs, Session};
use screen::Output;

use crate::compile_plugin::COMPILE_PLUGIN;

/// Stream processing for NATS JetStream with sandboxed plugins, state and exactly-once effects.
#[derive(Debug, Parser)]
#[command(
    name = "tailrace",
    version,
    after_help = "Examples:\n  tailrace dev                                  an engine and a broker to try things on\n  tailrace plugin new clicks                    a plugin of your own\n  tailrace pipeline apply -f pipeline.yaml      run it\n\nEvery command has --help with an example."
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the engine.
    Serve(crate::serve::ServeArgs),
    /// Run an engine and a private nats-server to try things on.
    Dev(crate::dev::DevArgs),
    /// Run a demonstration on real ratings.
    Demo(crate::demo::DemoArgs),
    /// Create, build, test, upload and download plugins.
    #[command(subcommand, after_help = "Example:\n  tailrace plugin new clicks")]
    Plugin(plugin::PluginCommand),
    /// Run, watch, change and roll back pipelines.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace pipeline apply -f pipeline.yaml"
    )]
    Pipeline(pipeline::PipelineCommand),
    /// Publish events, one a line, on a subject of the tenant's write grant.
    Publish(publish::PublishArgs),
    /// Read the results of a pipeline, or follow them.
    Outputs(outputs::OutputsArgs),
    /// Create, list and delete streams for events.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace stream create orders --subjects 'shop.orders.>'"
    )]
    Stream(stream::StreamCommand),
    /// List, show and redrive events that could not be processed.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace dead-letters list recommendations"
    )]
    DeadLetters(dead_letters::DeadLettersCommand),
    /// Push, compare, list and delete schemas of payloads.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace schema push order -f order.avsc"
    )]
    Schema(schema::SchemaCommand),
    /// Query the keyed state of a pipeline's steps.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace state get recommendations rank 383"
    )]
    State(state::StateCommand),
    /// Look at the tables of a pipeline and their rows.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace table get orders customers ada"
    )]
    Table(tables::TableCommand),
    /// List what is open of a pipeline's window, with its results so far.
    Windows(windows::WindowsArgs),
    /// List the events that a pipeline's join keeps for partners that are to come.
    Joins(joins::JoinsArgs),
    /// List the timers of a pipeline's plugins, those due next first.
    Timers(timers::TimersArgs),
    /// Query the embeddings of a pipeline.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace vectors get recommendations users 383"
    )]
    Vectors(vectors::VectorsCommand),
    /// Query the sketches of a pipeline, with their error bounds.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace sketch show recommendations amounts -q 0.5,0.99"
    )]
    Sketch(sketch::SketchCommand),
    /// Manage tenants and their tokens.
    #[command(
        subcommand,
        after_help = "Example:\n  tailrace tenant create shop --read 'shop.>' --write 'shop.>'"
    )]
    Tenant(tenant::TenantCommand),
    /// Manage operators' tokens, and look at engines and at the broker's streams.
    #[command(
        subcommand,
        after_help = "Examples:\n  tailrace operator token list\n  tailrace operator engines"
    )]
    Operator(operator::OperatorCommand),
    /// Find what is not as it should be, such as leftovers and unreadable entries, and mend it. For operators.
    #[command(after_help = "Examples:\n  tailrace doctor\n  tailrace doctor --fix")]
    Doctor(doctor::DoctorArgs),
    /// Query the audit log.
    #[command(subcommand, after_help = "Example:\n  tailrace audit list --limit 20")]
    Audit(audit::AuditCommand),
    /// Say what the token is, what it may do, and which engine answers.
    #[command(after_help = "Example:\n  tailrace whoami")]
    Whoami,
    /// Print what a shell needs to complete commands and flags.
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write one of every command into a folder.
    Man(man::ManArgs),
    /// Compile the plugin on standard input within the engine's limits; the engine calls this itself.
    #[command(
        name = COMPILE_PLUGIN,
        hide = true,
        after_help = "Example:\n  tailrace compile-plugin < clicks.wasm | wc -c"
    )]
    CompilePlugin,
}

/// Runs the command that the arguments of the process name.
pub fn main() -> ExitCode {
    let Cli { global, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(cause) => return explain(&cause),
    };
    let output = global.output;
    match run(command, global) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            screen::complain(&error::render(&cause, output));
            let known = cause.downcast_ref::<error::CliError>();
            ExitCode::from(known.map_or(1, error::CliError::exit_code))
        }
    }
}

fn run(command: Command, global: GlobalArgs) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => on_runtime(crate::serve::run(args)),
        Command::Dev(args) => on_runtime(crate::dev::run(args)),
        Command::Demo(args) => on_runtime(crate::demo::run(args)),
        Command::Plugin(command) => plugin::run(command, global),
        Command::Pipeline(command) => pipeline::run(command, global),
        Command::Publish(args) => publish::run(&args, &Session::new(global)?),
        Command::Outputs(args) => outputs::run(&args, &Session::new(global)?),
        Command::Stream(command) => stream::run(command, &Session::new(global)?),
        Command::DeadLetters(command) => dead_letters::run(command, &Session::new(global)?),
        Command::Joins(args) => joins::run(args, &Session::new(global)?),
        Command::Timers(args) => timers::run(args, &Session::new(global)?),
        Command::Windows(args) => windows::run(args, &Session::new(global)?),
        Command::Schema(command) => schema::run(command, &Session::new(global)?),
        Command::Table(command) => tables::run(command, &Session::new(global)?),
        Command::State(command) => state::run(command, &Session::new(global)?),
        Command::Vectors(command) => vectors::run(command, &Session::new(global)?),
        Command::Sketch(command) => sketch::run(command, &Session::new(global)?),
        Command::Tenant(command) => tenant::run(command, &Session::new(global)?),
        Command::Operator(command) => operator::run(command, &Session::new(global)?),
        Command::Doctor(args) => doctor::run(&args, &Session::new(global)?),
        Command::Audit(command) => audit::run(&command, &Session::new(global)?),
        Command::Whoami => whoami::run(&Session::new(global)?),
        Command::Completions(args) => completions::run(&args, shown()),
        Command::Man(args) => man::run(&args, shown()),
        Command::CompilePlugin => Ok(tailrace_wasm::compile_as_child()?),
    }
}

/// The commands as users see them: without those that are the engine's own.
fn shown() -> clap::Command {
    let all = Cli::command();
    let visible = all.get_subcommands().filter(|command| !command.is_hide_set());
    let bare = clap::Command::new("tailrace")
        .version(env!("CARGO_PKG_VERSION"))
        .about(all.get_about().cloned().unwrap_or_default())
        .after_help(all.get_after_help().cloned().unwrap_or_default());
    GlobalArgs::augment_args(bare).subcommands(visible.cloned())
}

/// Runs an engine: its tasks do IO only, so the guest threads get the cores.
fn on_runtime(run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run)
}

/// Help, the version, or what clap did not understand.
fn explain(cause: &clap::Error) -> ExitCode {
    if matches!(cause.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Clap colours it for a terminal only; a reader that went away is no error of ours.
        let _ = cause.print();
        return ExitCode::SUCCESS;
    }
    if wants_json(std::env::args()) {
        let what = cause.render().to_string();
        let what = what.trim_start_matches("error: ").trim_end();
        screen::complain(&error::render(
            &error::misuse(what, "--help of the command shows an example"),
            Output::Json,
        ));
    } else {
        // Clap words these itself, with the usage and a hint.
        let _ = cause.print();
    }
    ExitCode::from(2)
}

/// Whether the arguments, which as a whole were not understood, ask for JSON.
fn wants_json(arguments: impl Iterator<Item = String>) -> bool {
    let arguments: Vec<String> = arguments.collect();
    let parted = arguments
        .windows(2)
        .any(|pair| pair[0] == "--output" && pair[1] == "json");
    parted || arguments.iter().any(|argument| argument == "--output=json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_do_not_contradict_themselves() {
        Cli::command().debug_assert();
    }

    #[test]
    fn completions_and_pages_are_of_the_commands_that_help_shows() {
        let names = |command: &clap::Command| {
            let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
            shown
                .map(|command| command.get_name().to_owned())
                .collect::<Vec<_>>()
        };
        let shown = shown();
        assert_eq!(names(&shown), names(&Cli::command()));
        assert!(shown.find_subcommand(COMPILE_PLUGIN).is_none());
        assert_eq!(
            shown.get_arguments().count(),
            Cli::command().get_arguments().count()
        );
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.contains("Example"),
                "{} shows no example",
                command.get_name()
            );
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn the_help_is_the_committed_one() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/golden/help.txt");
        let printed = Cli::command().term_width(100).render_long_help().to_string();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(golden, &printed).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(golden).unwrap(),
            printed,
            "run with BLESS=1 to renew it"
        );
    }

    #[test]
    fn a_wish_for_json_is_seen_in_arguments_that_make_no_sense() {
        let asks = |line: &str| wants_json(line.split(' ').map(str::to_owned));
        assert!(asks("tailrace nonsense --output json") && asks("tailrace --output=json"));
        assert!(!asks("tailrace --output text json"));
    }
}
