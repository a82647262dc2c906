//! Tells the tests whether the shared data is here, so that those that need it are counted as ignored where it is not.

use std::path::Path;

const DATA: &str = "../../../shared/data";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shared_data)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DATA}");
    if Path::new(DATA).is_dir() {
        println!("cargo::rustc-cfg=shared_data");
    }
}
