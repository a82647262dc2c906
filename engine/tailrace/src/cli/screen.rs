//! What commands put on standard output: text for people or JSON for programs, aligned tables, sizes
//! and times in units. Text that came from elsewhere (keys, payloads, reasons) passes [`printable`]
//! on its way, so that no event can move the cursor of whoever looks at it.

use std::{io::Write as _, time::Duration};

use bytesize::ByteSize;
use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;
use tailrace_core::{event_time::rfc3339, ports::clock::Clock as _, units::Span};

use tailrace_server::system::SystemClock;

/// For whom the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Output {
    /// Text for people.
    #[default]
    Text,
    /// JSON for programs.
    Json,
}

impl Output {
    /// Prints an answer: as it came, or as `text` words it.
    pub fn show(self, value: &Value, text: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<()> {
        match self {
            Self::Text => out(&text()?),
            Self::Json => out(&serde_json::to_string_pretty(value)?),
        }
        Ok(())
    }

    /// Prints one of several answers, in JSON on a line of its own.
    pub fn line(self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        match self {
            Self::Text => out(&text()),
            Self::Json => out(&serde_json::to_string(value)?),
        }
        Ok(())
    }
}

/// Prints a text, ended by one new line. A reader that has gone away (`| head`) ends the command as
/// other tools end: quietly.
pub fn out(text: &str) {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let mut stdout = std::io::stdout().lock();
    let written = write!(stdout, "{text}{end}").and_then(|()| stdout.flush());
    if written.is_err() {
        std::process::exit(1);
    }
}

/// Prints a remark that is no part of the answer.
pub fn remark(text: &str) {
    complain(&printable(text));
}

/// Says how a list goes on that may have more.
pub fn go_on(next: Option<&str>) {
    if let Some(next) = next {
        remark(&format!(
            "there may be more; to go on: --after {}",
            shell_word(next)
        ));
    }
}

/// A text as a shell takes it.
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A time in milliseconds since the epoch, as text.
pub fn time(time_ms: u64) -> String {
    rfc3339(time_ms).map_or_else(|| format!("{time_ms} ms"), |text| text.to_string())
}

/// Prints why a command failed.
pub fn complain(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Text without control characters, other than new lines.
pub fn printable(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

/// The beginning of a text, on one line.
pub fn short(text: &str, most: usize) -> String {
    let flat = text.replace('\n', "\\n");
    let mut shown: String = printable(&flat).chars().take(most).collect();
    if flat.chars().count() > most {
        shown.push('…');
    }
    shown
}

/// Rows under a heading, in aligned columns. A heading that ends in `>` makes a column of numbers,
/// aligned to the right.
pub fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(
        headings
            .iter()
            .map(|heading| Cell::new(heading.trim_end_matches('>').to_uppercase())),
    );
    for row in rows {
        table.add_row(row.iter().map(|cell| short(cell, MAX_CELL)));
    }
    for (column, heading) in table.column_iter_mut().zip(headings) {
        column.set_padding((0, 2));
        if heading.ends_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Longest text in a cell; the whole is in the JSON output.
const MAX_CELL: usize = 80;

/// A table, or what to say when it would be empty.
pub fn table_or(empty: &str, headings: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        empty.to_owned()
    } else {
        table(headings, rows)
    }
}

/// Names and values below each other.
pub fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("{name:<width$}  {}", printable(value)))
        .collect();
    lines.join("\n")
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// A progress bar on standard error; nothing where that is no terminal.
pub fn progress(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {eta}");
    let bar = ProgressBar::new(length).with_message(what);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

/// Now, in milliseconds since the epoch.
pub fn now_ms() -> u64 {
    SystemClock::new().unix_ms()
}

/// A size in units.
pub fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// A number with its thousands parted.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut parted = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            parted.push(',');
        }
        parted.push(digit);
    }
    parted
}

/// How long ago something was, in its largest unit.
pub fn ago(then_ms: u64, now_ms: u64) -> String {
    let seconds = now_ms.saturating_sub(then_ms) / 1_000;
    if seconds == 0 {
        return "just now".to_owned();
    }
    format!("{} ago", Span(Duration::from_secs(seconds)).roughly())
}

/// When something ends, seen from now.
pub fn ends(end_ms: Option<u64>, now_ms: u64) -> String {
    match end_ms {
        None => "never".to_owned(),
        Some(end) if end <= now_ms => "has ended".to_owned(),
        // The other way round: how long from now until then.
        Some(end) => format!("in {}", ago(now_ms, end).trim_end_matches(" ago")),
    }
}

/// Microseconds in a unit that suits them.
pub fn micros(micros: f64) -> String {
    if micros < 1_000.0 {
        format!("{micros:.1} µs")
    } else if micros < 1_000_000.0 {
        format!("{:.1} ms", micros / 1_000.0)
    } else {
        format!("{:.1} s", micros / 1_000_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_end_together() {
        let rows = [
            vec!["a".to_owned(), "1".to_owned()],
            vec!["long-name".to_owned(), "100".to_owned()],
        ];
        assert_eq!(
            table(&["name", "lag>"], rows),
            "NAME       LAG\na            1\nlong-name  100"
        );
    }

    #[test]
    fn a_hostile_cell_stays_in_its_cell() {
        let shown = table(&["key"], [vec!["a\u{1b}[31m\nb\u{9b}".to_owned()]]);
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{9b}'),
            "{shown:?}"
        );
        assert_eq!(shown.lines().count(), 2);
        assert_eq!(short(&"x".repeat(500), 3), "xxx…");
    }

    #[test]
    fn quantities_have_units() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(size(3 << 20), "3.0 MiB");
        assert_eq!(ago(0, 7_300_000), "2h ago");
        assert_eq!(ago(5, 0), "just now");
        assert_eq!(
            [None, Some(5), Some(86_400_005)].map(|end| ends(end, 5)),
            ["never", "has ended", "in 1d"]
        );
        assert_eq!(micros(0.84), "0.8 µs");
        assert_eq!(micros(2_500.0), "2.5 ms");
    }
}
