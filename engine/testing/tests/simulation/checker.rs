//! The checkers: they read what the broker holds and know nothing of how it came about.

use std::collections::BTreeMap;

use tailrace_core::{
    dead_letter,
    identity::{PartitionId, PipelineId, partition_of},
    life::Life,
    record::{self, Assembler},
    registry::candidate::Mode,
    subject,
};
use tailrace_testing::{
    broker::{MemoryBroker, Stored},
    store::Content,
};

use super::{
    plugins::{FIRED, FIRED_STATE, REVISION_HEADER},
    scenario::{CANARY, CANDIDATE},
    timers,
};

/// What an event must have come to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    outputs: Vec<String>,
    dead: Option<&'static str>,
}

/// Computes, in the plainest way, what every event must come to.
fn expected(input: &[Stored]) -> BTreeMap<u64, Expected> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for event in input {
        let key = event.subject.split('.').nth(1).unwrap_or_default().to_owned();
        let sequence = event.sequence;
        let payload = &event.payload[..];
        if payload == b"invalid" || payload == b"poison" {
            let code = if payload == b"invalid" { "invalid" } else { "crash" };
            all.insert(
                sequence,
                Expected {
                    outputs: Vec::new(),
                    dead: Some(code),
                },
            );
            continue;
        }
        let count = counts.entry(key.clone()).or_default();
        *count += 1;
        let parts = match payload {
            b"twice" => 2,
            b"drop" => 0,
            _ => 1,
        };
        let outputs = (0..parts)
            .map(|part| format!("{sequence}:{key}:{count}:{part}"))
            .collect();
        all.insert(sequence, Expected { outputs, dead: None });
    }
    all
}

/// Effects of every event and timer once, in the order of its key, nothing else. Where the watermark has come to its end,
/// all timers must have fired.
pub fn check(
    broker: &MemoryBroker,
    pipeline: &PipelineId,
    partitions: u32,
    ticks: bool,
) -> Result<(), String> {
    let expected = expected(&broker.messages("IN", ">"));
    let own = broker.messages(&subject::stream_name(pipeline), ">");
    check_outputs(&expected, &own)?;
    check_dead_letters(&expected, &own, pipeline)?;
    timers::check(&broker.messages("IN", ">"), &own, partitions, ticks)?;
    for partition in 0..partitions {
        check_records(
            broker,
            &PartitionId {
                pipeline: pipeline.clone(),
                life: Life::UNNAMED,
                partition,
            },
            partitions,
        )?;
    }
    Ok(())
}

fn check_outputs(expected: &BTreeMap<u64, Expected>, own: &[Stored]) -> Result<(), String> {
    let mut wanted: Vec<&str> = expected
        .values()
        .flat_map(|event| &event.outputs)
        .map(String::as_str)
        .collect();
    let texts = own.iter().filter(|message| message.subject.starts_with("out."));
    let texts = texts.filter(|message| !is_of_timer(message));
    let mut found = Vec::new();
    let mut last_of_key: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for message in texts {
        let text = std::str::from_utf8(&message.payload).map_err(|cause| cause.to_string())?;
        let mut fields = text.split(':');
        let mut number = || {
            fields
                .next()
                .and_then(|field| field.parse::<u64>().ok())
                .unwrap_or_default()
        };
        let sequence = number();
        let key = text.split(':').nth(1).unwrap_or_default().to_owned();
        let part = text
            .rsplit(':')
            .next()
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or_default();
        let last = last_of_key.entry(key.clone()).or_default();
        if (sequence, part) <= *last {
            return Err(format!(
                "key {key}: output {text} came after event {} part {}",
                last.0, last.1
            ));
        }
        *last = (sequence, part);
        found.push(text);
    }
    wanted.sort_unstable();
    found.sort_unstable();
    if wanted == found {
        return Ok(());
    }
    let lost: Vec<_> = wanted
        .iter()
        .filter(|text| !found.contains(text))
        .take(5)
        .collect();
    let invented: Vec<_> = found
        .iter()
        .filter(|text| !wanted.contains(text))
        .take(5)
        .collect();
    Err(format!(
        "{} outputs wanted, {} found; lost {lost:?}, invented {invented:?}",
        wanted.len(),
        found.len()
    ))
}

fn check_dead_letters(
    expected: &BTreeMap<u64, Expected>,
    own: &[Stored],
    pipeline: &PipelineId,
) -> Result<(), String> {
    let subject = subject::dead_subject(pipeline);
    let mut found = Vec::new();
    for message in own.iter().filter(|message| message.subject == subject) {
        let reason = dead_letter::reason(&message.headers).ok_or("a dead letter without a reason")?;
        found.push((reason.sequence, reason.code));
    }
    found.sort();
    let wanted: Vec<_> = expected
        .iter()
        .filter_map(|(sequence, event)| Some((*sequence, event.dead?.to_owned())))
        .collect();
    if found == wanted {
        Ok(())
    } else {
        Err(format!("dead letters {found:?}, wanted {wanted:?}"))
    }
}

