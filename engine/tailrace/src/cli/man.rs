//! `tailrace man`: manual pages, made from the commands themselves. One page a command, as `man` looks for them:
//! `tailrace.1`, `tailrace-plugin.1`, `tailrace-plugin-new.1`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Command};
use clap_mangen::Man;

use super::screen::{out, remark};

/// Where to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tailrace man | man -l -\n  tailrace man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write a page of every command into this folder, which is made if needed. Without it the page of `tailrace`
    /// is printed.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Prints the page of these commands, or writes those of all.
pub fn run(args: &ManArgs, commands: Command) -> anyhow::Result<()> {
    let commands = built(commands);
    let Some(folder) = &args.folder else {
        let page = page(&Man::new(commands))?;
        out(&String::from_utf8(page)?);
        return Ok(());
    };
    let count = write(folder, &commands)?;
    remark(&format!("{count} pages are in {}", folder.display()));
    Ok(())
}

/// With the full name of each command, and without `help`, which says nothing of its own.
fn built(commands: Command) -> Command {
    let mut commands = commands.disable_help_subcommand(true);
    commands.build();
    commands
}

/// Writes the page of a command and of those below it; gives their number.
fn write(folder: &Path, command: &Command) -> anyhow::Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut count = 1;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        count += write(folder, below)?;
    }
    let man = Man::new(command.clone());
    let file = folder.join(man.get_filename());
    fs::write(&file, page(&man)?).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(count)
}

fn page(man: &Man) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_shown_has_a_page_under_its_full_name() -> anyhow::Result<()> {
        let below = |name: &'static str| Command::new(name).about("Looks around.");
        let plugin = below("plugin")
            .subcommand(below("new"))
            .subcommand(below("secret").hide(true));
        let folder = tempfile::tempdir()?;
        let count = write(folder.path(), &built(Command::new("tailrace").subcommand(plugin)))?;
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.path())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        assert_eq!(
            names,
            ["tailrace-plugin-new.1", "tailrace-plugin.1", "tailrace.1"]
        );
        assert_eq!(count, names.len());
        let page = fs::read_to_string(folder.path().join("tailrace-plugin.1"))?;
        assert!(page.contains(".TH") && page.contains("Looks around"), "{page}");
        Ok(())
    }
}
