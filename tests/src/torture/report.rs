//! What a scenario found, as a row of a Markdown table, with notes and failures below it.

use std::{fmt::Write as _, time::Duration};

use super::{
    checker::Findings,
    measure::{median, seconds},
};

/// What a scenario found.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Its name.
    pub scenario: String,
    /// Rounds that it was to have.
    pub rounds: u32,
    /// Faults that were made.
    pub faults: u32,
    /// From the end of each fault until every user has a new output.
    pub recoveries: Vec<Duration>,
    /// What the checker found.
    pub findings: Findings,
    /// Figures and facts beside the table.
    pub notes: Vec<String>,
    /// Everything that keeps it from being well.
    pub failures: Vec<String>,
}

impl Outcome {
    /// Whether all is well.
    pub fn is_well(&self) -> bool {
        self.failures.is_empty()
    }

    fn row(&self) -> String {
        let recoveries = seconds(&self.recoveries);
        let longest = recoveries.iter().copied().fold(0.0, f64::max);
        let findings = &self.findings;
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {:.1} / {longest:.1} | {} |\n",
            self.scenario,
            self.rounds,
            findings.events,
            self.faults,
            findings.lost,
            findings.doubled + findings.invented,
            findings.out_of_order,
            median(&recoveries),
            if self.is_well() { "held" } else { "**FAILED**" },
        )
    }
}

/// The report of a run.
pub fn markdown(seed: u64, outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "Seed {seed}. Recovery: seconds from the end of a fault, or from the restart of a process, until every user has a new output; median / longest.\n\n"
    );
    text += "| scenario | rounds | events | faults | lost | doubled | out of order | recovery | verdict |\n";
    text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n";
    for outcome in outcomes {
        text += &outcome.row();
    }
    text.push('\n');
    for outcome in outcomes {
        for note in &outcome.notes {
            let _ = writeln!(text, "- {}: {note}", outcome.scenario);
        }
        for failure in &outcome.failures {
            let failure = failure.replace('\n', "\n    ");
            let _ = writeln!(text, "- **{} failed** (seed {seed}): {failure}", outcome.scenario);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_in_the_table_and_below_it_with_the_seed() {
        let outcome = Outcome {
            scenario: "kill-engine".to_owned(),
            failures: vec!["lost: u1".to_owned()],
            ..Outcome::default()
        };
        let text = markdown(7, &[outcome]);
        assert!(text.contains("| kill-engine | 0 | 0 |") && text.contains("**FAILED** |"));
        assert!(text.contains("- **kill-engine failed** (seed 7): lost: u1"));
    }
}
