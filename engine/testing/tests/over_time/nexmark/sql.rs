//! What SQLite computes, by `examples/nexmark/expected.py`.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Map, Value};

/// A row: its columns by name.
pub type Row = Map<String, Value>;

/// The rows of a query over these events.
pub fn rows<'a>(query: &str, events: impl IntoIterator<Item = &'a str>) -> Vec<Row> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nexmark/expected.py");
    let mut python = Command::new("python3")
        .arg(script)
        .arg(query)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 computes what is expected");
    let lines: Vec<&str> = events.into_iter().collect();
    // The script reads to the end before it writes, so neither waits for the other. Dropping closes the pipe.
    let mut input = python.stdin.take().unwrap();
    input.write_all(lines.join("\n").as_bytes()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{query}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
