//! Every timer fires once and not before its time, computed from the input in the plainest way.

use tailrace_core::identity::partition_of;
use tailrace_testing::broker::Stored;

use super::{
    plugins::{FIRED, timers_of},
    world::received_ms,
};

/// What must have been said, of the events that are not taken back.
fn expected(input: &[Stored]) -> Vec<String> {
    let stays = |event: &&Stored| !matches!(&event.payload[..], b"invalid" | b"poison");
    let said = |event: &Stored| {
        let (sequence, key) = (event.sequence, key(event).to_owned());
        let due = timers_of(sequence, received_ms(sequence));
        due.into_iter()
            .map(move |at_ms| format!("{FIRED}{sequence}:{key}:{at_ms}"))
    };
    input.iter().filter(stays).flat_map(said).collect()
}

/// Holds what was said against it. Where the clock stands at the end, some timers are left.
pub fn check(input: &[Stored], own: &[Stored], partitions: u32, ticks: bool) -> Result<(), String> {
    let mut wanted = expected(input);
    let mut fired = said(own);
    wanted.sort_unstable();
    fired.sort_unstable();
    let twice = fired
        .iter()
        .zip(&fired[1.min(fired.len())..])
        .find(|(one, next)| one == next);
    if let Some((twice, _)) = twice {
        return Err(format!("timer {twice} fired twice"));
    }
    if let Some(invented) = fired.iter().find(|text| wanted.binary_search(text).is_err()) {
        return Err(format!("timer {invented} was never set"));
    }
    let lost = wanted.iter().find(|text| fired.binary_search(text).is_err());
    if let Some(lost) = lost.filter(|_| ticks) {
        return Err(format!(
            "{} timers wanted, {} fired; lost {lost}",
            wanted.len(),
            fired.len()
        ));
    }
    if ticks {
        Ok(())
    } else {
        check_times(own, partitions)
    }
}

fn said(own: &[Stored]) -> Vec<String> {
    let said = own.iter().filter(|message| message.subject.starts_with("out."));
    said.map(|message| String::from_utf8_lossy(&message.payload).into_owned())
        .filter(|text| text.starts_with(FIRED))
        .collect()
}

/// Without ticks, only an event moves the watermark: the first of the partition that comes behind a timer must have been
/// able to, or one before it.
fn check_times(own: &[Stored], partitions: u32) -> Result<(), String> {
    for partition in 0..partitions {
        let mut waiting = 0;
        for message in own.iter().filter(|message| message.subject.starts_with("out.")) {
            if partition_of(key(message), partitions) != partition {
                continue;
            }
            let text = String::from_utf8_lossy(&message.payload).into_owned();
            if let Some(at_ms) = text.strip_prefix(FIRED).and_then(|text| text.rsplit(':').next()) {
                waiting = waiting.max(at_ms.parse::<u64>().map_err(|cause| cause.to_string())?);
                continue;
            }
            let sequence: u64 = text
                .split(':')
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            let latest_ms = (1..=sequence).map(received_ms).max().unwrap_or(0);
            if latest_ms < waiting {
                return Err(format!(
                    "{text} moves the clock to {latest_ms}, and a timer of {waiting} fired before it"
                ));
            }
            waiting = 0;
        }
    }
    Ok(())
}

fn key(message: &Stored) -> &str {
    message.subject.split('.').nth(1).unwrap_or_default()
}