/// The records are a chain without a gap, and replaying them gives the counts of the events.
fn check_records(broker: &MemoryBroker, partition: &PartitionId, partitions: u32) -> Result<(), String> {
    let stream = subject::stream_name(&partition.pipeline);
    let mut assembler = Assembler::default();
    let mut content = Content::default();
    let (mut commit, mut position, mut watermark_ms) = (0, 0, 0);
    for part in broker.messages(&stream, &subject::commit_subject(partition)) {
        let Some(record) = assembler
            .push(&part.payload)
            .map_err(|cause| format!("{partition}: {cause}"))?
        else {
            continue;
        };
        if record.head.commit == 0 && commit == 0 {
            continue;
        }
        if record.head.commit != commit + 1 || record.head.position < position {
            return Err(format!(
                "{partition}: commit {} at {} follows commit {commit} at {position}",
                record.head.commit, record.head.position
            ));
        }
        let told = record.head.watermark_ms;
        if told < watermark_ms || record.head.clock.watermark_ms > told {
            let clock_ms = record.head.clock.watermark_ms;
            return Err(format!(
                "{partition}: watermark {told} follows {watermark_ms}, with a clock of {clock_ms}"
            ));
        }
        watermark_ms = told;
        (commit, position) = (record.head.commit, record.head.position);
        content.take(&record.delta);
    }
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for event in broker.messages("IN", ">") {
        let key = event.subject.split('.').nth(1).unwrap_or_default().to_owned();
        let counted = event.payload[..] != b"invalid"[..] && event.payload[..] != b"poison"[..];
        if partition_of(&key, partitions) == partition.partition && counted {
            *counts.entry(key).or_default() += 1;
        }
    }
    for (key, count) in &counts {
        let place = ("count".to_owned(), key.clone());
        let state = content.state.get(&place).map(|value| value.value.clone());
        if state != Some(count.to_le_bytes().to_vec()) {
            return Err(format!("{partition}: key {key} counts {state:?}, wanted {count}"));
        }
        let vector = content.vectors.get(&("counts".to_owned(), key.clone()));
        if vector != Some(&vec![*count as f32]) {
            return Err(format!(
                "{partition}: vector of {key} is {vector:?}, wanted {count}"
            ));
        }
    }
    let fired = fired_of(broker, partition, partitions);
    let counted = content.state.iter().filter_map(|((_, key), value)| {
        let key = key.strip_prefix(FIRED_STATE)?;
        Some((key.to_owned(), value.value[0]))
    });
    let counted: BTreeMap<String, u8> = counted.collect();
    if counted != fired {
        return Err(format!(
            "{partition}: timers counted {counted:?}, and {fired:?} said so"
        ));
    }
    let updates = content.updates.get("counts").map_or(0, Vec::len) as u64;
    let wanted: u64 = counts.values().sum();
    if updates == wanted {
        Ok(())
    } else {
        Err(format!("{partition}: {updates} sketch updates, wanted {wanted}"))
    }
}

fn is_of_timer(output: &Stored) -> bool {
    output.payload.starts_with(FIRED.as_bytes())
}

/// What the timers of a partition said, by key.
fn fired_of(broker: &MemoryBroker, partition: &PartitionId, partitions: u32) -> BTreeMap<String, u8> {
    let own = broker.messages(&subject::stream_name(&partition.pipeline), "out.>");
    let mut fired: BTreeMap<String, u8> = BTreeMap::new();
    for output in own.iter().filter(|output| is_of_timer(output)) {
        let key = output.subject.trim_start_matches("out.").to_owned();
        if partition_of(&key, partitions) == partition.partition {
            *fired.entry(key).or_default() += 1;
        }
    }
    fired
}

/// Each batch is one revision's: its outputs and its record say the same, but for those of keys that are
/// the canary's beside it. Revisions of a partition only
/// rise; where `rivals` ran at once, those of each run do, for one may not have heard of the newest.
pub fn check_revisions(
    broker: &MemoryBroker,
    pipeline: &PipelineId,
    partitions: u32,
    rivals: bool,
) -> Result<(), String> {
    let own = broker.messages(&subject::stream_name(pipeline), ">");
    for number in 0..partitions {
        let partition = PartitionId {
            pipeline: pipeline.clone(),
            life: Life::UNNAMED,
            partition: number,
        };
        let commits = subject::commit_subject(&partition);
        let mut made_by = Vec::new();
        let mut last: BTreeMap<u64, u64> = BTreeMap::new();
        for message in &own {
            if message.subject == commits {
                let (head, _) = record::decode_part(&message.payload).map_err(|cause| cause.to_string())?;
                let last = last
                    .entry(if rivals { head.producer_epoch } else { 0 })
                    .or_default();
                if head.revision < *last {
                    let (commit, revision) = (head.commit, head.revision);
                    return Err(format!(
                        "{partition}: commit {commit} is of revision {revision}, behind {last}"
                    ));
                }
                *last = head.revision;
                let wrong = |(key, made_by, of_timer): &(&str, u64, bool)| {
                    // Timers are fired by the active revision, whoever set them.
                    let maker = if *of_timer {
                        head.revision
                    } else {
                        maker(head.revision, key)
                    };
                    *made_by != maker
                };
                if let Some((key, other, _)) = made_by.iter().copied().find(wrong) {
                    return Err(format!(
                        "{partition}: commit {} of revision {} holds an output of key {key} by revision {other}",
                        head.commit, head.revision
                    ));
                }
                made_by.clear();
            } else if let Some(key) = message.subject.strip_prefix("out.")
                && partition_of(key, partitions) == number
            {
                made_by.push((key, revision_of(message)?, is_of_timer(message)));
            }
        }
    }
    Ok(())
}

/// Which revision makes the outputs of a key while this one is active.
fn maker(active: u64, key: &str) -> u64 {
    let beside = active + CANDIDATE;
    match CANARY {
        Mode::Canary(canary) if active % 4 == 3 && canary.takes(beside, key) => beside,
        _ => active,
    }
}

fn revision_of(output: &Stored) -> Result<u64, String> {
    let header = output
        .headers
        .iter()
        .find(|header| header.name == REVISION_HEADER);
    let revision = header.and_then(|header| header.value.parse().ok());
    revision.ok_or_else(|| format!("output {} bears no revision", output.sequence))
}
