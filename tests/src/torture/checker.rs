//! The checker: what the input holds, against what the output and the state hold. A pure function, so
//! that it is tested itself.

use std::collections::BTreeMap;

/// An event of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its sequence in the input stream.
    pub sequence: u64,
    /// Its key.
    pub user: String,
    /// Its number, as published.
    pub number: u64,
}

/// A message of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// Its sequence in the output stream.
    pub at: u64,
    /// The key that it tells.
    pub user: String,
    /// The counter of the user that it tells.
    pub count: u64,
    /// Sequence of the event that it tells.
    pub sequence: u64,
}

/// What is wrong, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Events of the input.
    pub events: u64,
    /// Messages of the output.
    pub outputs: u64,
    /// Events without an output.
    pub lost: u64,
    /// Outputs of an event that had one already.
    pub doubled: u64,
    /// Outputs of no event.
    pub invented: u64,
    /// Outputs whose counter or event does not follow the user's one before.
    pub out_of_order: u64,
    /// Users whose state is not the number of their events.
    pub wrong_state: u64,
    /// The first of all these.
    pub first: Option<String>,
}

impl Findings {
    fn offend(&mut self, what: impl FnOnce() -> String) {
        if self.first.is_none() {
            self.first = Some(what());
        }
    }
}

/// Judges; `states` holds what the state says of each user.
///
/// An error means that the load itself is wrong, so that nothing can be said.
pub fn check(
    inputs: &[Published],
    outputs: &[Emitted],
    states: &BTreeMap<String, Option<u64>>,
) -> anyhow::Result<Findings> {
    check_load(inputs)?;
    let mut findings = Findings {
        events: inputs.len() as u64,
        outputs: outputs.len() as u64,
        ..Findings::default()
    };
    let seen = check_outputs(inputs, outputs, &mut findings);
    for input in inputs.iter().filter(|input| !seen.contains_key(&input.sequence)) {
        findings.lost += 1;
        findings.offend(|| format!("lost: {input:?} has no output"));
    }
    check_states(inputs, states, &mut findings);
    Ok(findings)
}

/// Numbers are 0, 1, 2, … each once, and ascend for each user.
fn check_load(inputs: &[Published]) -> anyhow::Result<()> {
    let mut numbers: Vec<u64> = inputs.iter().map(|input| input.number).collect();
    numbers.sort_unstable();
    for (expected, number) in (0..).zip(numbers) {
        anyhow::ensure!(
            number == expected,
            "the input lacks event {expected} or has it twice"
        );
    }
    let mut last = BTreeMap::new();
    for input in inputs {
        let before = last.insert(&input.user, input.number);
        anyhow::ensure!(
            before < Some(input.number),
            "the input is out of order: {input:?}"
        );
    }
    Ok(())
}

/// Gives where the output of each event is.
fn check_outputs(inputs: &[Published], outputs: &[Emitted], findings: &mut Findings) -> BTreeMap<u64, u64> {
    let users: BTreeMap<u64, &str> = inputs
        .iter()
        .map(|input| (input.sequence, input.user.as_str()))
        .collect();
    let mut seen = BTreeMap::new();
    let mut last: BTreeMap<&str, &Emitted> = BTreeMap::new();
    for output in outputs {
        if users.get(&output.sequence) != Some(&output.user.as_str()) {
            findings.invented += 1;
            findings.offend(|| format!("invented: {output:?} is of no event"));
            continue;
        }
        if let Some(before) = seen.insert(output.sequence, output.at) {
            findings.doubled += 1;
            findings.offend(|| format!("doubled: {output:?} came at {before} already"));
            continue;
        }
        let before = last.insert(&output.user, output);
        let (count, sequence) = before.map_or((0, 0), |before| (before.count, before.sequence));
        if output.count != count + 1 || output.sequence <= sequence {
            findings.out_of_order += 1;
            findings.offend(|| format!("out of order: {output:?} after {before:?}"));
        }
    }
    seen
}

fn check_states(inputs: &[Published], states: &BTreeMap<String, Option<u64>>, findings: &mut Findings) {
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for input in inputs {
        *expected.entry(&input.user).or_default() += 1;
    }
    for (user, count) in expected {
        let found = states.get(user).copied().flatten();
        if found != Some(count) {
            findings.wrong_state += 1;
            findings.offend(|| format!("wrong state: {user} has {count} events, its state says {found:?}"));
        }
    }
}

#[cfg(test)]
mod tests;
