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

/// Seconds of processor time that this machine wanted and did not get since it started, all processors
/// together: on a virtual one, what its host gave to others.
pub fn stolen_seconds() -> anyhow::Result<f64> {
    stolen(&std::fs::read_to_string("/proc/stat")?)
}

fn stolen(stat: &str) -> anyhow::Result<f64> {
    let field = stat.lines().next().and_then(|all| all.split_whitespace().nth(8));
    let ticks: f64 = field.context("/proc/stat tells no stolen time")?.parse()?;
    Ok(ticks / TICKS_A_SECOND)
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

#[cfg(test)]
mod tests {
    use super::stolen;

    #[test]
    fn stolen_time_is_the_eighth_of_the_first_line() {
        let stat = "cpu  4883378 267945 320172 1558108 32678 0 34469 258063 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert!((stolen(stat).unwrap() - 2_580.63).abs() < 1e-6);
        assert!(stolen("cpu  1 2 3\n").is_err());
    }
}
