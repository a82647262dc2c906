//! Signals to processes of our own, by their id. By way of `kill`, for the standard library sends none
//! but SIGKILL and this project writes no `unsafe`.

use std::process::Command;

/// Sends a signal, such as `STOP`, to a process that we started.
pub fn send(pid: u32, signal: &str) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .status()?;
    anyhow::ensure!(status.success(), "cannot send SIG{signal} to process {pid}");
    Ok(())
}
