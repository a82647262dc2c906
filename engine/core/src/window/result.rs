//! The result of a window, as it is published and shown.

use serde_json::value::RawValue;
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

/// The values of a group, from its text in JSON. A number stays the digits that the event had: no type that counts
/// holds each of them.
pub fn group_values(group: &str) -> serde_json::Result<Vec<&RawValue>> {
    serde_json::from_str(group)
}

/// The result of a window from then to then, of a group with these values, as a JSON object.
pub fn result(
    (name, window): (&Name, &WindowManifest),
    group: &[&RawValue],
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
        members.raw(name, value.get());
    }
    part.write(&window.aggregate, seed, &mut members)?;
    Ok(members.finish())
}

/// What stands for a group in a subject: its values, one after the other. A text that could be taken for several
/// values, or for a missing one, is in quotes: two groups are never one.
pub fn group_key(group: &[&RawValue]) -> String {
    let is_alone = group.len() == 1;
    let shown = group.iter().map(|value| match serde_json::from_str(value.get()) {
        Ok::<String, _>(text) if is_alone || !(text.contains([',', '"']) || text == "null") => text,
        // A number, a truth, nothing, or a text that needs its quotes.
        _ => value.get().to_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_several_values_have_names_of_their_own() {
        let names = [
            (r#"["a","b"]"#, "a,b"),
            (r#"["a,1","b"]"#, "\"a,1\",b"),
            (r#"["a","1,b"]"#, "a,\"1,b\""),
            ("[1,null]", "1,null"),
            (r#"[1,"null"]"#, "1,\"null\""),
            (r#"["a,b"]"#, "a,b"),
            ("[1e400]", "1e400"),
            ("[18446744073709551617,true]", "18446744073709551617,true"),
        ];
        for (group, name) in names {
            assert_eq!(group_key(&group_values(group).unwrap()), name);
        }
    }
}
