//! Takes the sources of the SDKs into the binary, so that `tailrace plugin new` can lay them beside a new plugin. Each
//! file is a line of a table: its place there, and its text.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Each table, with folders of the checkout, and where their sources lie in what is written.
const TABLES: [(&str, &[(&str, &str)]); 6] = [
    (
        "sdk.rs",
        &[
            ("sdk/rust/src", "src"),
            ("wit", "wit"),
            ("engine/payload/src", "payload/src"),
            ("engine/time/src", "time/src"),
        ],
    ),
    ("wit.rs", &[("wit", "")]),
    ("python.rs", &[("sdk/python/tailrace", "tailrace")]),
    ("javascript.rs", &[("sdk/javascript", "sdk")]),
    ("c.rs", &[("sdk/c", "sdk")]),
    // Over the one of C.
    ("zig.rs", &[("sdk/c", "sdk"), ("sdk/zig", "sdk")]),
];

/// What lies in such folders and is no source.
const LEFT_OUT: [&str; 3] = ["__pycache__", "tests", "node_modules"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder for what is made"));
    for (name, sources) in TABLES {
        let mut table = String::from("&[\n");
        for (from, to) in sources {
            let folder = own.join("../..").join(from);
            println!("cargo::rerun-if-changed={}", folder.display());
            add(&mut table, &folder, to);
        }
        table.push(']');
        fs::write(out.join(name), table).expect("the table of files can be written");
    }
}

/// Adds the files of a folder, in the order of their names.
fn add(table: &mut String, folder: &Path, to: &str) {
    let entries = fs::read_dir(folder).expect("the SDK lies beside the engine");
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let to = if to.is_empty() {
            name.to_string()
        } else {
            format!("{to}/{name}")
        };
        if LEFT_OUT.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            add(table, &path, &to);
        } else {
            writeln!(table, "({to:?}, include_str!({:?})),", path.to_string_lossy())
                .expect("a text takes any text");
        }
    }
}
