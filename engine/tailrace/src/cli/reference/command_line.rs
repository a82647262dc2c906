//! `command-line.md`: every command with its help, its arguments and its examples, as clap has them.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory as _};
use tailrace_reference::{cell, page, sentence};

use crate::cli::Cli;

const HEAD: &str = "# Command line

`tailrace` is one binary: the engine, and the commands that talk to an engine over HTTP. `tailrace <command> --help`
prints the help of a command.

## Where values come from

A flag comes before the environment. The environment comes before the file `~/.config/tailrace/client.toml`, which may
hold `url`, `token`, `ca` and `tenant`. The commands `serve` and `dev` do not read that file.

## Exit codes

| code | meaning |
| --- | --- |
| 0 | The command did what it was asked to do. |
| 1 | The command failed. It prints the error and a way out on standard error. |
| 2 | The command line was not understood. Nothing was done. |
| 3 | The server refused. The same command would be refused again. |
| 4 | No server answered, its answer was lost, or it could not serve now. The same command may succeed later. |

With `--output json` an error is a JSON object with `error`, `help` and, if a server refused, `problem`. The
[error codes](errors.md) have a page of their own.

## Options of every command

";

#[test]
fn the_page_of_the_command_line_is_the_one_of_clap() {
    let mut root = Cli::command();
    root.build();
    let mut text = HEAD.to_owned();
    arguments(&mut text, root.get_arguments().filter(|arg| arg.is_global_set()));
    for command in root.get_subcommands() {
        section(&mut text, command);
    }
    page("command-line.md", &text);
}

/// A command, then those below it.
fn section(text: &mut String, command: &Command) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(text, "\n## {name}\n\n{}\n", paragraphs(&about));
    let subcommands: Vec<_> = command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help")
        .collect();
    if subcommands.is_empty() || command.is_args_conflicts_with_subcommands_set() {
        let usage = command.clone().render_usage().to_string();
        let usage = usage
            .trim_start_matches("Usage: ")
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        let _ = writeln!(text, "```text\n{usage}\n```\n");
        arguments(text, command.get_arguments().filter(|arg| !arg.is_global_set()));
    }
    for below in &subcommands {
        let about = below.get_about().map(ToString::to_string).unwrap_or_default();
        let anchor = tailrace_reference::anchor(below.get_bin_name().unwrap_or_default());
        let _ = writeln!(
            text,
            "- [`{}`](#{anchor}): {}",
            below.get_name(),
            sentence(&about)
        );
    }
    if let Some(examples) = command.get_after_help() {
        example(text, &examples.to_string());
    }
    for below in subcommands {
        section(text, below);
    }
}

fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(sentence).collect::<Vec<_>>().join("\n\n")
}

fn arguments<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    // By what they do: `--version` may be that of a schema.
    let is_of_clap = |arg: &Arg| {
        matches!(
            arg.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        )
    };
    let shown = arguments.filter(|arg| !arg.is_hide_set() && !is_of_clap(arg));
    let mut rows = String::new();
    for argument in shown {
        let help = argument.get_long_help().or_else(|| argument.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        // A default that clap does not know stands in brackets at the end of the help.
        let (help, said) = help.split_once(" [default: ").unwrap_or((&help, ""));
        let said = said.trim_end_matches(['.', ']']);
        let mut meaning = sentence(help);
        let values: Vec<_> = argument
            .get_possible_values()
            .iter()
            .filter(|_| argument.get_action().takes_values())
            .map(|value| match value.get_help() {
                Some(help) => format!(" `{}`: {}", value.get_name(), sentence(&help.to_string())),
                None => format!(" `{}`.", value.get_name()),
            })
            .collect();
        meaning.push_str(&values.concat());
        let default: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        let default = if !argument.get_action().takes_values() {
            "off".to_owned()
        } else if argument.is_required_set() {
            "required".to_owned()
        } else if !said.is_empty() {
            said.to_owned()
        } else if default.is_empty() {
            "none".to_owned()
        } else {
            default.join(", ")
        };
        let environment = argument
            .get_env()
            .map_or_else(|| "–".to_owned(), |name| format!("`{}`", name.to_string_lossy()));
        let _ = writeln!(
            rows,
            "| `{}` | {default} | {environment} | {} |",
            cell(&written(argument)),
            cell(&meaning)
        );
    }
    if !rows.is_empty() {
        text.push_str("| argument | default | environment | meaning |\n| --- | --- | --- | --- |\n");
        text.push_str(&rows);
    }
}

/// `-f, --file <FILE>`, `--watch`, `<NAME>`.
fn written(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<_> = names.iter().map(|name| format!("<{name}>")).collect();
    let id = argument.get_id().as_str().to_uppercase();
    let value = match (argument.get_action().takes_values(), names.is_empty()) {
        (false, _) => String::new(),
        (true, true) => format!("<{id}>"),
        (true, false) => names.join(" "),
    };
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let flags: Vec<_> = short.into_iter().chain(long).collect();
    format!("{} {value}", flags.join(", ")).trim().to_owned()
}

/// `Example:` and indented lines, then perhaps further words.
fn example(text: &mut String, help: &str) {
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    for line in help.lines() {
        if let Some(command) = line.strip_prefix("  ") {
            commands.push(command);
        } else if !line.is_empty() && !line.starts_with("Example") {
            words.push(line);
        }
    }
    text.truncate(text.trim_end().len());
    let _ = writeln!(text, "\n\n```console\n{}\n```", commands.join("\n"));
    if !words.is_empty() {
        let _ = writeln!(text, "\n{}", words.join("\n"));
    }
}
