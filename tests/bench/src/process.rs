//! What a process has used, as the kernel counts it.

use anyhow::Context as _;

/// Ticks of the kernel's clock a second: the same on every Linux that we run on.
const TICKS_A_SECOND: f64 = 100.0;

/// Seconds of processor time that a process has had, all threads together.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before may hold anything, so the fields are counted from its closing bracket.
    let (_, rest) = stat.rsplit_once(')').context("no such process")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("no times of the process")?;
    Ok((user + system) / TICKS_A_SECOND)
}

/// Resident memory of a process in MiB.
pub fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    status_mib(pid, "VmRSS")
}

/// The highest that it ever was.
pub fn peak_mib(pid: u32) -> anyhow::Result<f64> {
    status_mib(pid, "VmHWM")
}

fn status_mib(pid: u32, field: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with(field))
        .with_context(|| format!("no {field}"))?;
    let kib: f64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kib / 1_024.0)
}
