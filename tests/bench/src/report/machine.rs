//! Where it was measured, for a figure without its machine says little.

use std::{fmt, process::Command};

use serde::Serialize;

/// The machine, its software, and the code.
#[derive(Debug, Serialize)]
pub struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    broker: String,
    revision: String,
    date: String,
}

impl Machine {
    /// This one; what it does not tell is left empty.
    pub fn here() -> Self {
        let memory_kib: f64 = field("/proc/meminfo", "MemTotal")
            .split_whitespace()
            .next()
            .and_then(|figure| figure.parse().ok())
            .unwrap_or_default();
        let broker = tailrace_tests::files::nats_server()
            .map(|program| first_line(Command::new(program).arg("--version")))
            .unwrap_or_default();
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: memory_kib / f64::from(1 << 20),
            kernel: first_line(Command::new("uname").arg("-sr")),
            broker,
            revision: first_line(Command::new("git").args(["describe", "--always", "--dirty"])),
            date: first_line(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"])),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}, {} cores, {:.0} GiB, {}; {}; revision {}; {}",
            self.processor, self.cores, self.memory_gib, self.kernel, self.broker, self.revision, self.date
        )
    }
}

fn field(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn first_line(command: &mut Command) -> String {
    let ran = command.output().map(|ran| ran.stdout).unwrap_or_default();
    String::from_utf8_lossy(&ran)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
