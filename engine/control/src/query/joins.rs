//! What a pipeline's joins keep for partners that are to come, as of the last commit.

use serde::Serialize;
use serde_json::value::RawValue;
use tailrace_core::{
    identity::PipelineId,
    join::{self, Partner, RowId, read_key, value_prefix},
    manifest::{JoinManifest, JoinSide},
    name::Name,
};

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        pages::PageStart,
        queries::{MAX_SCAN, StateEntry},
    },
};

/// Events that a join keeps, in the order of their values.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct JoinPage {
    /// They themselves.
    pub kept: Vec<KeptEvent>,
    /// Where to go on, if there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An event that a join keeps.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct KeptEvent {
    /// The value that its partners have too.
    #[schemars(with = "serde_json::Value")]
    pub key: Box<RawValue>,
    /// Its side of the join.
    pub side: JoinSide,
    /// The input that it came by.
    pub input: Name,
    /// Its time, in milliseconds.
    pub time_ms: u64,
    /// When the watermark is behind this, no partner can come any more, and it goes.
    pub until_ms: u64,
    /// Whether it is known to have had a partner. That is noted only of events that may be told alone.
    pub paired: bool,
    /// Its sequence.
    pub sequence: u64,
    /// The partition that holds it.
    pub partition: u32,
    /// Its payload.
    #[schemars(with = "serde_json::Value")]
    pub payload: Box<RawValue>,
}

impl Queries {
    /// What a join keeps, of one value where that is given. Events that an earlier declaration of the join has kept are
    /// left out: they have no partners any more.
    pub async fn joins(
        &self,
        id: &PipelineId,
        join: &str,
        value: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> ControlResult<JoinPage> {
        let pipeline = self.context.pipeline(id)?;
        let joins = &pipeline.active.manifest.joins;
        let (name, declared) = joins
            .get_key_value(join)
            .ok_or_else(|| ControlError::not_found("join", &join))?;
        let start = PageStart {
            step: join::step(name),
            prefix: value.map(prefix_of).unwrap_or_default(),
            after: after.map(key_of).transpose()?,
        };
        let page = self.page(id, start, limit.clamp(1, MAX_SCAN)).await?;
        let shape = join::shape(declared, pipeline.active.begun.join(name));
        let kept = page
            .entries
            .iter()
            .filter_map(|entry| shown(entry, shape, declared).transpose());
        Ok(JoinPage {
            kept: kept.collect::<ControlResult<_>>()?,
            next: page.next.as_deref().map(cursor_of).transpose()?,
        })
    }
}

fn shown(entry: &StateEntry, shape: u32, join: &JoinManifest) -> ControlResult<Option<KeptEvent>> {
    let (value, id) = read_key(&entry.key).ok_or_else(|| unreadable(&entry.key))?;
    let Some(kept) = join::decode(shape, &entry.value).map_err(unreadable)? else {
        return Ok(None);
    };
    let payload = String::from_utf8(kept.payload).map_err(unreadable)?;
    // As rows show it: a mark of the order of bytes is no part of JSON.
    let payload = payload.trim_start_matches('\u{feff}').trim().to_owned();
    Ok(Some(KeptEvent {
        key: RawValue::from_string(value.to_owned()).map_err(unreadable)?,
        side: id.side,
        input: join.input(id.side).clone(),
        time_ms: id.time_ms,
        until_ms: join.kept_until_ms(id.side, id.time_ms),
        paired: kept.partner == Partner::Had,
        sequence: id.sequence,
        partition: entry.partition,
        payload: RawValue::from_string(payload).map_err(unreadable)?,
    }))
}

/// What the keys begin with of a value. A join compares texts; a number is the text that it is written as.
fn prefix_of(given: &str) -> String {
    value_prefix(&serde_json::to_string(given).unwrap_or_default())
}

/// An entry's key as a client gives it back: without the control character in it.
fn cursor_of(key: &str) -> ControlResult<String> {
    let (value, id) = read_key(key).ok_or_else(|| unreadable(key))?;
    Ok(format!("{}{value}", id.encode()))
}

fn key_of(cursor: &str) -> ControlResult<String> {
    let parts = cursor.split_at_checked(RowId::ENCODED_LENGTH);
    let key = parts.and_then(|(id, value)| Some(join::key(value, RowId::decode(id)?)));
    key.ok_or_else(|| ControlError::Invalid("after: pass `next` of the answer before, as it is".to_owned()))
}

fn unreadable(cause: impl std::fmt::Display) -> ControlError {
    ControlError::Internal(format!("what a join keeps cannot be read: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_the_key_and_nonsense_is_refused() {
        let id = RowId {
            side: JoinSide::Right,
            time_ms: 17,
            sequence: 3,
            number: 1,
        };
        for value in ["\"ann\"", "\"\"", "\"ü\""] {
            let key = join::key(value, id);
            let cursor = cursor_of(&key).unwrap();
            assert!(!cursor.contains('\0'));
            assert_eq!(key_of(&cursor).unwrap(), key);
        }
        for wrong in ["", "nonsense", &"é".repeat(60)] {
            assert!(matches!(key_of(wrong), Err(ControlError::Invalid(_))), "{wrong}");
        }
    }
}
