//! Reads what `perf` took, sample by sample.
//!
//! `perf script` prints a sample as a line that names its thread, then a line a frame, innermost first,
//! then an empty line.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context as _;

use super::{
    areas::Areas,
    sample::{Frame, Sample},
};

/// Puts every sample of a file down to its area.
pub fn read(file: &Path) -> anyhow::Result<Areas> {
    let mut script = Command::new("perf")
        .args(["script", "--no-inline", "--fields", "comm,ip,sym,dso", "--input"])
        .arg(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run `perf script`")?;
    let lines = BufReader::new(script.stdout.take().context("no output")?).lines();
    let (mut areas, mut sample) = (Areas::default(), Sample::default());
    for line in lines {
        let line = line?;
        if line.trim().is_empty() {
            areas.add(&std::mem::take(&mut sample));
        } else if line.starts_with(char::is_whitespace) {
            sample.frames.extend(frame(line.trim()));
        } else {
            line.trim().clone_into(&mut sample.thread);
        }
    }
    areas.add(&sample);
    let status = script.wait()?;
    anyhow::ensure!(status.success(), "perf script: {status}");
    anyhow::ensure!(!areas.is_empty(), "perf took no samples");
    Ok(areas)
}

/// `55d0c0ffee symbol with spaces (file)`.
fn frame(line: &str) -> Option<Frame> {
    let (address, rest) = line.split_once(' ')?;
    let (symbol, _) = rest.rsplit_once(" (").unwrap_or((rest, ""));
    Some(Frame {
        symbol: symbol.to_owned(),
        // The upper half of the addresses is the kernel's.
        kernel: address.len() == 16 && address.starts_with("ffff"),
    })
}
