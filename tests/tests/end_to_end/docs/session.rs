//! The shell in which a page's commands run: one `bash` a page, so that what the page exports stays, and
//! what it starts in the background goes on until the page ends.
//!
//! Its folder looks like the checkout: links to its parts, and a copy of `examples`. Pages run side by side,
//! so each has ports of its own: the well-known ones are replaced where they are written, in commands, in
//! files and in examples, and put back in what is printed. `HOME` is an empty folder.

use std::{
    fs,
    io::Write as _,
    os::unix::{fs::symlink, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use tailrace_tests::{files, ports};
use tempfile::TempDir;
use tokio::time::Instant;

use super::page::{Block, How, Kind, Page, missing};

/// Longest that a block may take; the first build of a plugin compiles what it depends on.
const PATIENCE: Duration = Duration::from_mins(3);
/// Longest until something that takes a while is as shown.
const EVENTUALLY: Duration = Duration::from_mins(1);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Ports that pages write: of nats-server, its monitoring, two engines.
const PORTS: [&str; 4] = ["4222", "8222", "8790", "8791"];
/// Parts of the checkout that commands may name.
const PARTS: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "deploy",
    "docs",
    "engine",
    "plugins",
    "rust-toolchain.toml",
    "sdk",
    "tests",
];
/// What each block runs in.
const AROUND: &str = r#"
set -o pipefail
trap 'code=$?; echo "${BASH_SOURCE[0]}: line $LINENO: \`$BASH_COMMAND\` ended with $code" >&2' ERR
set -E
"#;

/// A shell.
pub struct Session {
    folder: TempDir,
    bash: Child,
    ports: Vec<(&'static str, String)>,
    blocks: usize,
}

impl Session {
    /// Starts one, with the engine, nats-server and nothing else of ours.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut ports = Vec::new();
        for port in PORTS {
            ports.push((port, ports::free()?.to_string()));
        }
        lay_out(folder.path(), &ports)?;
        let mut command = Command::new("bash");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TAILRACE_") || name == "NATS_URL" {
                command.env_remove(name);
            }
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let home = std::env::var("HOME").unwrap_or_default();
        let of_home = |name: &str, folder: &str| std::env::var(name).unwrap_or(format!("{home}/{folder}"));
        let bash = command
            .args(["--noprofile", "--norc"])
            .current_dir(folder.path().join("tailrace"))
            .env("PATH", format!("{}/bin:{path}", folder.path().display()))
            .env("HOME", folder.path().join("home"))
            .env("CARGO_HOME", of_home("CARGO_HOME", ".cargo"))
            .env("RUSTUP_HOME", of_home("RUSTUP_HOME", ".rustup"))
            .env("TAILRACE_NATS_SERVER", files::nats_server()?)
            .env("NO_COLOR", "1")
            .envs(cargo()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What it leaves running ends with it.
            .process_group(0)
            .spawn()?;
        Ok(Self {
            folder,
            bash,
            ports,
            blocks: 0,
        })
    }

    /// Runs a page's blocks, each as its fence says.
    pub fn play(&mut self, page: &Page) -> anyhow::Result<()> {
        let mut printed = String::new();
        let mut blocks = page.blocks.iter().peekable();
        while let Some(block) = blocks.next() {
            let place = || format!("{}:{}", page.path, block.line);
            match &block.kind {
                Kind::Run(how) => {
                    let next = blocks.peek().filter(|next| next.kind == Kind::Printed);
                    let shown = next.map_or("", |next| next.text.as_str());
                    let began = Instant::now();
                    printed = self.run(page, block, how, shown).with_context(place)?;
                    // Seen where the test fails, or is run with `--nocapture`.
                    println!("{} ({:.1?})\n{printed}", place(), began.elapsed());
                }
                Kind::Printed => {
                    if let Some(line) = missing(&block.text, &printed) {
                        bail!("{}: {line:?} was not printed, but this:\n{printed}", place());
                    }
                }
                Kind::File(name) => self.write(name, &block.text).with_context(place)?,
                Kind::NotRun(_) | Kind::Shown => {}
            }
        }
        Ok(())
    }

    fn run(&mut self, page: &Page, block: &Block, how: &How, shown: &str) -> anyhow::Result<String> {
        self.blocks += 1;
        let work = self.folder.path().join(format!("block-{}", self.blocks));
        let script = work.join(&page.path);
        fs::create_dir_all(script.parent().context("a file lies in a folder")?)?;
        // The lines of the script are those of the page, so that bash names the right ones.
        let before = "\n".repeat(block.line - 1);
        fs::write(&script, before + &self.replaced(&block.text))?;
        let script = script.display().to_string();
        let began = Instant::now();
        match how {
            How::Once => {
                let (code, printed) = self.shell(&work, &format!("set -e\n{AROUND}source {script}\n"))?;
                anyhow::ensure!(code == 0, "it failed with {code}:\n{printed}");
                Ok(printed)
            }
            How::Fails => {
                let (code, printed) = self.shell(&work, &format!("source {script}\n"))?;
                anyhow::ensure!(code != 0, "it was to fail, and did not:\n{printed}");
                Ok(printed)
            }
            How::Eventually => loop {
                let (code, printed) = self.shell(&work, &format!("(set -e\nsource {script})\n"))?;
                let lacks = missing(shown, &printed);
                if code == 0 && lacks.is_none() {
                    return Ok(printed);
                }
                let waited = began.elapsed();
                anyhow::ensure!(
                    waited < EVENTUALLY,
                    "after {waited:.0?} it ends with {code}, without {lacks:?}:\n{printed}"
                );
                std::thread::sleep(PAUSE * 5);
            },
            How::Background(text) => self.beside(&work, &script, text),
        }
    }

    /// Lets commands run beside the page, until they have printed a text; takes over what they export.
    fn beside(&mut self, work: &Path, script: &str, text: &str) -> anyhow::Result<String> {
        let output = work.join("background");
        let command = format!(
            "(set -e\nsource {script}) > {} 2>&1 < /dev/null &\n",
            output.display()
        );
        self.shell(work, &command)?;
        let began = Instant::now();
        let printed = loop {
            let printed = self.put_back(&fs::read_to_string(&output).unwrap_or_default());
            if printed.contains(text) {
                break printed;
            }
            anyhow::ensure!(
                began.elapsed() < EVENTUALLY,
                "{text:?} was never printed, but:\n{printed}"
            );
            std::thread::sleep(PAUSE);
        };
        let lines = printed.lines().map(str::trim);
        let exports: Vec<&str> = lines.filter(|line| line.starts_with("export ")).collect();
        self.shell(work, &(self.replaced(&exports.join("\n")) + "\n"))?;
        Ok(printed)
    }

    /// Has the shell do something, and waits for the end: its code and what it printed.
    fn shell(&mut self, work: &Path, commands: &str) -> anyhow::Result<(i32, String)> {
        let (output, code) = (work.join("output"), work.join("code"));
        let _ = fs::remove_file(&code);
        let (at, ended) = (output.display(), code.display());
        // The shell ends where a command fails under `set -e`; then the trap says with which code.
        let line = format!(
            "exec 3>&1 4>&2 > {at} 2>&1\ntrap 'echo $? > {ended}.new; mv {ended}.new {ended}' EXIT\n{{ {commands}}} < /dev/null\ncode=$?\nset +e\ntrap - ERR EXIT\nexec 1>&3 2>&4\necho $code > {ended}.new\nmv {ended}.new {ended}\n"
        );
        let bash = self.bash.stdin.as_mut().context("the shell has an input")?;
        let sent = bash.write_all(line.as_bytes()).and_then(|()| bash.flush());
        sent.context("the shell of this page has ended")?;
        let began = Instant::now();
        loop {
            if let Ok(code) = fs::read_to_string(&code) {
                let printed = fs::read(&output).unwrap_or_default();
                let printed = self.put_back(&String::from_utf8_lossy(&printed));
                return Ok((code.trim().parse()?, printed));
            }
            if began.elapsed() > PATIENCE {
                let printed = fs::read_to_string(&output).unwrap_or_default();
                bail!("it takes longer than {PATIENCE:?}:\n{printed}");
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Writes a file where the shell stands.
    fn write(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        self.blocks += 1;
        let work = self.folder.path().join(format!("block-{}", self.blocks));
        fs::create_dir_all(&work)?;
        let content = work.join("content");
        fs::write(&content, self.replaced(text))?;
        let copy = format!(
            "mkdir -p \"$(dirname {name})\" && cp {} {name}\n",
            content.display()
        );
        let (code, printed) = self.shell(&work, &copy)?;
        anyhow::ensure!(code == 0, "{name} cannot be written: {printed}");
        Ok(())
    }

    fn replaced(&self, text: &str) -> String {
        with_own_ports(text, &self.ports)
    }

    fn put_back(&self, text: &str) -> String {
        replace_numbers(text, |number| {
            let known = self.ports.iter().find(|(_, own)| own == number);
            known.map(|(port, _)| *port)
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let group = format!("-{}", self.bash.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.bash.wait();
    }
}

/// Folder `tailrace`, like the checkout; `bin`, with the programs; `home`.
fn lay_out(folder: &Path, ports: &[(&'static str, String)]) -> anyhow::Result<()> {
    let (checkout, bin) = (folder.join("tailrace"), folder.join("bin"));
    let guests = checkout.join("target/wasm32-unknown-unknown");
    for made in [&guests, &bin, &folder.join("home"), &checkout.join("examples")] {
        fs::create_dir_all(made)?;
    }
    symlink(files::plugins()?, guests.join("guest"))?;
    symlink(files::binary()?.canonicalize()?, bin.join("tailrace"))?;
    symlink(files::nats_server()?.canonicalize()?, bin.join("nats-server"))?;
    for part in PARTS {
        symlink(files::root().join(part), checkout.join(part))?;
    }
    for entry in fs::read_dir(files::root().join("examples"))? {
        let from = entry?.path();
        let to = checkout
            .join("examples")
            .join(from.file_name().unwrap_or_default());
        if from.is_dir() {
            symlink(&from, to)?;
        } else {
            fs::write(to, with_own_ports(&fs::read_to_string(&from)?, ports))?;
        }
    }
    Ok(())
}

/// How cargo builds a plugin here: with what the workspace has downloaded, into one folder for all runs. The
/// first run compiles the SDK twice, once for the plugin's tests and once for the sandbox, which takes a minute
/// or two of processor time; those that follow take seconds.
fn cargo() -> anyhow::Result<[(&'static str, PathBuf); 2]> {
    let built = files::built()?;
    let target = built
        .parent()
        .context("cargo builds into a folder of its target folder")?;
    Ok([
        ("CARGO_TARGET_DIR", target.join("pages")),
        ("CARGO_NET_OFFLINE", "true".into()),
    ])
}

fn with_own_ports(text: &str, ports: &[(&'static str, String)]) -> String {
    replace_numbers(text, |number| {
        let known = ports.iter().find(|(port, _)| *port == number);
        known.map(|(_, own)| own.as_str())
    })
}

/// Replaces numbers that stand for themselves: `4222` in `:4222`, not in `14222`.
fn replace_numbers<'a>(text: &str, other: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|letter: char| !letter.is_ascii_digit());
        let (number, behind) = from.split_at(end.unwrap_or(from.len()));
        replaced.push_str(before);
        replaced.push_str(other(number).unwrap_or(number));
        rest = behind;
    }
    replaced + rest
}
