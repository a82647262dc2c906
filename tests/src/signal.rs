//! Signals to processes of our own, by their id. By way of `kill`, for the standard library sends none
//! but SIGKILL and this project writes no `unsafe`.

use std::{process::Command, time::Duration};

use anyhow::Context as _;

/// Pause between looks at a process.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// Sends a signal, such as `STOP`, to a process that we started.
pub fn send(pid: u32, signal: &str) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .status()?;
    anyhow::ensure!(status.success(), "cannot send SIG{signal} to process {pid}");
    Ok(())
}

/// Whether a process stands still (SIGSTOP).
pub fn is_stopped(pid: u32) -> anyhow::Result<bool> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program may hold anything; its state follows.
    let (_, rest) = stat.rsplit_once(')').context("no name")?;
    Ok(rest.trim_start().starts_with('T'))
}

/// Lets a process go on whenever it stands still. Never ends by itself, unless the process does.
pub async fn keep_going(pid: u32) -> anyhow::Result<()> {
    loop {
        if is_stopped(pid)? {
            send(pid, "CONT")?;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
