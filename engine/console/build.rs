//! Takes what `make console` has built into the crate. `built/site/files.tsv` lists the files, one a line: path,
//! media type, digest, whether its name changes with its content, and the encodings that lie beside it.
//! Where nothing was built the list is empty, and the crate says how to build the console.
//!
//! Cargo watches `built/`, which always exists. A folder that is missing would make it build anew each time.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo::rerun-if-changed=built");
    println!("cargo::rerun-if-changed=build.rs");
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder"));
    let site = own.join("built/site");
    let listed = fs::read_to_string(site.join("files.tsv")).unwrap_or_default();
    let mut table = String::from("&[\n");
    for line in listed.lines() {
        let entry =
            entry(line, &site).unwrap_or_else(|| panic!("files.tsv holds {line:?}: run `make console`"));
        table.push_str(&entry);
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder for what is made"));
    fs::write(out.join("files.rs"), table).expect("the table of files can be written");
}

/// A line of the list as a value of `File`.
fn entry(line: &str, site: &Path) -> Option<String> {
    let mut fields = line.split('\t');
    let (path, media_type, digest) = (fields.next()?, fields.next()?, fields.next()?);
    let hashed = fields.next()? == "hashed";
    let encodings = fields.next()?;
    let bytes = |suffix: &str| format!("include_bytes!({:?})", site.join(format!("{path}{suffix}")));
    let encoded = |suffix: &str| {
        let there = encodings.split(',').any(|encoding| encoding == suffix);
        if there {
            format!("Some({})", bytes(&format!(".{suffix}")))
        } else {
            "None".to_owned()
        }
    };
    let mut entry = String::new();
    writeln!(
        entry,
        "File {{ path: {path:?}, media_type: {media_type:?}, digest: {digest:?}, hashed: {hashed}, \
         plain: {}, brotli: {}, gzip: {} }},",
        bytes(""),
        encoded("br"),
        encoded("gz"),
    )
    .ok()?;
    Some(entry)
}
