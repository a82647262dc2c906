//! The report: sections of rows, in Markdown for people and JSON for programs, from the same figures.
//!
//! A row that is held against another names it; the ratio is worked out here, once, so that table and
//! JSON cannot differ. A budget is checked here too, and all of them are shown first.
//!
//! The ratio is the median of those of the single rounds: the two of a round ran one after the other,
//! and a machine whose speed changes from minute to minute is then mostly the same for both.

mod machine;
mod markdown;
mod number;
mod row;
mod section;

use std::path::Path;

use anyhow::Context as _;
pub use row::{Budget, Row};
pub use section::Section;

use self::machine::Machine;
use crate::options::Output;

/// All of a run.
#[derive(Debug, Default)]
pub struct Report {
    sections: Vec<Section>,
    /// Parts that failed, and why.
    failures: Vec<String>,
}

impl Report {
    /// Adds a section; one without rows is none.
    fn add(&mut self, mut section: Section) {
        self.failures.append(&mut section.failures);
        if !section.rows.is_empty() {
            self.sections.push(section);
        }
    }

    /// Adds several.
    pub fn add_all(&mut self, sections: Vec<Section>) {
        for section in sections {
            self.add(section);
        }
    }

    /// Adds what a part of many came to. One that failed is named, and the others go on: a run takes
    /// long, and what it has measured is not to be lost.
    pub fn add_part(&mut self, part: &str, measured: anyhow::Result<Vec<Section>>) {
        match measured {
            Ok(sections) => self.add_all(sections),
            Err(cause) => {
                println!("{part} failed: {cause:#}");
                self.failures.push(format!("{part}: {cause:#}"));
            }
        }
    }

    /// Adds rows that another program has measured: a JSON object a line.
    pub fn collect(&mut self, mut section: Section, file: &Path) -> anyhow::Result<()> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        for line in text.lines() {
            let row = serde_json::from_str(line).with_context(|| format!("{}: {line}", file.display()))?;
            section.push(row);
        }
        self.add(section);
        Ok(())
    }

    /// Shows it and writes it where it was asked for; it is an error if a part failed.
    pub fn finish(&self, output: &Output) -> anyhow::Result<()> {
        let machine = Machine::here();
        let text = markdown::text(&machine, &self.sections, &self.failures);
        println!("\n{text}");
        if let Some(file) = &output.markdown {
            std::fs::write(file, &text)?;
        }
        if let Some(file) = &output.json {
            std::fs::write(file, serde_json::to_vec_pretty(&self.json(&machine))?)?;
        }
        anyhow::ensure!(self.failures.is_empty(), "failed: {}", self.failures.join("; "));
        Ok(())
    }

    fn json(&self, machine: &Machine) -> serde_json::Value {
        let sections: Vec<_> = self.sections.iter().map(section_json).collect();
        serde_json::json!({ "machine": machine, "sections": sections, "failures": self.failures })
    }
}

fn section_json(section: &Section) -> serde_json::Value {
    let row = |row: &Row| {
        let ratio = section.ratio(row);
        let budget = row.budget.as_ref();
        serde_json::json!({
            "what": row.what, "unit": row.unit, "figure": row.figure(), "rounds": row.rounds,
            "against": row.against, "ratio": ratio.map(|ratio| ratio.median), "ratios": ratio,
            "also": row.also,
            "budget": budget, "holds": budget.and_then(|budget| budget.holds(row, ratio)),
        })
    };
    let rows: Vec<_> = section.rows.iter().map(row).collect();
    serde_json::json!({ "heading": section.heading, "about": section.about, "rows": rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something disturbed the second half of the second round: of the medians the ratio would be 1.65.
    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let mut section = Section::new("", "");
        section.push(Row::new("one", "ms", vec![10.0, 20.0, 30.0]));
        let other = Row::new("other", "ms", vec![11.0, 40.0, 33.0]).against(Some("one"));
        let ratio = section.ratio(&other).unwrap();
        assert!(
            (ratio.median - 1.1).abs() < 1e-9 && (ratio.greatest - 2.0).abs() < 1e-9,
            "{ratio:?}"
        );
        let budget = Budget::RatioAtMost(1.25);
        assert_eq!(budget.holds(&other, Some(ratio)), Some(true));
        assert_eq!(budget.holds(&other, None), None);
    }

    #[test]
    fn a_row_that_failed_takes_no_other_with_it() {
        let mut section = Section::new("latency", "");
        section.push(Row::new("one", "ms", vec![10.0]));
        section.push(Row::new("other", "ms", Vec::new()));
        section.fail("other", &anyhow::anyhow!("late\nthe log").context("round 2"));
        let mut report = Report::default();
        report.add_all(vec![section]);
        assert_eq!(report.sections[0].rows.len(), 1);
        assert_eq!(report.failures, ["latency, other: round 2: late\nthe log"]);
    }

    #[test]
    fn with_other_rounds_it_is_that_of_the_medians() {
        let mut section = Section::new("", "");
        section.push(Row::new("one", "ms", vec![10.0, 20.0, 30.0]));
        let other = Row::new("other", "ms", vec![40.0]).against(Some("one"));
        assert!((section.ratio(&other).unwrap().median - 2.0).abs() < 1e-9);
        assert!(section.ratio(&Row::new("third", "ms", vec![1.0])).is_none());
    }
}
