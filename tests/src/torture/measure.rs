//! Figures of processes and folders, and their trend over rounds.

use std::{os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use anyhow::Context as _;

/// Bytes that a folder takes on its disk.
pub fn folder_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            // A file may vanish while we look: it takes nothing then.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            bytes += metadata.blocks() * 512;
        }
    }
    Ok(bytes)
}

/// Bytes of memory that a process has resident.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kibibytes.context("no VmRSS")?.parse::<u64>()? * 1024)
}

/// Threads that a process has.
pub fn threads(pid: u32) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/task"))?.count())
}

/// Files, connections and the like that a process has open.
pub fn open_files(pid: u32) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// Processor time that a process has used, in seconds.
pub fn processor_seconds(pid: u32) -> anyhow::Result<f64> {
    /// What Linux counts it in, a second, on every machine that it runs on.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program may hold anything; what follows it is numbers, from the third field on.
    let (_, numbers) = stat.rsplit_once(')').context("no name")?;
    let field = |number: usize| numbers.split_whitespace().nth(number - 3);
    let (user, system) = (field(14).context("no utime")?, field(15).context("no stime")?);
    Ok((user.parse::<f64>()? + system.parse::<f64>()?) / TICKS)
}

/// A figure over the rounds.
#[derive(Debug, Clone)]
pub struct Trend {
    /// What it is, with its unit.
    pub name: &'static str,
    /// What the last tenth may have beyond twice the first: noise that is no growth.
    pub allowance: f64,
    /// One a round.
    pub figures: Vec<f64>,
}

/// Fewer rounds than these show no trend.
const ROUNDS_FOR_A_TREND: usize = 20;

impl Trend {
    /// Without figures yet.
    pub fn new(name: &'static str, allowance: f64) -> Self {
        Self {
            name,
            allowance,
            figures: Vec::new(),
        }
    }

    /// Medians of the first and of the last tenth.
    pub fn ends(&self) -> (f64, f64) {
        let tenth = self.figures.len().div_ceil(10);
        let last = self.figures.len() - tenth;
        (median(&self.figures[..tenth]), median(&self.figures[last..]))
    }

    /// Growth a round, by least squares.
    pub fn slope(&self) -> f64 {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let rounds: Vec<f64> = (0..self.figures.len()).map(|round| round as f64).collect();
        let (x, y) = (mean(&rounds), mean(&self.figures));
        let both = rounds.iter().zip(&self.figures);
        let covariance: f64 = both.map(|(round, figure)| (round - x) * (figure - y)).sum();
        let variance: f64 = rounds.iter().map(|round| (round - x).powi(2)).sum();
        if variance == 0.0 {
            0.0
        } else {
            covariance / variance
        }
    }

    /// Whether the end is more than twice the beginning and the allowance.
    pub fn grows(&self) -> bool {
        let (first, last) = self.ends();
        self.figures.len() >= ROUNDS_FOR_A_TREND && last > 2.0 * first + self.allowance
    }

    /// One line of it.
    pub fn line(&self) -> String {
        let (first, last) = self.ends();
        format!(
            "{}: median of the first tenth {first:.2}, of the last {last:.2}, slope {:+.4} a round over {} rounds (allowed: twice the first and {})",
            self.name,
            self.slope(),
            self.figures.len(),
            self.allowance,
        )
    }
}

/// The middle one; nought of none.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// In seconds.
pub fn seconds(durations: &[Duration]) -> Vec<f64> {
    durations.iter().map(Duration::as_secs_f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_figures_do_not_grow_and_rising_ones_do() {
        let mut trend = Trend::new("bytes", 5.0);
        trend.figures = (0..100).map(|round| 10.0 + f64::from(round % 7)).collect();
        assert!(!trend.grows() && trend.slope().abs() < 0.05);
        trend.figures = (0..100).map(|round| 10.0 + f64::from(round)).collect();
        assert!(trend.grows() && (trend.slope() - 1.0).abs() < 1e-9);
        assert_eq!(trend.ends(), (15.0, 105.0));
    }

    #[test]
    fn few_rounds_show_no_trend() {
        let mut trend = Trend::new("bytes", 0.0);
        trend.figures = vec![1.0, 9.0, 81.0];
        assert!(!trend.grows());
    }
}
