//! The other side of `compiler`: a process that compiles one component and ends.
//!
//! First it limits itself. It dies with its parent, has so much memory and processor time, makes no file, no
//! process and no core dump, and runs at a low priority. Only then it reads what the tenant sent.
//!
//! Why: docs/decisions/0054-plugins-are-compiled-in-a-child.md

use std::io::{Read as _, Write as _};

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit},
    time::{ClockId, clock_gettime},
};
use tailrace_core::ports::plugins::PluginError;

use crate::{admission::MAX_UPLOAD_BYTES, engine};

/// Address space of a child, its own program included. The largest component that structure allows
/// for (18 MB of Python) takes a fraction of it.
pub(crate) const ADDRESS_SPACE_BYTES: u64 = 2 << 30;
/// Processor time of a child: six times what the largest honest guest took on one core.
pub(crate) const PROCESSOR_SECONDS: u64 = 60;
/// Longest artefact: four times the longest component.
pub(crate) const MAX_ARTEFACT_BYTES: usize = 4 * MAX_UPLOAD_BYTES;
/// Longest text of a refusal.
pub(crate) const MAX_REFUSAL_BYTES: usize = 512;
/// Before what an answer is about: a tag, and the processor time in milliseconds.
pub(crate) const HEADER_BYTES: usize = 9;
/// Files that it may have open: its pipes, and what the C library looks at.
const MAX_FILES: u64 = 16;
/// How far it stands behind the guests: a compilation may take longer, an event may not.
const NICENESS: i32 = 10;

const ARTEFACT: u8 = 0;
const REFUSAL: u8 = 1;

/// What a child says.
pub(crate) enum Answer {
    Artefact { processor_ms: u64, bytes: Vec<u8> },
    Refusal(String),
}

impl Answer {
    /// Reads an answer; none if it is torn.
    pub(crate) fn parse(mut answer: Vec<u8>) -> Option<Self> {
        let header: [u8; HEADER_BYTES] = *answer.first_chunk()?;
        let [tag, processor @ ..] = header;
        let bytes = answer.split_off(HEADER_BYTES);
        match tag {
            ARTEFACT => Some(Self::Artefact {
                processor_ms: u64::from_le_bytes(processor),
                bytes,
            }),
            REFUSAL => Some(Self::Refusal(String::from_utf8_lossy(&bytes).into_owned())),
            _ => None,
        }
    }

    fn write(&self, processor_ms: u64) -> std::io::Result<()> {
        let (tag, content) = match self {
            Self::Artefact { bytes, .. } => (ARTEFACT, &**bytes),
            Self::Refusal(reason) => (REFUSAL, reason.as_bytes()),
        };
        let mut out = std::io::stdout().lock();
        out.write_all(&[tag])?;
        out.write_all(&processor_ms.to_le_bytes())?;
        out.write_all(content)?;
        out.flush()
    }
}

/// Compiles the component on the standard input, writes the artefact on the standard output, and
/// limits the whole process before it does. The body of a program for [`crate::CompilerProgram`].
pub fn compile_as_child() -> Result<(), PluginError> {
    let ours = |cause: std::io::Error| PluginError::Engine(cause.to_string());
    set_rlimits().map_err(|cause| ours(cause.into()))?;
    let mut component = Vec::new();
    std::io::stdin()
        .lock()
        // Encoded as a component, a core module is a little longer than it was.
        .take(2 * MAX_UPLOAD_BYTES as u64)
        .read_to_end(&mut component)
        .map_err(ours)?;
    let compiler = engine::compiler().map_err(|cause| PluginError::Engine(format!("{cause:#}")))?;
    let answer = match compiler.precompile_component(&component) {
        Ok(bytes) => Answer::Artefact {
            processor_ms: 0,
            bytes,
        },
        Err(cause) => {
            let cause = format!("{cause:#}");
            Answer::Refusal(cause.chars().take(MAX_REFUSAL_BYTES).collect())
        }
    };
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let processor_ms = used.tv_sec as u64 * 1_000 + used.tv_nsec as u64 / 1_000_000;
    answer.write(processor_ms).map_err(ours)
}

/// Sets the resource limits of this process, before it reads anything.
fn set_rlimits() -> Result<(), Errno> {
    let parent = rustix::process::getppid();
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != parent {
        // It died before it was asked.
        return Err(Errno::CHILD);
    }
    // Four of them may be more than a small machine has; then it is them that go, and not the engine.
    // Where there is no such file, or it cannot be written, nothing is lost.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let most = |limit: u64| Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    setrlimit(Resource::Core, most(0))?;
    setrlimit(Resource::Fsize, most(0))?;
    setrlimit(Resource::Nproc, most(0))?;
    setrlimit(Resource::Nofile, most(MAX_FILES))?;
    setrlimit(Resource::As, most(ADDRESS_SPACE_BYTES))?;
    // The first limit tells what happened, the second one cannot be ignored.
    let processor = Rlimit {
        current: Some(PROCESSOR_SECONDS),
        maximum: Some(PROCESSOR_SECONDS + 5),
    };
    setrlimit(Resource::Cpu, processor)?;
    nice(NICENESS)?;
    Ok(())
}
