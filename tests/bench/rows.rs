//! Writes measurements as `bench` collects them: a JSON object a line, appended to the file that
//! `--rows` names. Included by the benchmarks of `wasm` and `store`, which stay what anyone can run
//! alone with `cargo bench`.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write as _},
};

/// Where rows go, if they are asked for.
pub struct Rows(Option<File>);

/// A measurement with its rounds.
pub struct Row<'a> {
    pub what: &'a str,
    pub unit: &'a str,
    pub rounds: &'a [f64],
    /// The row that it is held against.
    pub against: Option<&'a str>,
    /// What it has to keep, as `{"ratio-at-most":1.3}`.
    pub budget: Option<&'a str>,
    /// What else there is to say: name, value, unit.
    pub also: &'a [(&'a str, f64, &'a str)],
}

impl Rows {
    /// As the command line says: `--rows FILE`.
    pub fn of_arguments() -> io::Result<Self> {
        let mut arguments = env::args().skip_while(|argument| argument != "--rows").skip(1);
        let file = arguments.next().map(|path| {
            OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(true)
                .open(path)
        });
        Ok(Self(file.transpose()?))
    }

    /// Arguments that are neither flags nor the file of the rows.
    pub fn other_arguments() -> impl Iterator<Item = String> {
        let is_value = |before: &String| before == "--rows";
        let all: Vec<String> = env::args().collect();
        let others = all
            .windows(2)
            .filter(|pair| !is_value(&pair[0]) && !pair[1].starts_with("--"));
        others.map(|pair| pair[1].clone()).collect::<Vec<_>>().into_iter()
    }

    /// Writes one; texts here need no more escapes than Rust's own.
    pub fn write(&mut self, row: &Row<'_>) -> io::Result<()> {
        let Some(file) = &mut self.0 else {
            return Ok(());
        };
        let Row {
            what,
            unit,
            rounds,
            against,
            budget,
            also,
        } = row;
        let against = against.map_or("null".to_owned(), |other| format!("{other:?}"));
        let also: Vec<String> = also
            .iter()
            .map(|(name, value, unit)| format!("[{name:?},{value:?},{unit:?}]"))
            .collect();
        writeln!(
            file,
            "{{\"what\":{what:?},\"unit\":{unit:?},\"rounds\":{rounds:?},\"against\":{against},\"budget\":{},\"also\":[{}]}}",
            budget.unwrap_or("null"),
            also.join(",")
        )
    }
}
