//! Tells the tests what is here, the shared data and the right to mount, so that those that need it are
//! counted as ignored where it is not, instead of passing without having looked at anything.

use std::{env, fs, path::Path, process::Command};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shared_data, may_mount)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../shared/data");
    if Path::new("../../shared/data").is_dir() {
        println!("cargo::rustc-cfg=shared_data");
    }
    if may_mount() {
        println!("cargo::rustc-cfg=may_mount");
    }
}

/// Tries it, for being root is not enough in a container.
fn may_mount() -> bool {
    let Some(folder) = env::var_os("OUT_DIR").map(|out| Path::new(&out).join("mount")) else {
        return false;
    };
    let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    fs::create_dir_all(&folder).is_ok()
        && run(Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&folder))
        && run(Command::new("umount").arg(&folder))
}
