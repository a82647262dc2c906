//! What pipelines' own streams hold: a life has the events since its beginning, each once, and nothing of another
//! life. Streams of lives that have ended are looked at as they were then.

use std::collections::{BTreeMap, BTreeSet};

use tailrace_core::{
    dead_letter,
    identity::{PartitionId, partition_of},
    record, subject,
};
use tailrace_testing::broker::{Own, Stored};

use super::{
    history::PipelineLife,
    plugins::{Kept, Said},
};

/// What became of the events of a life.
#[derive(Default)]
pub struct Effects {
    /// What is kept of each key.
    pub kept: BTreeMap<String, Kept>,
    outputs: BTreeSet<u64>,
    letters: BTreeSet<u64>,
    redriven: BTreeSet<u64>,
}

/// Checks the stream of a life. `whole`: every event must have had its effect by now.
pub fn check(own: &Own, life: &PipelineLife, input: &[Stored], whole: bool) -> Result<Effects, String> {
    let effects = effects(own, life)?;
    let positions = positions(own, life)?;
    for event in input {
        let (sequence, key) = (event.sequence, key_of(event));
        let partition = partition_of(key, life.partitions);
        let position = positions.get(&partition).copied().unwrap_or_default();
        let is_output = effects.outputs.contains(&sequence);
        let is_letter = effects.letters.contains(&sequence);
        let is_under_way = effects.redriven.contains(&sequence);
        let context = || {
            format!(
                "{} of life {}: event {sequence} of key {key}, partition {partition} at {position}",
                life.id, life.life
            )
        };
        if is_output && is_letter {
            return Err(format!("{}, is an output and a dead letter", context()));
        }
        if sequence < life.first {
            if is_output || is_letter {
                return Err(format!(
                    "{}, is from before its beginning {}",
                    context(),
                    life.first
                ));
            }
        } else if sequence > position {
            if is_output || is_letter {
                return Err(format!("{}, has its effects and is not committed", context()));
            }
            if whole {
                return Err(format!("{}, is not processed yet", context()));
            }
        } else if !is_output && !is_letter && (whole || !is_under_way) {
            return Err(format!("{}, has no effect", context()));
        }
    }
    Ok(effects)
}

fn key_of(event: &Stored) -> &str {
    event.subject.split('.').nth(1).unwrap_or_default()
}

fn effects(own: &Own, life: &PipelineLife) -> Result<Effects, String> {
    let mut effects = Effects::default();
    let (dead, redrive) = (
        subject::dead_subject(&life.id),
        subject::redrive_patterns(&life.id),
    );
    for message in &own.messages {
        if message.subject.starts_with("out.") {
            take_output(&mut effects, message, life)?;
        } else if message.subject == dead {
            let sequence = reason_of(message)?;
            if !effects.letters.insert(sequence) {
                return Err(format!("{}: event {sequence} is two dead letters", life.id));
            }
        } else if redrive
            .iter()
            .any(|pattern| subject::covers(pattern, &message.subject))
        {
            effects.redriven.insert(reason_of(message)?);
        }
    }
    Ok(effects)
}

fn reason_of(message: &Stored) -> Result<u64, String> {
    let reason = dead_letter::reason(&message.headers);
    Ok(reason.ok_or("a dead letter without a reason")?.sequence)
}

fn take_output(effects: &mut Effects, message: &Stored, life: &PipelineLife) -> Result<(), String> {
    let said = Said::of(&message.payload).ok_or("an output that says nothing")?;
    let wrong = |what: &str| {
        Err(format!(
            "{} of life {}: output {said:?} {what}; its marks are {:?}",
            life.id, life.life, life.marks
        ))
    };
    if message.subject != format!("out.{}.{}.{}", life.id.tenant, life.id.pipeline, said.key) {
        return wrong("is on another's subject");
    }
    if !life.has(said.mark) || !life.has(said.kept.first) {
        return wrong("is of another life");
    }
    if !effects.outputs.insert(said.sequence) {
        return wrong("is there twice");
    }
    let expected = match effects.kept.get(&said.key) {
        None => Kept {
            count: 1,
            first: said.mark,
        },
        Some(kept) => Kept {
            count: kept.count + 1,
            ..*kept
        },
    };
    if said.kept != expected {
        return wrong(&format!("came out of another state than {expected:?}"));
    }
    effects.kept.insert(said.key, expected);
    Ok(())
}

/// Up to where each partition is committed.
fn positions(own: &Own, life: &PipelineLife) -> Result<BTreeMap<u32, u64>, String> {
    let mut positions = BTreeMap::new();
    for partition in 0..life.partitions {
        let place = PartitionId {
            pipeline: life.id.clone(),
            life: life.life,
            partition,
        };
        let commits = subject::commit_subject(&place);
        let mut last = None;
        for part in own.messages.iter().filter(|message| message.subject == commits) {
            let (head, _) = record::decode_part(&part.payload).map_err(|cause| cause.to_string())?;
            let (commit, position) = last.unwrap_or((head.commit, 0));
            if head.commit != commit && head.commit != commit + 1 || head.position < position {
                return Err(format!(
                    "{place}: commit {} at {} follows commit {commit} at {position}",
                    head.commit, head.position
                ));
            }
            last = Some((head.commit, head.position));
        }
        positions.insert(partition, last.unwrap_or_default().1);
    }
    Ok(positions)
}
