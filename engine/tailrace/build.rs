//! Takes the sources of the SDK into the binary, so that `tailrace plugin new` can lay them beside a new plugin. Each
//! file is a line of the table `SDK`: its place there, and its text.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Folders of the checkout, and where their sources lie in the vendored SDK.
const SOURCES: [(&str, &str); 4] = [
    ("sdk/rust/src", "src"),
    ("wit", "wit"),
    ("engine/payload/src", "payload/src"),
    ("engine/time/src", "time/src"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder"));
    let top = own.join("../..");
    let mut table = String::from("&[\n");
    for (from, to) in SOURCES {
        let folder = top.join(from);
        println!("cargo::rerun-if-changed={}", folder.display());
        add(&mut table, &folder, to);
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder for what is made"));
    fs::write(out.join("sdk.rs"), table).expect("the table of files can be written");
}

/// Adds the files of a folder, in the order of their names.
fn add(table: &mut String, folder: &Path, to: &str) {
    let entries = fs::read_dir(folder).expect("the SDK lies beside the engine");
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let to = format!("{to}/{name}");
        if path.is_dir() {
            add(table, &path, &to);
        } else {
            writeln!(table, "({to:?}, include_str!({:?})),", path.to_string_lossy())
                .expect("a text takes any text");
        }
    }
}
