//! What is open of a pipeline's windows, as of the last commit.

use serde::Serialize;
use serde_json::value::RawValue;
use tailrace_core::{
    identity::PipelineId,
    window::{
        Told, group_values, result,
        stored::{self, Open, part_key, read_part_key},
    },
};

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        pages::PageStart,
        queries::{MAX_SCAN, StateEntry},
    },
};

/// Open windows, in the order of their groups.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct WindowPage {
    /// They themselves.
    pub windows: Vec<OpenWindow>,
    /// Where to go on, if there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A window that is open, or a step of a hopping one.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct OpenWindow {
    /// The partition that holds it.
    pub partition: u32,
    /// The number of its events.
    pub events: u64,
    /// Its result so far.
    #[schemars(with = "serde_json::Value")]
    pub result: Box<RawValue>,
}

impl Queries {
    /// What is open of a window, of one group where that is given.
    pub async fn windows(
        &self,
        id: &PipelineId,
        window: &str,
        group: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> ControlResult<WindowPage> {
        let pipeline = self.context.pipeline(id)?;
        let windows = &pipeline.active.manifest.windows;
        let (name, declared) = windows
            .get_key_value(window)
            .ok_or_else(|| ControlError::not_found("window", &window))?;
        let begun = pipeline.active.begun.window(name);
        let limit = limit.clamp(1, MAX_SCAN);
        let start = PageStart {
            step: stored::step(name),
            prefix: group.map(group_text).unwrap_or_default(),
            after: after.map(key_of),
        };
        let page = self.page(id, start, limit).await?;
        let (found, next) = (page.entries, page.next.map(|key| cursor_of(&key)));
        let seed = self.context.tenant(&id.tenant)?.seed;
        let shown = |(entry, open): (&StateEntry, Open)| {
            let group = group_values(&open.group).map_err(unreadable)?;
            let span = (open.start_ms, open.end_ms);
            let text = result((name, declared), &group, span, (&open.part, seed), Told::Early);
            Ok(OpenWindow {
                partition: entry.partition,
                events: open.part.events,
                result: RawValue::from_string(text.map_err(unreadable)?).map_err(unreadable)?,
            })
        };
        let mut open = Vec::new();
        for entry in &found {
            let held = stored::open((declared, begun), &entry.key, &entry.value).map_err(unreadable)?;
            open.extend(held.into_iter().map(|open| (entry, open)));
        }
        let windows = open.into_iter().map(shown).collect::<ControlResult<_>>()?;
        Ok(WindowPage { windows, next })
    }
}

/// A group as its entries begin: given as a JSON array, or as its only value.
fn group_text(given: &str) -> String {
    let values = serde_json::from_str::<Vec<Box<RawValue>>>(given);
    let values = values.map(|values| values.iter().map(|value| value.get().to_owned()).collect());
    let values: Vec<String> =
        values.unwrap_or_else(|_| vec![serde_json::to_string(given).unwrap_or_default()]);
    format!("[{}]", values.join(","))
}

/// An entry's key without the control character in it, as a client gives it back.
fn cursor_of(key: &str) -> String {
    match read_part_key(key) {
        Some((group, start_ms)) => format!("{start_ms:016x}{group}"),
        None => key.to_owned(),
    }
}

fn key_of(cursor: &str) -> String {
    let part = cursor.split_at_checked(16).and_then(|(start, group)| {
        let start_ms = u64::from_str_radix(start, 16).ok()?;
        Some(part_key(group, start_ms))
    });
    part.unwrap_or_else(|| cursor.to_owned())
}

fn unreadable(cause: impl std::fmt::Display) -> ControlError {
    ControlError::Internal(format!("a window's state cannot be read: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_given_as_its_value_or_as_an_array() {
        assert_eq!(group_text("ann"), r#"["ann"]"#);
        assert_eq!(group_text(r#"["ann", 7]"#), r#"["ann",7]"#);
        assert_eq!(group_text("7"), r#"["7"]"#);
    }

    #[test]
    fn a_cursor_comes_back_as_the_key() {
        for key in [part_key(r#"["ann"]"#, 60_000), r#"["a session"]"#.to_owned()] {
            assert_eq!(key_of(&cursor_of(&key)), key);
            assert!(!cursor_of(&key).contains('\0'));
        }
    }
}
