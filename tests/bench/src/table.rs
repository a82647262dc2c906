//! The table: one row a measurement, in Markdown for people and JSON for programs.

use serde::Serialize;

use crate::Options;

/// Figures of several rounds.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// The median.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Figure {
    /// Of these rounds; there is at least one.
    pub fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        Self {
            median: rounds[rounds.len() / 2],
            least: rounds[0],
            greatest: rounds[rounds.len() - 1],
        }
    }
}

/// A measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Events a second, or what `unit` says.
    pub figure: Figure,
    /// What is counted.
    pub unit: &'static str,
    /// Against what, and how much of it; none for what others are held against.
    pub ratio: Option<(String, f64)>,
    /// What else is worth knowing.
    pub note: String,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a row and shows it, for a whole run takes minutes.
    pub fn push(&mut self, row: Row) {
        println!("{}", line(&row));
        self.rows.push(row);
    }

    /// Shows the table and writes it where it was asked for.
    pub fn finish(&self, options: &Options) -> anyhow::Result<()> {
        let mut text =
            "| what | median | least to greatest | against | note |\n| --- | ---: | ---: | --- | --- |\n"
                .to_owned();
        for row in &self.rows {
            text.push_str(&line(row));
            text.push('\n');
        }
        println!("\n{text}");
        if let Some(file) = &options.markdown {
            std::fs::write(file, &text)?;
        }
        if let Some(file) = &options.json {
            std::fs::write(file, serde_json::to_vec_pretty(&self.rows)?)?;
        }
        Ok(())
    }
}

fn line(row: &Row) -> String {
    let Row {
        what,
        figure,
        unit,
        ratio,
        note,
    } = row;
    let against = ratio
        .as_ref()
        .map_or(String::new(), |(what, ratio)| format!("{ratio:.2} of {what}"));
    format!(
        "| {what} | {} {unit} | {} to {} | {against} | {note} |",
        number(figure.median),
        number(figure.least),
        number(figure.greatest)
    )
}

/// With commas, where it is large.
fn number(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
