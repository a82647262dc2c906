//! `tailrace completions`: what a shell needs to complete commands, flags and their values. It is made from the
//! commands themselves, so it cannot lag behind them. Names of pipelines or plugins are the server's; no shell asks it.

use clap::{Args, Command};
use clap_complete::Shell;

use super::screen::out;

/// For which shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  source <(tailrace completions bash)\n  tailrace completions fish > ~/.config/fish/completions/tailrace.fish"
)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script of a shell for these commands.
pub fn run(args: &CompletionsArgs, commands: Command) -> anyhow::Result<()> {
    out(&script(args.shell, commands)?);
    Ok(())
}

fn script(shell: Shell, mut commands: Command) -> anyhow::Result<String> {
    let name = commands.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut commands, name, &mut script);
    Ok(String::from_utf8(script)?)
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ValueEnum as _};

    use super::*;

    #[test]
    fn every_shell_completes_commands_and_their_flags() {
        let below = Command::new("look").arg(Arg::new("far").long("as-far-as"));
        let commands = Command::new("tailrace").subcommand(below);
        for shell in Shell::value_variants() {
            let script = script(*shell, commands.clone()).unwrap_or_default();
            for word in ["tailrace", "look", "as-far-as"] {
                assert!(script.contains(word), "{shell}: {word} is missing in {script}");
            }
        }
    }
}
