//! Mounts of our own, taken away with their guard: a small disk, and a folder that nobody can write.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

/// A mount.
pub struct Mount {
    at: PathBuf,
}

impl Mount {
    /// A disk of so many MiB, in memory.
    pub fn small_disk(at: &Path, mebibytes: u32) -> anyhow::Result<Self> {
        mount(&["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"], at)?;
        Ok(Self { at: at.to_owned() })
    }

    /// A folder as it is, but read-only; permissions would not stop a root.
    pub fn read_only(at: &Path) -> anyhow::Result<Self> {
        mount(&["--bind", &at.display().to_string()], at)?;
        let mounted = Self { at: at.to_owned() };
        mount(&["-o", "remount,ro,bind"], at)?;
        Ok(mounted)
    }

    /// Whether this process may mount at all.
    pub fn is_permitted() -> bool {
        tempfile::tempdir().is_ok_and(|folder| Self::small_disk(folder.path(), 1).is_ok())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process that is about to end may still have a file open.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn mount(options: &[&str], at: &Path) -> anyhow::Result<()> {
    let ran = Command::new("mount")
        .args(options)
        .arg(at)
        .output()
        .context("there is no program `mount`")?;
    anyhow::ensure!(
        ran.status.success(),
        "mounting is not permitted here (it needs root): {}",
        String::from_utf8_lossy(&ran.stderr).trim()
    );
    Ok(())
}
