//! The result of a window, as it is published and shown.

use serde_json::Value;
use tailrace_sketch::{SketchError, TenantSeed};

use crate::{
    event_time::rfc3339,
    manifest::{LateForWindow, WindowManifest},
    name::Name,
    window::{Members, Part},
};

/// Which result of a window it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// While the window is open.
    Early,
    /// When it is over.
    Final,
    /// Behind an event that came late.
    Corrected,
}

impl Told {
    /// As the result says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Final => "final",
            Self::Corrected => "corrected",
        }
    }
}

/// The result of a window from then to then, of a group with these values, as a JSON object.
pub fn result(
    (name, window): (&Name, &WindowManifest),
    group: &[Value],
    (start_ms, end_ms): (u64, u64),
    (part, seed): (&Part, TenantSeed),
    told: Told,
) -> Result<String, SketchError> {
    let mut members = Members::default();
    members.text("window", name.as_str());
    for (name, ms) in [("start", start_ms), ("end", end_ms)] {
        match rfc3339(ms) {
            Some(time) => members.text(name, &time.to_string()),
            None => members.raw(name, &ms.to_string()),
        }
    }
    if window.early.is_some() || window.late == LateForWindow::Correct {
        members.text("result", told.as_str());
    }
    if window.by.is_none() {
        members.text("key", &group_key(group));
    }
    for ((name, _), value) in window.places().zip(group) {
        members.raw(name, &value.to_string());
    }
    part.write(&window.aggregate, seed, &mut members)?;
    Ok(members.finish())
}

/// What stands for a group in a subject: its values, one after the other.
pub fn group_key(group: &[Value]) -> String {
    let shown = group.iter().map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    shown.collect::<Vec<_>>().join(",")
}
