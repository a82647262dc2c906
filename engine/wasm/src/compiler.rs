//! How plugins are compiled: here, or in a process of its own that can be killed.
//!
//! A compiler has to be fast, not to withstand an enemy: a file that is valid and small can keep
//! Cranelift busy for minutes and gigabytes, and wasmtime does not call that a vulnerability. So the
//! server starts its own program for every compilation; the child sets its resource limits first
//! (`compile_child`), and whatever becomes of it, this side learns by a deadline and two bounded
//! pipes. A child has no environment, an empty folder to stand in, and no file but its pipes.
//!
//! Why: docs/decisions/0054-plugins-are-compiled-in-a-child.md

use std::{
    ffi::OsString,
    io::{Read, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::Signal;
use tailrace_core::{
    ports::plugins::{CompileLimit, PluginError},
    text::plain,
};

use crate::compile_child::{
    ADDRESS_SPACE_BYTES, Answer, HEADER_BYTES, MAX_ARTEFACT_BYTES, MAX_REFUSAL_BYTES, PROCESSOR_SECONDS,
};

/// Wall time of a compilation: more than twice the processor time that it may have, for it runs
/// behind everything else on the machine, and the limit of processor time is what ends a costly
/// one. It stays within the three minutes that a request may take.
const DEADLINE: Duration = Duration::from_secs(150);
/// What is kept of a child's last words.
const MAX_LAST_WORDS: usize = 4 * 1024;

/// How often, and how far apart, one looks whether a child that has closed its answer has ended.
const LOOKS: u32 = 200;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Where plugins are compiled.
#[derive(Debug, Clone)]
pub enum Compile {
    /// In this process, without bounds but the structural ones: for one's own plugins.
    InProcess {
        /// Where functions of interpreters are kept, which only their user can write.
        functions: Option<PathBuf>,
    },
    /// In a child process each: for those of strangers.
    InChild(CompilerProgram),
}

impl Default for Compile {
    fn default() -> Self {
        Self::InProcess { functions: None }
    }
}

/// A program that calls [`crate::compile_as_child`] and nothing else.
#[derive(Debug, Clone)]
pub struct CompilerProgram {
    /// Its file.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<OsString>,
    /// After so long it is killed.
    pub deadline: Duration,
}

/// What a child made of a component.
pub(crate) struct Compiled {
    pub(crate) artefact: Vec<u8>,
    pub(crate) processor_ms: u64,
}

/// What became of a child, as far as it can be seen from here.
struct Ending {
    answer: Vec<u8>,
    last_words: String,
    status: Option<ExitStatus>,
}

impl CompilerProgram {
    /// This program, with the deadline of the engine.
    pub fn new(program: PathBuf, arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self {
            program,
            arguments: arguments.into_iter().collect(),
            deadline: DEADLINE,
        }
    }

    /// Compiles in a child that stands in `folder`, which is empty.
    pub(crate) fn compile(&self, component: &[u8], folder: &Path) -> Result<Compiled, PluginError> {
        let ours =
            |cause: std::io::Error| PluginError::Engine(format!("the compiler cannot be run: {cause}"));
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ours)?;
        judge(self.attend(child, component).map_err(ours)?, self.deadline)
    }

    /// Feeds a child and hears it out, or kills it; it is gone when this returns.
    fn attend(&self, mut child: Child, component: &[u8]) -> std::io::Result<Ending> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            // A child that ends before it has read everything is judged by its end.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(component)));
            let last_words = scope.spawn(move || stderr.map(|stderr| hear(stderr, MAX_LAST_WORDS)));
            let (sender, heard) = mpsc::sync_channel(1);
            scope.spawn(move || {
                let answer = stdout.map(|stdout| hear(stdout, HEADER_BYTES + MAX_ARTEFACT_BYTES + 1));
                sender.send(answer.unwrap_or_default())
            });
            let answer = heard.recv_timeout(self.deadline);
            // One that has closed its answer ends by itself.
            let looks = if answer.is_ok() { LOOKS } else { 0 };
            let ended = end(&mut child, looks)?;
            let status = answer.is_ok().then_some(ended);
            Ok(Ending {
                answer: answer.unwrap_or_default(),
                last_words: last_words.join().ok().flatten().map_or(String::new(), |words| {
                    String::from_utf8_lossy(&words).into_owned()
                }),
                status,
            })
        })
    }
}

/// Reads to the end, or to the bound; the pipe is closed behind it, so that a writer ends too.
fn hear(pipe: impl Read, most: usize) -> Vec<u8> {
    let mut heard = Vec::new();
    // What a broken pipe leaves is judged like any other torn answer.
    let _ = pipe.take(most as u64).read_to_end(&mut heard);
    heard
}

/// How a child ends that has nothing left to say: soon, or by force.
fn end(child: &mut Child, looks: u32) -> std::io::Result<ExitStatus> {
    for _ in 0..looks {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    child.kill()?;
    child.wait()
}

fn judge(ending: Ending, deadline: Duration) -> Result<Compiled, PluginError> {
    let Some(status) = ending.status else {
        return Err(PluginError::TooCostly(CompileLimit::Wall(deadline.as_secs())));
    };
    if ending.answer.len() > HEADER_BYTES + MAX_ARTEFACT_BYTES {
        return Err(PluginError::TooCostly(CompileLimit::Artefact(
            MAX_ARTEFACT_BYTES as u64,
        )));
    }
    if !status.success() {
        return Err(broken_down(status, &ending.last_words));
    }
    match Answer::parse(ending.answer) {
        Some(Answer::Artefact { processor_ms, bytes }) => Ok(Compiled {
            artefact: bytes,
            processor_ms,
        }),
        Some(Answer::Refusal(reason)) => Err(PluginError::Invalid(format!(
            "the plugin does not compile: {}",
            plain(&reason, MAX_REFUSAL_BYTES)
        ))),
        None => Err(PluginError::Engine(
            "the compiler gave no answer that can be read".to_owned(),
        )),
    }
}

/// What a child died of.
fn broken_down(status: ExitStatus, last_words: &str) -> PluginError {
    let is = |signal: Signal| status.signal() == Some(signal.as_raw());
    let out_of_memory = last_words.contains("memory allocation of") || last_words.contains("os error 12");
    if is(Signal::XCPU) {
        return PluginError::TooCostly(CompileLimit::Processor(PROCESSOR_SECONDS));
    }
    if out_of_memory {
        return PluginError::TooCostly(CompileLimit::Memory(ADDRESS_SPACE_BYTES));
    }
    if is(Signal::KILL) {
        // By the system, which was short of memory, or by a person: it says nothing of the plugin.
        return PluginError::Engine("the compiler was killed from outside".to_owned());
    }
    // The rest of its last words may name paths of the host, so they stay in the log.
    tracing::warn!(%status, last_words = plain(last_words, MAX_LAST_WORDS), "a compilation broke down");
    let how = if last_words.contains("has overflowed its stack") {
        "it nests too deeply".to_owned()
    } else {
        match status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => format!("status {}", status.code().unwrap_or_default()),
        }
    };
    PluginError::Uncompilable(how)
}
