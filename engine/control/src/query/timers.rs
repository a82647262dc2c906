//! The timers of a pipeline's plugins that have not fired, those due next first, as of the last commit.

use serde::Serialize;
use tailrace_core::{
    due::{Due, STEP},
    identity::PipelineId,
    timer::Carried,
};

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        pages::PageStart,
        queries::{MAX_SCAN, StateEntry},
    },
};

/// Wake-ups of windows and joins lie between the timers. So many times as many as are asked for are looked at.
const MOST_ROUNDS: usize = 10;

/// Some timers, with where to go on.
#[derive(Debug, Default)]
pub struct PendingTimers {
    /// They themselves, those due next first.
    pub timers: Vec<PendingTimer>,
    /// Where to go on, if there may be more.
    pub next: Option<String>,
}

/// A timer that has not fired.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PendingTimer {
    /// When it is due, in milliseconds of event time. It fires as soon as the watermark of its partition is there.
    pub at_ms: u64,
    /// The step that has set it.
    pub step: String,
    /// The key of the events that it is of.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The sequence of the event that set it.
    pub set_by: u64,
    /// The partition that holds it.
    pub partition: u32,
    /// What the plugin gave it to take along.
    #[serde(skip)]
    pub payload: Vec<u8>,
}

impl Queries {
    /// Timers in the order in which they are due, of one step where that is given. A page may hold fewer than are
    /// asked for, though there are more.
    pub async fn timers(
        &self,
        id: &PipelineId,
        step: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> ControlResult<PendingTimers> {
        self.context.pipeline(id)?;
        if let Some(step) = step {
            self.check_step(id, step)?;
        }
        let limit = limit.clamp(1, MAX_SCAN);
        let mut page = PendingTimers {
            timers: Vec::new(),
            next: after.map(key_of).transpose()?,
        };
        for _ in 0..MOST_ROUNDS {
            let start = PageStart {
                step: STEP.to_owned(),
                prefix: String::new(),
                after: page.next.take(),
            };
            let found = self.page(id, start, limit).await?;
            page.next = found.next;
            if let Some(behind) = take(&mut page.timers, &found.entries, step, limit)? {
                page.next = Some(behind);
                break;
            }
            if page.next.is_none() {
                break;
            }
        }
        page.next = page.next.map(|key| cursor_of(&key)).transpose()?;
        Ok(page)
    }
}

/// Takes the timers among these wake-ups. Gives the key behind which the page ends, if it is full before they do.
fn take(
    timers: &mut Vec<PendingTimer>,
    entries: &[StateEntry],
    step: Option<&str>,
    limit: usize,
) -> ControlResult<Option<String>> {
    let mut last: Option<&str> = None;
    for entry in entries {
        let due = Due::decode(&entry.key).ok_or_else(|| unreadable(&entry.key))?;
        if !due.is_timer() || step.is_some_and(|step| step != due.owner) {
            continue;
        }
        // Of the same key in another partition: the next page begins behind it.
        if timers.len() >= limit && last != Some(&entry.key) {
            return Ok(last.map(str::to_owned));
        }
        let Carried { set_by, payload } =
            Carried::decode(&entry.value).map_err(|_| unreadable(&entry.key))?;
        timers.push(PendingTimer {
            at_ms: due.at_ms,
            step: due.owner,
            key: due.key,
            name: due.name,
            set_by,
            partition: entry.partition,
            payload,
        });
        last = Some(&entry.key);
    }
    Ok(last.filter(|_| timers.len() >= limit).map(str::to_owned))
}

/// A wake-up's key as a client gives it back: JSON, without the control characters in it.
fn cursor_of(key: &str) -> ControlResult<String> {
    let due = Due::decode(key).ok_or_else(|| unreadable(key))?;
    let parts = (due.at_ms, due.key, due.owner, due.name);
    serde_json::to_string(&parts).map_err(|cause| ControlError::Internal(cause.to_string()))
}

fn key_of(cursor: &str) -> ControlResult<String> {
    let wrong = |_| ControlError::Invalid("after: pass `next` of the answer before, as it is".to_owned());
    let (at_ms, key, owner, name) = serde_json::from_str(cursor).map_err(wrong)?;
    let due = Due {
        at_ms,
        key,
        owner,
        name,
    };
    Ok(due.encode())
}

fn unreadable(key: &str) -> ControlError {
    ControlError::Internal(format!("the wake-up {key:?} cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at_ms: u64, owner: &str, partition: u32) -> StateEntry {
        let due = Due {
            at_ms,
            key: "ann\0".to_owned(),
            owner: owner.to_owned(),
            name: "end".to_owned(),
        };
        let (set_by, payload) = (3, b"x".to_vec());
        StateEntry {
            key: due.encode(),
            value: Carried { set_by, payload }.encode(),
            expires_ms: None,
            partition,
            stands_in_for: None,
        }
    }

    #[test]
    fn windows_and_other_steps_are_passed_over() {
        let entries = [
            entry(1, "~window.w", 0),
            entry(2, "a", 0),
            entry(3, "b", 0),
            entry(4, "a", 1),
        ];
        let mut timers = Vec::new();
        assert_eq!(take(&mut timers, &entries, Some("a"), 5).unwrap(), None);
        let due: Vec<_> = timers
            .iter()
            .map(|timer| (timer.at_ms, timer.partition))
            .collect();
        assert_eq!(due, [(2, 0), (4, 1)]);
    }

    #[test]
    fn a_full_page_ends_behind_its_last_timer_and_splits_no_key() {
        let entries = [
            entry(1, "a", 0),
            entry(2, "a", 0),
            entry(2, "a", 1),
            entry(3, "a", 0),
        ];
        let mut timers = Vec::new();
        let behind = take(&mut timers, &entries, None, 2).unwrap();
        assert_eq!((timers.len(), behind), (3, Some(entries[2].key.clone())));
        let mut timers = Vec::new();
        assert_eq!(take(&mut timers, &entries, None, 5).unwrap(), None);
        assert_eq!(timers.len(), 4);
    }

    #[test]
    fn a_cursor_comes_back_as_the_key_and_nonsense_is_refused() {
        let key = entry(17, "a", 0).key;
        let cursor = cursor_of(&key).unwrap();
        assert!(!cursor.contains('\0'));
        assert_eq!(key_of(&cursor).unwrap(), key);
        assert!(matches!(key_of("nonsense"), Err(ControlError::Invalid(_))));
    }
}
